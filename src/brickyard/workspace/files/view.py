"""The workspace tree as somebody may see it: the objects at which their rights begin.

Rights only add up on the way down, so that the view is the sum of what entries open: below an
opening everything may be read, or written where it says so. What no entry opens is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A folder or file, by its names on disk below the root of the tree."""

    parts: Parts
    path: Path
    mode: str  # "rw" | "ro"


def fewest(openings: Iterable[Opening]) -> tuple[Opening, ...]:
    """Without those that lie in another one which allows as much; outermost first."""
    kept: list[Opening] = []
    for one in sorted(openings, key=lambda one: (len(one.parts), one.parts, one.mode == "ro")):
        above = [up for up in kept if one.parts[: len(up.parts)] == up.parts]
        if not any(up.mode == "rw" or one.mode == "ro" for up in above):
            kept.append(one)
    return tuple(kept)
