"""Builtins over lists, tuples and mappings, as far as their items are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from brickyard.policy.abstract_values import Defaults, Instance, Known, Unknown, items_of, join

MAX_RANGE: Final = 200


def container_call(chain: str, arguments: list[Known], named: Mapping[str, Known]) -> Any:
    """The result of a builtin; the function itself where `chain` is none of them."""
    known = CALLS.get(chain)
    return container_call if known is None else known(arguments, named)


def _listed(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    if not arguments:
        return []
    items = items_of(arguments[0])
    return list(items) if items is not None else Unknown("an unknown list")


def _tupled(arguments: list[Known], named: Mapping[str, Known]) -> Known:
    found = _listed(arguments, named)
    return tuple(found) if isinstance(found, list) else found


def _sorted(arguments: list[Known], named: Mapping[str, Known]) -> Known:
    found = _listed(arguments, named)
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return sorted(found)
    return found


def _reversed(arguments: list[Known], named: Mapping[str, Known]) -> Known:
    found = _listed(arguments, named)
    return found[::-1] if isinstance(found, list) else found


def _enumerated(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    items = items_of(arguments[0]) if arguments else None
    return list(enumerate(items)) if items is not None else Unknown("an unknown list")


def _zipped(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    lists = [items_of(one) for one in arguments]
    if any(one is None for one in lists):
        return Unknown("an unknown list")
    return list(zip(*(one for one in lists if one is not None), strict=False))


def _chained(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    lists = [items_of(one) for one in arguments]
    if any(one is None for one in lists):
        return Unknown("an unknown list")
    return [item for one in lists for item in (one or [])]


def _product(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    found: list[tuple[Known, ...]] = [()]
    for one in arguments:
        items = items_of(one)
        if items is None:
            return Unknown("an unknown list")
        found = [(*left, item) for left in found for item in items][:MAX_RANGE]
    return found


def _mapping(arguments: list[Known], named: Mapping[str, Known]) -> Known:
    first = arguments[0] if arguments else {}
    if isinstance(first, list):
        pairs = [tuple(one) for one in first if isinstance(one, list | tuple) and len(one) == 2]
        if len(pairs) != len(first):
            return Unknown("an unknown mapping")
        first = {key: value for key, value in pairs if isinstance(key, str | int)}
    if not isinstance(first, dict):
        return Unknown("an unknown mapping")
    return {**first, **named}


def _range(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    if not arguments or not all(isinstance(one, int) for one in arguments):
        return Unknown("an unknown range")
    try:
        whole = range(*arguments)
        more = [Unknown("one of very many numbers")] if len(whole) > MAX_RANGE else []
        return [*whole[:MAX_RANGE], *more]
    except (TypeError, ValueError):
        return Unknown("an unknown range")


def _next(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    items = items_of(arguments[0]) if arguments else None
    if items is None:
        return Unknown("an item of an unknown list")
    if not items:
        return arguments[1] if len(arguments) > 1 else Unknown()
    if isinstance(arguments[0], list):
        arguments[0].append(arguments[0].pop(0))  # the next one comes next time
    return items[0]


def _same(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    return arguments[0] if arguments else Unknown()


def _extreme(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    items = items_of(arguments[0]) if len(arguments) == 1 else arguments
    return join(items) if items else Unknown()


def _length(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    value = arguments[0] if arguments else None
    return len(value) if isinstance(value, str | list | tuple | dict) else Unknown()


def _number(arguments: list[Known], _named: Mapping[str, Known]) -> Known:
    value = arguments[0] if arguments else 0
    try:
        return int(value) if isinstance(value, str | int | float) else Unknown()
    except ValueError:
        return Unknown()


def _default_mapping(arguments: list[Known], named: Mapping[str, Known]) -> Known:
    factory = arguments[0] if arguments else None
    made = Defaults(named)
    made.makes = getattr(factory, "chain", "")
    return made


def _namespace(_arguments: list[Known], named: Mapping[str, Known]) -> Known:
    return Instance(None, dict(named))


CALLS: Final[Mapping[str, Callable[[list[Known], Mapping[str, Known]], Known]]] = {
    "list": _listed,
    "set": _listed,
    "frozenset": _listed,
    "iter": _listed,
    "collections.deque": _listed,
    "tuple": _tupled,
    "sorted": _sorted,
    "reversed": _reversed,
    "enumerate": _enumerated,
    "zip": _zipped,
    "itertools.chain": _chained,
    "itertools.product": _product,
    "dict": _mapping,
    "collections.OrderedDict": _mapping,
    "types.MappingProxyType": _mapping,
    "MappingProxyType": _mapping,
    "collections.defaultdict": _default_mapping,
    "range": _range,
    "next": _next,
    "tqdm.tqdm": _same,
    "tqdm": _same,
    "max": _extreme,
    "min": _extreme,
    "len": _length,
    "int": _number,
    "float": _number,
}
