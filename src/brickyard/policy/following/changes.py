"""Lists and dictionaries that are changed in place: what they may hold afterwards.

A set is a list here. What is taken out stays in: it may have been used before. Where the place of a
change isn't known it may be any, and what comes from an unknown place is an unknown item: in a
dictionary under the key `HOLE`, which stands for keys that aren't known.
"""

from __future__ import annotations

from typing import Final

from brickyard.policy.abstract_values import Known, Unknown, items_of, join
from brickyard.policy.following.machine import MAX_ITEMS
from brickyard.policy.scopes import either
from brickyard.policy.sql_session import HOLE

ADDS_ONE: Final = frozenset({"append", "appendleft", "add", "insert", "put", "put_nowait"})
ADDS_ALL: Final = frozenset({"extend", "extendleft", "update", "symmetric_difference_update"})
KEEPS: Final = frozenset({"sort", "reverse", "remove", "discard", "clear", "difference_update",
                          "intersection_update", "rotate"})  # fmt: skip
TAKES: Final = frozenset({"pop", "popleft", "get", "get_nowait"})
COPIES: Final = frozenset({"copy", "union", "intersection", "difference", "symmetric_difference"})
# Functions that put their second argument into the first.
PUTS: Final = frozenset({"heappush", "heappushpop", "heapreplace", "insort", "insort_left",
                         "insort_right"})  # fmt: skip


def list_changed(owner: list[Known], name: str, arguments: list[Known]) -> tuple[bool, Known]:
    """Whether it is a method that changes or copies a list or set, and what that gives."""
    if name in ADDS_ONE and arguments:
        add(owner, [arguments[-1]])
    elif name in ADDS_ALL:
        for one in arguments:
            add(owner, items_of(one))
    elif name in TAKES:
        return True, join(owner) if owner else Unknown("an item that isn't known")
    elif name in COPIES:
        found = list(owner)
        for one in arguments:
            add(found, items_of(one))
        return True, found
    elif name not in KEEPS:
        return False, None
    return True, None


def add(owner: list[Known], items: list[Known] | None) -> None:
    """Put items in; None for unknown ones. A list that grows too long has an unknown item."""
    for one in items if items is not None else [Unknown("an item of an unknown list")]:
        if len(owner) < MAX_ITEMS:
            owner.append(one)
        elif len(owner) == MAX_ITEMS:
            owner.append(Unknown("one of very many items"))


def set_item(owner: Known, key: Known, value: Known, *, is_sure: bool) -> None:
    """`owner[key] = value`."""
    if isinstance(owner, dict):
        if _is_key(key):
            owner[key] = value if is_sure else either(owner.get(key), value)
        else:
            for one in owner:
                owner[one] = either(owner[one], value)
            owner[HOLE] = either(owner.get(HOLE), value)
    elif isinstance(owner, list):
        if isinstance(key, int) and -len(owner) <= key < len(owner):
            owner[key] = value if is_sure else either(owner[key], value)
        elif isinstance(key, slice):
            add(owner, items_of(value))
        else:
            owner[:] = [either(one, value) for one in owner] or [value]


def update(owner: dict[Known, Known], given: list[Known], named: dict[str, Known]) -> None:
    """`owner.update(…)`, `owner |= …`, `{**…}`: also of what isn't known."""
    for one in given:
        if isinstance(one, dict):
            for key, value in one.items():
                if key == HOLE:
                    set_item(owner, Unknown(), value, is_sure=False)
                else:
                    owner[key] = value
            continue
        items = items_of(one)
        pairs = [pair for pair in items or () if isinstance(pair, list | tuple) and len(pair) == 2]
        if items is None or len(pairs) < len(items):
            set_item(owner, Unknown(), Unknown("of an unknown mapping"), is_sure=False)
        for key, value in pairs:
            set_item(owner, key, value, is_sure=True)
    owner.update(named)


def item_of(owner: dict[Known, Known], key: Known, default: Known) -> Known:
    """`owner.get(key, default)`."""
    if not _is_key(key):
        return join([*owner.values(), default]) if owner else Unknown()
    if key in owner:
        return owner[key]
    return join([owner[HOLE], default]) if HOLE in owner else default


def _is_key(key: Known) -> bool:
    """A key that is known as a whole."""
    if isinstance(key, str):
        return HOLE not in key
    return isinstance(key, int | float | bool | None)
