"""Bringing values into the kind that their field takes, and saying which fields nobody knows.

A value that cannot be converted and a field that nobody knows are dropped with a warning, as the
official CLI does; unknown fields that only hold anchors go without one. A string that is one whole
reference is kept everywhere, as its value is not known yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from brickyard.bundle.go_text import go_float, go_quoted, plain_float
from brickyard.bundle.references import is_pure
from brickyard.bundle.schema import Schema
from brickyard.values import (
    Diagnostic,
    Path,
    Timestamp,
    Value,
    did_you_mean,
    kind_of,
    show,
    warning,
)

YES: Final = frozenset({"true", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})
NO: Final = frozenset({"false", "n", "N", "no", "No", "NO", "off", "Off", "OFF"})
# A usual slip, as Kubernetes and app.yaml spell it so; the official CLI has a message of its own.
OTHERWISE_SPELLED: Final = {"valueFrom": "value_from"}


def normalise(
    value: Value, kind: str, schema: Schema, path: Path = ()
) -> tuple[Value, tuple[Diagnostic, ...]]:
    """The value with every part in the kind that its field takes, and what was found."""
    work = Normaliser(schema)
    made = work.value(value, kind, path)
    return (made if made is not None else value.with_data({})), tuple(work.found)


class Normaliser:
    """One walk over a tree; `found` collects the warnings."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.found: list[Diagnostic] = []

    def value(self, value: Value, kind: str, path: Path) -> Value | None:
        """The value as `kind`, or None when it has to be dropped."""
        if kind == "any":
            return as_string(value) if isinstance(value.data, Timestamp) else value
        if isinstance(value.data, str) and is_pure(value.data):
            return value
        if kind.startswith("["):
            return self.sequence(value, kind[1:-1], path)
        if kind.startswith("{"):
            return self.mapping(value, kind[1:-1], path)
        if kind in self.schema.structures:
            return self.structure(value, kind, path)
        if kind in self.schema.enumerations:
            kind = "string"
        made = SCALARS[kind](value)
        return made if made is not None else self.wrong(value, kind, path)

    def sequence(self, value: Value, kind: str, path: Path) -> Value | None:
        if value.data is None:
            return value
        if not isinstance(value.data, tuple):
            return self.wrong(value, "sequence", path)
        kept: list[Value] = []
        for element in value.data:
            if element.data is None and (kind in self.schema.structures or kind[:1] == "{"):
                made: Value | None = element.with_data({})  # there is one, of which nothing is said
            else:
                made = self.value(element, kind, (*path, len(kept)))
            if made is not None:
                kept.append(made)
        same = len(kept) == len(value.data) and all(
            new is old for new, old in zip(kept, value.data, strict=True)
        )
        return value if same else value.with_data(tuple(kept))

    def mapping(self, value: Value, kind: str, path: Path) -> Value | None:
        if value.data is None:
            return value
        if not isinstance(value.data, dict):
            return self.wrong(value, "map", path)
        return self.entries(value, dict.fromkeys(value.data, kind), path)

    def structure(self, value: Value, kind: str, path: Path) -> Value | None:
        if value.data is None:
            return value
        if not isinstance(value.data, dict):
            return self.wrong(value, "map", path)
        fields = self.schema.structures[kind]
        entries: dict[str, Value] = {}
        changed = False
        for name, entry in value.data.items():
            if name not in fields:
                changed = True
                if not _only_anchors(entry):
                    self.unknown(name, entry, fields, path)
                continue
            made = self.value(entry, fields[name], (*path, name))
            changed = changed or made is not entry
            if made is not None:
                entries[name] = made
        return value.with_data(entries) if changed else value

    def entries(self, value: Value, kinds: Mapping[str, str], path: Path) -> Value:
        entries: dict[str, Value] = {}
        changed = False
        for name, entry in value.items.items():
            made = self.value(entry, kinds[name], (*path, name))
            changed = changed or made is not entry
            if made is not None:
                entries[name] = made
        return value.with_data(entries) if changed else value

    def unknown(self, name: str, entry: Value, fields: Mapping[str, str], path: Path) -> None:
        meant = OTHERWISE_SPELLED.get(name)
        if meant in fields:
            summary = f"Use '{meant}' instead of '{name}'"
            detail = f"`{name}` is not a field here and is left out."
        else:
            summary = f"unknown field: {name}"
            hint = did_you_mean(name, fields)
            detail = f"`{name}` is not a field here and is left out. {hint}".rstrip()
        self.found.append(
            warning(
                "bundle/unknown-field",
                summary,
                detail,
                path=show(path) or None,
                at=entry.key_locations,
                is_explained=meant in fields,
            )
        )

    def wrong(self, value: Value, expected: str, path: Path) -> Value | None:
        """Notes that the value has the wrong kind; nothing is kept of it."""
        text = (
            f"expected a {expected} value, found null"
            if value.data is None and expected in SCALARS
            else _misfit(value.data, expected)
        )
        self.found.append(
            warning(
                "bundle/wrong-kind",
                text,
                "The value is left out. Write it as the field's reference page says.",
                path=show(path),
                at=value.locations[:1],
            )
        )
        return None


def _misfit(data: object, expected: str) -> str:
    """Why a value is of no use as `expected`; numbers have words of their own."""
    if isinstance(data, Timestamp):
        return f"expected {expected}, found time"
    if expected == "int" and isinstance(data, str):
        return f"cannot parse {go_quoted(data)} as an integer"
    if expected == "float" and isinstance(data, str):
        return f"cannot parse {go_quoted(data)} as a floating point number"
    if expected == "int" and isinstance(data, float):
        return f'cannot accurately represent "{go_float(data)}" as integer due to precision loss'
    if expected == "float" and isinstance(data, int) and not isinstance(data, bool):
        return (
            f'cannot accurately represent "{data}" as floating point number due to precision loss'
        )
    return f"expected {expected}, found {kind_of(data)}"


def _only_anchors(value: Value) -> bool:
    """True for a place that only holds anchors: a usual way to keep shared parts."""
    if value.anchored:
        return True
    below = value.elements or tuple(value.items.values())
    return bool(below) and all(_only_anchors(part) for part in below)


def as_string(value: Value) -> Value | None:
    """A string; numbers and booleans become their text."""
    match value.data:
        case Timestamp():
            return value.with_data(str(value.data))
        case str():
            return value
        case bool():
            return value.with_data("true" if value.data else "false")
        case int():
            return value.with_data(str(value.data))
        case float():
            return value.with_data(plain_float(value.data))
        case _:
            return None


def as_bool(value: Value) -> Value | None:
    """A boolean; YAML 1.1's words are understood here, where a boolean is wanted."""
    if isinstance(value.data, bool):
        return value
    if isinstance(value.data, str) and value.data in YES | NO:
        return value.with_data(value.data in YES)
    return None


def as_int(value: Value) -> Value | None:
    """An integer; a float without fraction and a decimal string are understood."""
    data = value.data
    if isinstance(data, bool):
        return None
    if isinstance(data, int):
        return value
    if isinstance(data, float) and data.is_integer() and int(data) in INTEGERS:
        return value.with_data(int(data))
    if isinstance(data, str) and re.fullmatch(r"[-+]?[0-9]{1,30}", data):
        return value.with_data(int(data)) if int(data) in INTEGERS else None
    return None


def as_float(value: Value) -> Value | None:
    """A float; integers that a float holds exactly and numeric strings are understood."""
    data = value.data
    if isinstance(data, bool):
        return None
    if isinstance(data, float):
        return value
    if isinstance(data, int):
        return value if float(data) == data else None
    if isinstance(data, str):
        try:
            return value.with_data(float(data))
        except ValueError:
            return None
    return None


SCALARS: Final = {"string": as_string, "bool": as_bool, "int": as_int, "float": as_float}
INTEGERS: Final = range(-(2**63), 2**63)
