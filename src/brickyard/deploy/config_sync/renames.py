"""An element whose key was changed in the workspace: to a plan it is one gone and one new.

Written so, a task that is partly in the target's block would be collapsed into one place. So a pair
that is alike but for its key is written as a change of the key, in every block that has the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from brickyard.deploy.config_sync.blocks import Blocks
from brickyard.deploy.config_sync.changes import Change, Operation
from brickyard.deploy.config_sync.paths import Keyed, NoElement, Step, located, steps_of
from brickyard.values import Value


class Rename(NamedTuple):
    """The field that holds the key, and the new key."""

    field: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renames:
    """`pairs` by the path of the one that is gone, `additions` the other halves.

    `held` are halves that cannot be told apart: neither is written.
    """

    pairs: Mapping[str, Rename]
    additions: frozenset[str]
    held: frozenset[str]


class _Half(NamedTuple):
    path: str
    around: tuple[Step, ...]
    keyed: Keyed
    fields: Mapping[str, Any]
    element: Value | None


def renames_of(address: str, fields: Mapping[str, Change], tree: Value, blocks: Blocks) -> Renames:
    """The renamed elements among the changes of a resource."""
    gone = _halves(address, fields, tree, Operation.REMOVE)
    new = _halves(address, fields, tree, Operation.ADD)
    fits = {one.path: _fitting(one, new, _alike) for one in gone}
    pairs: dict[str, Rename] = {}
    additions: set[str] = set()
    held: set[str] = set()
    for one in gone:
        rivals = [two for two in gone if set(fits[two.path]) & set(fits[one.path])]
        if len(fits[one.path]) == 1 and len(rivals) == 1:
            path = fits[one.path][0]
            keyed = next(two.keyed for two in new if two.path == path)
            pairs[one.path] = Rename(keyed.field, keyed.key)
            additions.add(path)
        elif fits[one.path]:
            homes = [blocks.of(two.element) for two in rivals]
            if any(len(home) != 1 for home in homes) or len(set(homes)) != 1:
                held |= {one.path, *fits[one.path]}
        else:
            edited = set(_fitting(one, new, _of_one_shape)) - additions
            if edited and len(blocks.of(one.element)) > 1:
                held |= {one.path, *edited}
    return Renames(pairs=pairs, additions=frozenset(additions), held=frozenset(held))


def _halves(
    address: str, fields: Mapping[str, Change], tree: Value, operation: Operation
) -> list[_Half]:
    found = []
    for path, change in sorted(fields.items()):
        steps = steps_of(path)
        if change.operation is not operation or not isinstance(steps[-1], Keyed):
            continue
        value, element = change.value, None
        if operation is Operation.REMOVE:
            try:
                whole = (*address.split(".", 2), *steps)
                element = located(tree, whole, is_new=False)[2]
            except NoElement:
                continue
            value = element.plain() if element is not None else None
        if isinstance(value, dict):
            rest = {name: item for name, item in value.items() if name != steps[-1].field}
            found.append(_Half(path, steps[:-1], steps[-1], rest, element))
    return found


def _fitting(one: _Half, new: list[_Half], fits: Callable[[_Half, _Half], bool]) -> list[str]:
    return [
        two.path
        for two in new
        if (two.around, two.keyed.field) == (one.around, one.keyed.field) and fits(one, two)
    ]


def _alike(one: _Half, two: _Half) -> bool:
    return one.fields == two.fields


def _of_one_shape(one: _Half, two: _Half) -> bool:
    return one.fields.keys() == two.fields.keys()
