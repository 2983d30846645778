"""Library calls that call what they are given with known arguments: map, pools, threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from brickyard.policy.abstract_values import (
    External,
    Function,
    Known,
    Partial,
    Unknown,
    items_of,
)

Calls = list[tuple[Known, tuple[Known, ...]]]
MAX_CALLS: Final = 50
CALLS_BACK: Final = frozenset(
    [
        "map",
        "imap",
        "imap_unordered",
        "filter",
        "starmap",
        "submit",
        "run_in_executor",
        "to_thread",
        "apply",
        "apply_async",
        "Thread",
        "Process",
        "reduce",
        "pipe",
        "transform",
        "start_soon",
        "create_task",
    ]
)
# These hand on what the one function returns; the others give a list, or something to wait for.
GIVES_RESULT: Final = frozenset({"pipe", "transform"})
HANDS_NAMES_ON: Final = frozenset({"pipe", "transform", "submit", "to_thread"})


def called_back(
    name: str, arguments: list[Known], named: Mapping[str, Known], owner: Known
) -> Calls | None:
    """(callee, its arguments) of every call that is made; None where this is something else.

    `owner` is what the method is called on, which `pipe` and `transform` hand to the function.
    """
    if name in {"Thread", "Process"}:
        given = items_of(named.get("args", ()))
        target = named.get("target")
        if not _is_callable(target):
            return None
        keywords = named.get("kwargs")
        if isinstance(keywords, dict):
            target = Partial(target, (), keywords)
        return [(target, tuple(given or ()))]
    at = next((i for i, one in enumerate(arguments[:2]) if _is_callable(one)), None)
    if at is None:
        return None
    callee, rest = arguments[at], arguments[at + 1 :]
    if named and name in HANDS_NAMES_ON:
        callee = Partial(callee, (), named)
    if name in {"map", "imap", "imap_unordered", "filter"}:
        return _for_each(callee, rest)
    if name == "starmap":
        rows = items_of(rest[0]) if rest else None
        return [(callee, tuple(items_of(row) or ())) for row in (rows or [])[:MAX_CALLS]]
    if name in {"apply", "apply_async"}:
        given = items_of(rest[0]) if rest else items_of(named.get("args", ()))
        return [(callee, tuple(given or ()))] if rest or "args" in named else None
    if name in GIVES_RESULT:
        return [(callee, (owner, *rest))]
    if name == "reduce":
        items = items_of(rest[0]) if rest else None
        return [(callee, (Unknown(), one)) for one in (items or [])[:MAX_CALLS]]
    return [(callee, tuple(rest))]


def _for_each(callee: Known, lists: list[Known]) -> Calls | None:
    known = [items_of(one) for one in lists]
    if not known or any(one is None for one in known):
        return [(callee, (Unknown("an item of an unknown list"),))]
    rows = zip(*(one for one in known if one is not None), strict=False)
    return [(callee, tuple(row)) for row in list(rows)[:MAX_CALLS]]


def _is_callable(value: Known) -> bool:
    if isinstance(value, External):
        return value.chain.startswith("str.") or value.last in {"table", "sql", "saveAsTable"}
    return isinstance(value, Function | Partial)
