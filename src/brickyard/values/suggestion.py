"""“Did you mean …?”: the known name nearest to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

NEAR: Final = 2


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name within two edits of `name`, the nearest first, then by alphabet."""
    best: tuple[int, str] | None = None
    for candidate in sorted(set(known)):
        if abs(len(candidate) - len(name)) > NEAR or candidate == name:
            continue
        edits = distance(name, candidate, limit=NEAR)
        # A two-letter name is two edits away from everything: nearness must leave something.
        if edits <= min(NEAR, max(1, len(candidate) // 2)) and (best is None or edits < best[0]):
            best = (edits, candidate)
    return best[1] if best else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence naming the nearest known name, or nothing."""
    found = nearest(name, known)
    return f"Did you mean `{found}`?" if found else ""


def distance(left: str, right: str, *, limit: int) -> int:
    """How many letters must be added, dropped or replaced; the count may stop above `limit`."""
    row = list(range(len(right) + 1))
    for index, letter in enumerate(left, start=1):
        previous, row = row, [index]
        for column, other in enumerate(right, start=1):
            cost = previous[column - 1] + (letter != other)
            row.append(min(cost, previous[column] + 1, row[-1] + 1))
        if min(row) > limit:
            return limit + 1
    return row[-1]
