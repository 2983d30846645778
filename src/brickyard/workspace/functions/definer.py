"""Views and SQL functions that are run with the rights of their owner, for whoever may use them.

The question comes from the engine of somebody who could not read what is behind them
(`spark/definers.py`). It is asked again by a statement of the owner's, and the rows go back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.functions.batches import Batch
from brickyard.workspace.functions.own_api import each
from brickyard.workspace.identity.owners import who_acts_for
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo, invalid

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.catalog.routines import Routine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.spark.invokers import Invokers
    from brickyard.workspace.sql.engine import SqlEngine

CALLS_IN_ONE: Final = 32  # statements grow with each: a body is written out for every call
ROWS_OF_A_VIEW: Final = 5_000_000


class Definer:
    def __init__(
        self,
        catalog: CatalogEngine,
        identity: IdentityEngine,
        sql: SqlEngine,
        invokers: Invokers,
        workspaces: Mapping[str, WorkspaceInfo],
    ) -> None:
        self._catalog = catalog
        self._identity = identity
        self._sql = sql
        self._invokers = invokers
        self._workspaces = workspaces

    def answer(self, batch: Batch) -> bytes:
        """One column, as an Arrow stream. Raises ApiError."""
        if "view" in batch.asked:
            return self._view(batch, str(batch.asked["view"]))
        return self._function(batch, str(batch.asked.get("function")))

    def _view(self, batch: Batch, name: str) -> bytes:
        self._catalog.authorize(batch.principal, batch.workspace, "SELECT", "table", name)
        table = self._catalog.table(name)
        found = self._run(batch, name, table.owner, f"SELECT * FROM {quoted(name)}")
        if found.num_rows > ROWS_OF_A_VIEW:
            raise ApiError(
                "RESOURCE_EXHAUSTED",
                f"View '{name}' has more than {ROWS_OF_A_VIEW:,} rows, too many to be read with its"
                " owner's rights: let it filter, or grant SELECT on what it reads.",
            )
        return one_list(batch, found)

    def _function(self, batch: Batch, name: str) -> bytes:
        self._catalog.authorize(batch.principal, batch.workspace, "EXECUTE", "function", name)
        routine = self._catalog.functions.routine(name)
        if routine is None or routine.language != "SQL":
            raise ApiError("FUNCTION_DOES_NOT_EXIST", f"Function '{name}' does not exist.")
        if routine.digest != batch.asked.get("digest"):
            raise ApiError(
                "ABORTED",
                f"Function '{name}' was replaced while the statement ran. Run it again.",
            )
        if list(batch.asked.get("columns") or ()) != [one.name for one in routine.parameters]:
            raise invalid(f"The columns are not the parameters of '{name}'")
        given = [tuple(row.values()) for row in batch.rows()]
        texts = [call_of(routine, values) for values in given]
        distinct = list(dict.fromkeys(texts)) if routine.is_deterministic else texts
        answers = self._rows(batch, routine, distinct) if routine.is_table else None
        if answers is None:
            answers = self._values(batch, routine, distinct)
        if not routine.is_deterministic:
            return batch.answer(answers)
        known = dict(zip(distinct, answers, strict=True))
        return batch.answer([known[text] for text in texts])

    def _rows(self, batch: Batch, routine: Routine, texts: Sequence[str]) -> list[Any]:
        def one(text: str) -> list[Any]:
            statement = f"SELECT * FROM {text}"
            rows = self._run(batch, routine.full_name, routine.owner, statement).to_pylist()
            return list(rows)

        return _all(each(one, texts))

    def _values(self, batch: Batch, routine: Routine, texts: Sequence[str]) -> list[Any]:
        def some(texts: Sequence[str]) -> list[Any]:
            shown = ", ".join(f"{text} AS c{at}" for at, text in enumerate(texts))
            found = self._run(batch, routine.full_name, routine.owner, f"SELECT {shown}")
            return [column[0].as_py() for column in found.columns]

        return [value for part in _all(each(some, [*_parts(texts)])) for value in part]

    def _run(self, batch: Batch, name: str, owner: str, statement: str) -> Any:
        others = (one for one in self._workspaces.values() if one is not batch.workspace)
        acts = who_acts_for(self._identity, owner, (batch.workspace, *others))
        if acts is None:
            raise ApiError(
                "PERMISSION_DENIED",
                f"'{name}' runs with the rights of its owner {owner}, who is in no workspace: give"
                " it another owner.",
            )
        principal, workspace = acts
        invoker = self._invoker(batch, name)
        return self._sql.execute(principal, workspace, statement, invoker=invoker).table

    def _invoker(self, batch: Batch, name: str) -> Principal:
        """Who asked first: the workspace's own word, else the principal of the engine."""
        told, seal = str(batch.asked.get("invoker", "")), str(batch.asked.get("seal", ""))
        holder = batch.principal.user_name
        if told and self._invokers.is_sealed(seal, told, holder, name):
            return self._identity.principal(told)
        return batch.principal


def one_list(batch: Batch, table: Any) -> bytes:
    """An Arrow stream of one row: the list of the table's rows."""
    import pyarrow as pa

    from brickyard.workspace.functions.arrow_types import arrow_type

    kind = arrow_type(batch.asked["returns"])
    if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
        raise invalid("A view is returned as a list of structures")
    fields = list(kind.value_type)
    if len(fields) != table.num_columns:
        raise ApiError("ABORTED", "The view was replaced while the statement ran. Run it again.")
    plain = table.combine_chunks()
    columns = [
        pa.concat_arrays([*column.cast(field.type).chunks, pa.array([], field.type)])
        for column, field in zip(plain.columns, fields, strict=True)
    ]
    rows = pa.StructArray.from_arrays(columns, fields=fields)
    lists = pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows).cast(kind)
    sink = pa.BufferOutputStream()
    answer = pa.RecordBatch.from_arrays([lists], names=["returned"])
    with pa.ipc.new_stream(sink, answer.schema) as writer:
        writer.write_batch(answer)
    return bytes(sink.getvalue())


def call_of(routine: Routine, values: Sequence[Any]) -> str:
    """The call of a function with these values as literals."""
    given = [
        literal(value, one.type_text) for value, one in zip(values, routine.parameters, strict=True)
    ]
    return f"{quoted(routine.full_name)}({', '.join(given)})"


def literal(value: Any, kind: str) -> str:
    """SQL text for a value of a type."""
    if value is None:
        return f"CAST(NULL AS {kind})"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, list | dict | tuple):
        return f"from_json({_text(json.dumps(value, default=str))}, {_text(kind)})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return f"CAST({_text(value.isoformat())} AS {kind})"
    return f"CAST({_text(str(value))} AS {kind})"


def quoted(full_name: str) -> str:
    return ".".join(f"`{part.replace('`', '``')}`" for part in full_name.split("."))


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), CALLS_IN_ONE):
        yield texts[start : start + CALLS_IN_ONE]


def _all(answers: Sequence[Any]) -> list[Any]:
    for one in answers:
        if isinstance(one, ApiError):
            raise one
    return list(answers)
