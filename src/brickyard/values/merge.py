"""Merging two located trees, as the official CLI merges files and targets.

Maps merge recursively, sequences are joined, of two scalars the right one wins, null gives way to
anything. Maps and sequences keep the left places first; a scalar puts the winner's places first.
"""

from __future__ import annotations

from brickyard.values.diagnostic import Diagnostic, error
from brickyard.values.value import Data, Path, Value, show


def merge(left: Value, right: Value, path: Path = ()) -> tuple[Value, tuple[Diagnostic, ...]]:
    """`right` laid over `left`. Two kinds that do not fit are reported and the left one is kept."""
    found: list[Diagnostic] = []
    return _merge(left, right, path, found), tuple(found)


def _merge(left: Value, right: Value, path: Path, found: list[Diagnostic]) -> Value:
    if left.data is None:
        return _placed(right.data, right.locations + left.locations, left, right)
    if right.data is None:
        return _placed(left.data, left.locations + right.locations, left, right)
    if isinstance(left.data, dict) and isinstance(right.data, dict):
        entries = dict(left.data)
        for name, value in right.data.items():
            old = entries.get(name)
            entries[name] = value if old is None else _merge(old, value, (*path, name), found)
        return _placed(entries, left.locations + right.locations, left, right)
    if isinstance(left.data, tuple) and isinstance(right.data, tuple):
        return _placed(left.data + right.data, left.locations + right.locations, left, right)
    if left.kind == right.kind:
        return _placed(right.data, right.locations + left.locations, right, left)
    found.append(
        error(
            "bundle/merge-kinds",
            f"cannot merge {left.kind} with {right.kind}",
            "Both places define this field and they cannot be combined. Remove one of them, or"
            " write both as the same kind. A `${var.…}` string cannot be combined with a list or"
            " a map: give the variable the whole value.",
            path=show(path),
            at=(*right.locations, *left.locations),
        )
    )
    return left


def _placed(data: Data, locations: tuple[object, ...], first: Value, second: Value) -> Value:
    places = tuple(dict.fromkeys(locations))
    return Value(data, places, first.key or second.key, first.anchored or second.anchored)  # type: ignore[arg-type]
