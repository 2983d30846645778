"""A batch of arguments as the engine sent it, and the column that answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.functions.worker import fitted, values_of
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo, invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`asked` is what the gateway wrote into the statement. `authorization`: the caller's header.

    Whatever is done for it is done with the caller's rights: `asked` may come from anybody.
    """

    principal: Principal
    workspace: WorkspaceInfo
    authorization: str
    asked: Mapping[str, Any]
    data: bytes

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary of arguments for each row, by the parameters' names."""
        import pyarrow as pa

        try:
            with pa.ipc.open_stream(self.data) as reader:
                table = reader.read_all()
        except pa.ArrowException as fault:
            raise invalid(f"The columns are no Arrow stream: {fault}") from None
        names = [str(one) for one in self.asked.get("columns") or ()]
        if not names:
            return [{} for _ in range(table.num_rows)]
        if table.num_columns < len(names):
            raise invalid(f"There are {table.num_columns} columns for {len(names)} names")
        columns = [values_of(pa, column) for column in table.columns[: len(names)]]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def answer(self, values: Sequence[Any]) -> bytes:
        """The column of these values. Raises when one does not fit the type that was promised."""
        import pyarrow as pa

        from brickyard.workspace.functions.arrow_types import arrow_type

        kind = arrow_type(self.asked["returns"])
        try:
            column = pa.array([fitted(pa, one, kind) for one in values], type=kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as fault:
            raise ApiError(
                "AI_FUNCTION_HTTP_PARSE_CAST_ERROR",
                f"Failed to parse the answer when casting it to the return type: {fault}",
                status=400,
            ) from None
        batch = pa.RecordBatch.from_arrays([column], names=["returned"])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return bytes(sink.getvalue())
