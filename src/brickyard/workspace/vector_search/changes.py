"""What changed in a Delta table since a version: the rows of files that came, the keys that went.

Told from the two versions' lists of files, which every Delta table has; change data files, where a
writer left some, would say the same of fewer rows. A file that was rewritten gives all its rows:
those that are equal are written again, and not embedded again. Where the older version can be told
no more (its log is cleaned up, its files vacuumed, its columns others), the answer is the whole
table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.vector_search.rows import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Up to `version`. Whole: `rows` is all there is, `gone` is empty."""

    version: int
    source: str  # the table's own id: one made anew under the name has another
    rows: Any
    gone: Any = ()  # keys that are there no more
    fresh: Any = ()  # keys of rows that were in no file that went
    is_whole: bool = False


def whole(place: str, pick: Callable[[Sequence[str]], list[str]]) -> Changes:
    """All rows of the newest version; `pick` chooses columns of those there are."""
    from deltalake import DeltaTable

    source = DeltaTable(place)
    columns = pick([field.name for field in source.schema().fields])
    rows = source.to_pyarrow_table(columns=columns)
    return Changes(
        version=source.version(), source=str(source.metadata().id), rows=rows, is_whole=True
    )


def since(
    place: str, then: State, key: str, pick: Callable[[Sequence[str]], list[str]]
) -> Changes | None:
    """What came and went after the version of a state; None when that cannot be told."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    source = DeltaTable(place)
    same = str(source.metadata().id) == then.source
    if then.version < 0 or source.version() < then.version or not same:
        return None
    try:
        before = DeltaTable(place, version=then.version)
        if before.schema() != source.schema():
            return None
        columns = pick([field.name for field in source.schema().fields])
        old, new = before.to_pyarrow_dataset(), source.to_pyarrow_dataset()
        was, now = _files(old), _files(new)
        came = _part(new, [now[path] for path in now if path not in was])
        went = _part(old, [was[path] for path in was if path not in now])
        rows, left = came.to_table(columns=columns), went.to_table(columns=[key])
    except (DeltaError, OSError):  # cleaned up or vacuumed
        return None
    return Changes(
        version=source.version(),
        source=then.source,
        rows=rows,
        gone=_without(left[key], rows[key]),
        fresh=_without(rows[key], left[key]),
    )


def _files(dataset: Any) -> dict[str, Any]:
    return {one.path: one for one in dataset.get_fragments()}


def _part(dataset: Any, files: Sequence[Any]) -> Any:
    from pyarrow.dataset import FileSystemDataset

    return FileSystemDataset(files, dataset.schema, dataset.format, dataset.filesystem)


def _without(keys: Any, others: Any) -> Any:
    import pyarrow.compute as pc

    return keys.filter(pc.invert(pc.is_in(keys, value_set=others.combine_chunks())))
