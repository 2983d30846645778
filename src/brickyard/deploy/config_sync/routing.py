"""From a change of a field to edits of files: where it is written, and at which index there.

The order is the official one: what is deeper first, removals before additions. An index counts
what earlier edits of the same list have moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from brickyard.deploy.config_sync.blocks import Block, Blocks, NoBlock, Passed
from brickyard.deploy.config_sync.changes import Change, Changes, Operation
from brickyard.deploy.config_sync.paths import located, steps_of
from brickyard.deploy.config_sync.renames import Renames, renames_of
from brickyard.values import Path, Value
from brickyard.values.yaml_edits import END


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit of one file. Of `paths` the first that is there counts."""

    file: str
    operation: Operation
    value: Any
    paths: tuple[Path, ...]
    merged: Path  # the field in the merged configuration
    change: tuple[str, str]  # of which change it is: the resource's address, the path in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """The edits, and the changes as they are done: what cannot be placed is skipped."""

    edits: tuple[Edit, ...]
    changes: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A change with its place in the merged configuration."""

    change: Change
    path: Path
    passed: tuple[Passed, ...]
    leaf: Value | None
    is_written: bool  # some file says it; else a step of resolving does

    @property
    def is_element(self) -> bool:
        """Whether the change is of an existing element as a whole."""
        is_last = bool(self.passed) and self.passed[-1].at == len(self.path) - 1
        return is_last and all(one.element is not None for one in self.passed)


def route(changes: Changes, *, tree: Value, written: Value, blocks: Blocks) -> Routed:
    """`tree` is the resolved configuration, `written` the same with its references still in it.

    Raises `NoElement`.
    """
    edits: list[Edit] = []
    done: dict[str, dict[str, Change]] = {}
    for address, fields in sorted(changes.items()):
        done[address] = dict(fields)
        renames = renames_of(address, fields, tree, blocks)
        indices = _Indices()
        for path in sorted(fields, key=lambda path: _order(path, fields[path])):
            if path in renames.additions or path in renames.held:
                continue
            found = _field(address, path, fields[path], tree, written)
            if _is_below_reference(written, found.path):
                done[address][path] = replace(fields[path], operation=Operation.SKIP)
                continue
            try:
                made = list(_edits(address, found, renames, path, tree, blocks, indices))
            except NoBlock:
                continue
            edits += made
            if not found.is_written and found.change.operation is Operation.REPLACE and made:
                done[address][path] = replace(fields[path], operation=Operation.ADD)
    return Routed(edits=tuple(edits), changes=done)


def _order(path: str, change: Change) -> tuple[int, bool, str]:
    return -len(steps_of(path)), change.operation is not Operation.REMOVE, path


def _field(address: str, path: str, change: Change, tree: Value, written: Value) -> _Field:
    steps = (*address.split(".", 2), *steps_of(path))
    is_new = change.operation is Operation.ADD
    merged, passed, leaf = located(tree, steps, is_new=is_new)
    is_written = written.get(merged) is not None
    return _Field(change=change, path=merged, passed=passed, leaf=leaf, is_written=is_written)


def _is_below_reference(written: Value, path: Path) -> bool:
    """Whether the field is inside of a value that is written as one `${…}`."""
    found = written.get(path[:-1])
    return found is not None and "${" in found.text


def _edits(
    address: str,
    found: _Field,
    renames: Renames,
    path: str,
    tree: Value,
    blocks: Blocks,
    indices: _Indices,
) -> Iterator[Edit]:
    rename = renames.pairs.get(path)
    for block, own in _destinations(found, blocks):
        if rename is not None and block is not None:
            at = (*indices.moved(block, own), rename.field)
            yield Edit(
                file=block.file,
                operation=Operation.REPLACE,
                value=rename.key,
                paths=((*blocks.prefix(block), *at),),
                merged=(*found.path, rename.field),
                change=(address, path),
            )
            continue
        operation = found.change.operation
        own = indices.place(block, own, operation)
        place = found.leaf.location if found.leaf is not None and found.is_written else None
        if not found.is_written:
            if operation is Operation.REMOVE:
                continue  # the command line's own default
            if operation is Operation.REPLACE:
                operation = Operation.ADD
        paths: tuple[Path, ...]
        if block is not None:
            file, paths = block.file, ((*blocks.prefix(block), *own),)
        else:
            place = place or _place_of(tree, address)
            if place is None:
                raise NoBlock(f"{address} is written nowhere")
            file, paths = place.file, (own, ("targets", blocks.target, *own))
        yield Edit(
            file=file,
            operation=operation,
            value=found.change.value,
            paths=paths,
            merged=found.path,
            change=(address, path),
        )


def _place_of(tree: Value, address: str) -> Any:
    resource = tree.get(tuple(address.split(".", 2)))
    return resource.location if resource is not None else None


def _destinations(found: _Field, blocks: Blocks) -> Iterator[tuple[Block | None, Path]]:
    """Every place to write to: one for an edit; a removal has to reach each definition."""
    if not found.passed:
        yield None, found.path
        return
    is_removal = found.change.operation is Operation.REMOVE
    whole = found.passed[-1].element if found.is_element else found.leaf if is_removal else None
    if whole is None:
        chosen: tuple[Block, ...] = (_block(found, blocks),)
    else:
        chosen = blocks.of(whole)
    if not chosen:
        raise NoBlock("the value is written nowhere")
    for block in chosen:
        yield block, blocks.own_path(block, found.path, found.passed)


def _block(found: _Field, blocks: Blocks) -> Block:
    """The one block that a change goes to. Raises `NoBlock`."""
    if any(one.element is None for one in found.passed):
        for one in reversed(found.passed[:-1]):
            around = blocks.of(one.element)
            if len(around) == 1:
                return around[0]
        at = found.passed[-1].at
        candidates = blocks.with_list(found.path[:at], found.passed)
    else:
        candidates = blocks.of(found.passed[-1].element)
        if len(candidates) > 1:
            return blocks.deciding(found.leaf) or candidates[0]
    if not candidates:
        raise NoBlock("nothing around the value is written anywhere")
    return candidates[0]


@dataclass(slots=True)
class _Indices:
    """What edits of one resource have moved: by block and list, each index and what was done."""

    done: dict[tuple[Block | None, Path], list[tuple[int, Operation]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    freed: dict[tuple[Block | None, Path], list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def place(self, block: Block | None, path: Path, operation: Operation) -> Path:
        """The path when this edit's turn comes. A removed element's place is used again."""
        index, listed = path[-1], (block, path[:-1])
        if not isinstance(index, int):
            return path
        if operation is Operation.REMOVE:
            self.freed[listed].append(index)
        elif operation is Operation.ADD and index == END:
            if not self.freed[listed]:
                return path
            path = (*path[:-1], self.freed[listed].pop(0))
        path = self.moved(block, path)
        self.done[listed].append((int(path[-1]), operation))
        return path

    def moved(self, block: Block | None, path: Path) -> Path:
        index = path[-1]
        if not isinstance(index, int):
            return path
        by = {Operation.REMOVE: -1, Operation.ADD: 1}
        moves = self.done[(block, path[:-1])]
        shift = sum(by.get(operation, 0) for at, operation in moves if at < index)
        return (*path[:-1], max(index + shift, 0))
