"""Which part of which file a merged value was written in, and at which index there.

A field may be written at the top level and again in the target, each in any included file. Merging
joins the lists of all of these and sorts some, so that an index of the merged list is none of any
file's. What stays is the place: a value knows every place that gave it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from brickyard.bundle import BundleFiles
from brickyard.values import Location, Path, Value

RESOURCES: Path = ("resources",)


class Block(NamedTuple):
    """One file's `resources`: at the top level, or those of the target. Top levels sort first."""

    is_override: bool
    file: str


class NoBlock(Exception):
    """A change whose place would have to be guessed. It is left for another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """An element that a path leads through: which step, and the element if there is one."""

    at: int
    element: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """The blocks of a bundle and what was written in them."""

    target: str
    trees: dict[Block, Value]
    places: dict[Location, Block]

    def prefix(self, block: Block) -> Path:
        """Where the block begins in its file, above `resources`."""
        return ("targets", self.target) if block.is_override else ()

    def of(self, value: Value | None) -> tuple[Block, ...]:
        """The blocks that gave part of a value."""
        locations = value.locations if value is not None else ()
        return tuple(sorted({self.places[one] for one in locations if one in self.places}))

    def deciding(self, value: Value | None) -> Block | None:
        """The block whose word counts: that of the first place."""
        locations = value.locations if value is not None else ()
        return next((self.places[one] for one in locations if one in self.places), None)

    def with_list(self, path: Path, passed: tuple[Passed, ...]) -> tuple[Block, ...]:
        """The blocks that write the list at a merged path."""
        return tuple(block for block in sorted(self.trees) if self._has_list(block, path, passed))

    def _has_list(self, block: Block, path: Path, passed: tuple[Passed, ...]) -> bool:
        try:
            own = self.own_path(block, path, tuple(one for one in passed if one.at < len(path)))
        except NoBlock:
            return False
        return self.trees[block].get((*self.prefix(block), *own)) is not None

    def own_path(self, block: Block, path: Path, passed: tuple[Passed, ...]) -> Path:
        """A merged path with the indices of this block. Raises `NoBlock`."""
        own = list(path)
        for one in passed:
            if one.element is None:
                continue
            listed = self.trees[block].get((*self.prefix(block), *own[: one.at]))
            places = set(one.element.locations)
            elements = listed.elements if listed is not None else ()
            index = next((at for at, e in enumerate(elements) if places & set(e.locations)), None)
            if index is None:
                raise NoBlock(f"an element has no place in {block.file}")
            own[one.at] = index
        return tuple(own)


def blocks_of(files: BundleFiles, tree: Value, target: str) -> Blocks:
    """The blocks of the files that a resolved tree was read from."""
    trees: dict[Block, Value] = {}
    places: dict[Location, Block] = {}
    names = {place.file for _, value in tree.walk() for place in value.locations if place.file}
    for name in sorted(names):
        read = files.parsed(name)
        for block in (Block(False, name), Block(True, name)) if read is not None else ():
            prefix = ("targets", target) if block.is_override else ()
            part = read[0].get((*prefix, *RESOURCES)) if read is not None else None
            if part is None or read is None:
                continue
            trees[block] = read[0]
            for place in _places(part, name):
                places.setdefault(place, block)
    return Blocks(target=target, trees=trees, places=places)


def _places(part: Value, file: str) -> Iterator[Location]:
    for _, value in part.walk():
        yield from (place for place in value.locations if place.file == file)
