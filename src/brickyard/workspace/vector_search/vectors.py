"""The vectors of rows that are synced: given in a column, or computed of a text.

Texts that the index has a vector of are not embedded again. New ones are embedded in batches, and
each batch is put on disk at once: a sync that is broken off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from brickyard.workspace.vector_search import schema
from brickyard.workspace.vector_search.definition import Definition
from brickyard.workspace.vector_search.rows import Rows

BATCH: Final = 512
Ask = Callable[[str, Sequence[str]], list[list[float]]]  # (serving endpoint, texts)


def added(read: Any, kept: Definition, rows: Rows, column: str, ask: Ask) -> Any:
    """The rows with a column of vectors, as the index keeps them."""
    if kept.vector_column is not None:
        size = int(kept.vector_column.embedding_dimension or 0)
        return schema.with_vectors(read, column, read[column], size)
    assert kept.text_column is not None
    text, model = str(kept.text_column.name), str(kept.text_column.embedding_model_endpoint_name)
    texts = read[text].to_pylist()
    wanted = list(dict.fromkeys(one for one in texts if one))
    known = rows.known(wanted, text, column)
    new = [one for one in wanted if known.get(one) is None]
    for start in range(0, len(new), BATCH):
        batch = new[start : start + BATCH]
        made = ask(model, batch)
        if start + BATCH < len(new):
            rows.keep(batch, made)
        known |= dict(zip(batch, made, strict=True))
    size = next((len(one) for one in known.values()), 0) or _size(rows, column)
    if not size:  # without any text, one is embedded to learn how long vectors are
        size = len(ask(model, ["text"])[0])
    return schema.with_vectors(read, column, _column([known.get(one) for one in texts]), size)


def _column(vectors: Sequence[Any]) -> Any:
    import pyarrow as pa

    return pa.chunked_array([pa.array(vectors, type=pa.list_(pa.float32()))])


def _size(rows: Rows, column: str) -> int:
    """How long the index's vectors are; 0 when it has none yet."""
    table = rows.table()
    if table is None or column not in table.schema.names:
        return 0
    return int(table.schema.field(column).type.list_size)
