"""`http_request()` of SQL, over a connection of the catalog (`requesting.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.functions.batches import Batch
from brickyard.workspace.functions.offers import Bound, Offer
from brickyard.workspace.functions.own_api import each
from brickyard.workspace.functions.requesting import Request, Requests
from brickyard.workspace.kernel import ApiError

RETURNS: Final = "STRUCT<status_code: INT, text: STRING>"


def offer(catalog: Any) -> Offer:
    def write(bound: Bound) -> str:
        caller, name = bound.asked.caller, str(bound.constants["conn"])
        catalog.authorize(caller.principal, caller.workspace, "USE_CONNECTION", "connection", name)
        columns = {"method": "STRING", "path": "STRING", "json": "STRING"}
        maps = dict.fromkeys(("headers", "params"), "MAP<STRING, STRING>")
        request = {"kind": "http_request", "connection": name}
        return bound.remote(request, RETURNS, {**columns, **maps}, is_deterministic=False)

    return Offer(
        name="http_request",
        parameters=("conn", "method", "path", "headers", "params", "json"),
        required=3,
        constants=frozenset({"conn"}),
        by_name_only=True,
        write=write,
    )


def requested(requests: Requests, batch: Batch) -> bytes:
    def one(row: Mapping[str, Any]) -> Any:
        if row.get("path") is None or row.get("method") is None:
            return None
        request = Request(
            method=row["method"],
            path=row["path"],
            headers=row.get("headers") or {},
            params=row.get("params") or {},
            json=row.get("json"),
        )
        name = str(batch.asked["connection"])
        answer = requests.make(batch.principal, batch.workspace, name, request)
        text = answer.body.decode("utf-8", errors="replace")
        return {"status_code": answer.status, "text": text}

    answers = each(one, batch.rows())
    for answer in answers:
        if isinstance(answer, ApiError):
            raise answer
    return batch.answer(answers)
