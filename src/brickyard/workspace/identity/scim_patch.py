"""PatchOp of SCIM (RFC 7644, 3.5.2) on a resource in its JSON form.

Paths: none (the value is a partial resource), `name`, `name.givenName`, `members`,
`members[value eq "1"]`, `emails[type eq "work"].value`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from brickyard.workspace.identity.scim_filter import BadFilter, parse

_PATH = re.compile(r"^(?P<name>[\w$:.-]+?)(?:\[(?P<filter>.+)\])?(?:\.(?P<inner>[\w$]+))?$")


class BadPatch(ValueError):
    """The operations cannot be applied; the text says why."""


def patched(resource: Mapping[str, Any], operations: Any) -> dict[str, Any]:
    """A new resource with every operation applied, in order. Raises `BadPatch`."""
    if not isinstance(operations, list) or not operations:
        raise BadPatch("Operations must be a list with at least one operation")
    result = deepcopy(dict(resource))
    for operation in operations:
        if not isinstance(operation, Mapping):
            raise BadPatch("an operation must be an object")
        verb = str(operation.get("op", "")).lower()
        if verb not in ("add", "replace", "remove"):
            raise BadPatch(f"unknown operation {operation.get('op')!r}")
        _apply(result, verb, str(operation.get("path") or ""), operation.get("value"))
    return result


def _apply(resource: dict[str, Any], verb: str, path: str, value: Any) -> None:
    if not path:
        if verb == "remove" or not isinstance(value, Mapping):
            raise BadPatch(f"{verb} without a path needs an object as value")
        for name, one in value.items():
            _put(resource, verb, _key(resource, name), one)
        return
    found = _PATH.match(path)
    if found is None:
        raise BadPatch(f"cannot read the path {path!r}")
    name, inner = _key(resource, found["name"]), found["inner"]
    if found["filter"]:
        _on_items(resource, verb, name, found["filter"], inner, value)
    elif inner:
        part = resource.setdefault(name, {})
        if not isinstance(part, dict):
            raise BadPatch(f"{name} has no attribute {inner}")
        _change(part, verb, _key(part, inner), value)
    else:
        _change(resource, verb, name, value)


def _change(part: dict[str, Any], verb: str, name: str, value: Any) -> None:
    if verb != "remove":
        _put(part, verb, name, value)
    elif value is None or not isinstance(part.get(name), list):
        part.pop(name, None)
    else:
        gone = {_identity(one) for one in (value if isinstance(value, list) else [value])}
        part[name] = [one for one in part[name] if _identity(one) not in gone]


def _put(part: dict[str, Any], verb: str, name: str, value: Any) -> None:
    have = part.get(name)
    if verb == "add" and isinstance(have, list):
        known = {_identity(one) for one in have}
        more = value if isinstance(value, list) else [value]
        part[name] = have + [one for one in more if _identity(one) not in known]
    elif verb == "add" and isinstance(have, dict) and isinstance(value, Mapping):
        part[name] = {**have, **value}
    else:
        part[name] = value


def _on_items(
    resource: dict[str, Any], verb: str, name: str, text: str, inner: str | None, value: Any
) -> None:
    try:
        match = parse(text)
    except BadFilter as fault:
        raise BadPatch(f"cannot read the filter of {name}: {fault}") from None
    items = resource.get(name)
    items = items if isinstance(items, list) else []
    chosen = [one for one in items if isinstance(one, dict) and match(one)]
    if verb == "remove" and not inner:
        resource[name] = [one for one in items if one not in chosen]
        return
    if verb == "replace" and not chosen:
        raise BadPatch(f"no item of {name} matches {text}")
    for one in chosen:
        if inner:
            _change(one, verb, _key(one, inner), value)
        elif isinstance(value, Mapping):
            one.update(value)


def _identity(item: Any) -> str:
    return str(item.get("value")) if isinstance(item, Mapping) else str(item)


def _key(part: Mapping[str, Any], name: str) -> str:
    """The attribute as the resource spells it: SCIM names have no case."""
    return next((key for key in part if key.lower() == name.lower()), name)
