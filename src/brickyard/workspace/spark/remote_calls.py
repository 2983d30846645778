"""Inside the engine's process: sends the columns of a call to the workspace, returns the answer's.

Loaded by `sail_process.py` under the name `brickyard_remote`; only the standard library and
pyarrow. The workspace is asked with the token that this engine has anyway, its principal's.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

PATH = "/api/2.0/brickyard/functions/evaluate"
TIMEOUT_S = 3600  # the workspace has limits of its own


def remote(request: str) -> Callable[..., Any]:
    """The function that the engine calls with Arrow columns."""

    def call(*columns: Any) -> Any:
        return _answered(request, columns)

    return call


def _answered(request: str, columns: tuple[Any, ...]) -> Any:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    batch = pa.RecordBatch.from_arrays(
        list(columns), names=[f"c{at}" for at in range(len(columns))]
    )
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    status, body = _post(request, sink.getvalue().to_pybytes())
    if status != 200:
        told = json.loads(body)
        raise RuntimeError(f"BRICKYARD[{told.get('error_code')}]{told.get('message')}[/BRICKYARD]")
    with pa.ipc.open_stream(body) as reader:
        return _hollow(reader.read_all().column(0).combine_chunks())


def _hollow(column: Any) -> Any:
    """A missing structure has nothing in its fields either: the engine looks there alone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_struct(column.type) or not len(column):
        return column
    there = column.is_valid()
    fields = [
        _hollow(pc.if_else(there, column.field(at), pa.scalar(None, field.type)))
        for at, field in enumerate(column.type)
    ]
    missing = pc.invert(there)
    return pa.StructArray.from_arrays(fields, fields=list(column.type), mask=missing)


def _post(request: str, body: bytes) -> tuple[int, bytes]:
    place = urlsplit(os.environ["BRICKYARD_FUNCTIONS_URL"])
    connection = http.client.HTTPConnection(
        place.hostname or "127.0.0.1", place.port, timeout=TIMEOUT_S
    )
    head = json.dumps(json.loads(request)).encode()
    try:
        connection.request(
            "POST",
            PATH,
            body=len(head).to_bytes(4, "big") + head + body,
            headers={
                "Authorization": f"Bearer {os.environ['BRICKYARD_FUNCTIONS_TOKEN']}",
                "Content-Type": "application/vnd.apache.arrow.stream",
            },
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
