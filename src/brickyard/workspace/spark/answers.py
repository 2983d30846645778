"""Answers that the gateway gives itself, in the form that a Spark Connect engine would.

`spark.sql` executes a SqlCommand first and keeps the relation that comes back: a LocalRelation of
Arrow data here, which the engine evaluates later like any other.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.spark.protocol import ExecutePlanResponse, Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A small table. `columns` maps name to `string`, `bool`, `int64` or an Arrow type."""

    columns: Mapping[str, Any]
    rows: Sequence[Sequence[Any]] = ()

    def arrow(self) -> Any:
        import pyarrow as pa

        fields = [
            pa.field(name, _arrow_type(kind) if isinstance(kind, str) else kind)
            for name, kind in self.columns.items()
        ]
        arrays = [
            pa.array([row[at] for row in self.rows], type=field.type)
            for at, field in enumerate(fields)
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


NOTHING = Answer(columns={})


def _arrow_type(name: str) -> Any:
    import pyarrow as pa

    special = {
        "timestamp": pa.timestamp("us", tz="UTC"),
        "strings": pa.list_(pa.string()),
        "map": pa.map_(pa.string(), pa.string()),
    }
    return special.get(name) or getattr(pa, {"bool": "bool_"}.get(name, name))()


def relation(answer: Answer) -> Any:
    """The answer as a LocalRelation."""
    made = Relation()
    if not answer.columns:
        made.local_relation.schema = "struct<>"
        return made
    made.local_relation.data = ipc(answer.arrow())
    return made


def ipc(table: Any) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
        if table.num_rows == 0:  # the engine wants a batch, if an empty one
            empty = [pa.array([], type=field.type) for field in table.schema]
            writer.write_batch(pa.RecordBatch.from_arrays(empty, schema=table.schema))
    return bytes(sink.getvalue())


def command_responses(request: Any, answer: Answer | None) -> list[bytes]:
    """The responses to an ExecutePlan with a command; with a relation after `spark.sql`."""
    responses = []
    if answer is not None:
        first = _response(request)
        first.sql_command_result.relation.CopyFrom(relation(answer))
        responses.append(first)
    return _serialized([*responses, _complete(request)])


def _complete(request: Any) -> Any:
    last = _response(request)
    last.result_complete.SetInParent()
    return last


def _response(request: Any) -> Any:
    return ExecutePlanResponse(
        session_id=request.session_id,
        server_side_session_id=request.client_observed_server_side_session_id or request.session_id,
        operation_id=request.operation_id or str(uuid.uuid4()),
        response_id=str(uuid.uuid4()),
    )


def _serialized(responses: Sequence[Any]) -> list[bytes]:
    return [bytes(one.SerializeToString()) for one in responses]
