"""`${resources.…}` inside a resource: finding them, and putting values in their place.

A reference that is the whole text becomes the value as it is; one inside longer text becomes text.
Ids are text, except in the few fields that take a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.deploy.reference_fields import in_bundles_words

_SEGMENT: Final = r"[^\W\d_](?:[^\W_]|[-_]+(?=[^\W_]))*"
_INDEX: Final = r"(?:\[\d+\])*"
REFERENCE: Final = re.compile(rf"\$\{{({_SEGMENT}{_INDEX}(?:\.{_SEGMENT}{_INDEX})*{_INDEX})\}}")
CHILDREN: Final = ("permissions", "grants")
# Fields of requests that hold an id as a number; everywhere else ids are text.
NUMBER_FIELDS: Final = frozenset({"job_id", "run_id"})


class Unresolved(Exception):
    """A reference has no value (yet); the message is the reference."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`${resources.jobs.a.id}`: the address it points at and the field wanted of it."""

    text: str
    address: str
    field: str


def references(data: Any) -> tuple[Reference, ...]:
    """Every reference in the tree, in order of appearance, each once."""
    return tuple(dict.fromkeys(_find(data)))


def places(data: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Paths of texts that hold a reference, with the text."""
    if isinstance(data, str):
        if REFERENCE.search(data):
            yield path, data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from places(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from places(value, f"{path}[{index}]")


def substitute(data: Any, value_of: Callable[[Reference], Any]) -> Any:
    """The tree with references replaced; those for which `value_of` raises `Unresolved` stay."""
    if isinstance(data, str):
        return _substitute_text(data, value_of)
    if isinstance(data, Mapping):
        return {key: _fit(key, value, substitute(value, value_of)) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [substitute(value, value_of) for value in data]
    return data


def without_unset(before: Any, after: Any) -> Any:
    """What is left where a reference stands for a field that is not set: nothing either."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return {
            key: without_unset(before[key], value)
            for key, value in after.items()
            if value is not None or not isinstance(before[key], str)
        }
    if isinstance(before, list | tuple) and isinstance(after, list):
        return [without_unset(*pair) for pair in zip(before, after, strict=True)]
    return after


def parse(inside: str) -> Reference | None:
    """The reference written `${inside}`, or None when it is of another kind."""
    parts = inside.split(".")
    if len(parts) < 3 or parts[0] != "resources":
        return None
    taken = 4 if len(parts) > 4 and parts[3] in CHILDREN else 3
    field = in_bundles_words(parts[1], ".".join(parts[taken:]))
    return Reference(f"${{{inside}}}", ".".join(parts[:taken]), field)


def field_of(data: Any, field: str) -> Any:
    """The value at `a.b[0].c`; raises KeyError when there is none."""
    here = data
    for part in re.findall(r"[^.\[\]]+", field):
        if isinstance(here, list | tuple) and part.isdigit() and int(part) < len(here):
            here = here[int(part)]
        elif isinstance(here, Mapping) and part in here:
            here = here[part]
        else:
            raise KeyError(field)
    return here


def _find(data: Any) -> Iterator[Reference]:
    for _, text in places(data):
        for match in REFERENCE.finditer(text):
            found = parse(match.group(1))
            if found is not None:
                yield found


def _fit(key: str, before: Any, after: Any) -> Any:
    """A substituted id in the type its field takes."""
    is_id = after is not before and isinstance(after, str) and after.isascii() and after.isdigit()
    return int(after) if is_id and key in NUMBER_FIELDS else after


def _substitute_text(text: str, value_of: Callable[[Reference], Any]) -> Any:
    whole = REFERENCE.fullmatch(text)
    if whole is not None:
        found = parse(whole.group(1))
        try:
            return text if found is None else value_of(found)
        except Unresolved:
            return text

    def replaced(match: re.Match[str]) -> str:
        found = parse(match.group(1))
        try:
            return match.group(0) if found is None else _as_text(value_of(found))
        except Unresolved:
            return match.group(0)

    return REFERENCE.sub(replaced, text)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple) or value is None:
        raise Unresolved(f"{value!r} cannot be put inside text")
    return str(value)
