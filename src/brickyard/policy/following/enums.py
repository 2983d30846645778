"""Enumerations, and what a loop goes through."""

from __future__ import annotations

from typing import Final

from brickyard.policy.abstract_values import (
    Class,
    External,
    Known,
    Member,
    OpenFile,
    Unknown,
    items_of,
)
from brickyard.policy.following.machine import MAX_ITEMS

ENUMS: Final = ("Enum", "IntEnum", "StrEnum", "Flag")


def is_enum(cls: Class) -> bool:
    return any(
        (isinstance(base, External) and base.last in ENUMS)
        or (isinstance(base, Class) and is_enum(base))
        for base in cls.bases
    )


def iterated(value: Known) -> list[Known] | None:
    """The items of a loop: those of an enum are its members, of an open file its lines."""
    if isinstance(value, Class) and is_enum(value):
        plain = (str, int, float, tuple)
        return [Member(k, v) for k, v in value.members.items() if isinstance(v, plain)]
    if isinstance(value, OpenFile) and value.text is not None:
        return list(value.text.splitlines(keepends=True))
    return items_of(value)


def within_reach(items: list[Known]) -> list[Known]:
    """The first of them, and an unknown one for all that come behind."""
    rest = [Unknown("one of very many items")] if len(items) > MAX_ITEMS else []
    return [*items[:MAX_ITEMS], *rest]
