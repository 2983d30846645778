"""Reading YAML into located values, by the official CLI's rules rather than YAML 1.1's.

Built on the events of PyYAML's C parser, which carry line and column at no cost. Only the first
document of a stream is read. Booleans are `true` and `false` only, `0777` is 777, timestamps keep
their text, `yes` and `on` stay strings. JSON is read the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from brickyard.values.diagnostic import Diagnostic, error, warning
from brickyard.values.location import Location
from brickyard.values.value import NOTHING, Data, Scalar, Value

try:
    from yaml import CLoader as Loader
except ImportError:  # PyYAML without its C library: slower, the same events
    from yaml import Loader  # type: ignore[assignment]

DEEPEST: Final = 100
LARGEST: Final = 2_000_000
CODE: Final = "bundle/yaml"
INT: Final = re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
SPECIAL: Final = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
STARTS: Final = frozenset("0123456789+-.")
TAG: Final = "tag:yaml.org,2002:"


def read_yaml(text: str | bytes, file: str) -> tuple[Value, tuple[Diagnostic, ...]]:
    """The first document of a text as a located tree, and what is wrong with it.

    Never raises: a text that cannot be read gives a null value and an error.
    """
    top = Location(file, 1, 1)
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        decoded = decoded.removeprefix("\ufeff")
        decoded.encode()
    except UnicodeError:
        detail = "Bundle files must be UTF-8 text. Save the file in that encoding."
        return NOTHING, (error(CODE, "file is not UTF-8 text", detail, at=(top,)),)
    reader = Reader(file)
    try:
        value = reader.document(decoded)
    except Unreadable as problem:
        reader.found.append(error(CODE, problem.summary, problem.detail, at=problem.at))
        return NOTHING, tuple(reader.found)
    except yaml.YAMLError as problem:
        reader.found.append(_parse_error(problem, file))
        return NOTHING, tuple(reader.found)
    return value or Value(None, (top,)), tuple(reader.found)


class Unreadable(Exception):
    """The document breaks a rule after which nothing in it can be trusted."""

    def __init__(self, summary: str, detail: str, *at: Location) -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.at = at


@dataclass(slots=True)
class Reader:
    """Builds values from events. `sizes` counts nodes, so that aliases cannot blow up."""

    file: str
    found: list[Diagnostic] = field(default_factory=list)
    anchors: dict[str, Value | None] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    size: int = 0
    events: Iterator[Any] = field(default_factory=lambda: iter(()))

    def document(self, text: str) -> Value | None:
        """The first document's value; None when there is no document."""
        self.events = yaml.parse(text, Loader=Loader)
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                return self.node(next(self.events), 0)
        return None

    def place(self, event: Any) -> Location:
        return Location(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def node(self, event: Any, depth: int) -> Value:
        self.size += 1
        if depth > DEEPEST or self.size > LARGEST:
            raise Unreadable(
                "file is nested too deeply"
                if depth > DEEPEST
                else "aliases make the file too large",
                f"At most {DEEPEST} levels and {LARGEST} values are read from one file. Split it.",
                self.place(event),
            )
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        anchor, before = event.anchor, self.size
        if anchor:
            self.anchors[anchor] = None
        place = self.place(event)
        data: Data
        if isinstance(event, yaml.ScalarEvent):
            data = self.scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            data = self.sequence(depth)
        else:
            data = self.mapping(event, depth)
        value = Value(data, (place,), None, bool(anchor))
        if anchor:
            self.anchors[anchor] = value
            self.sizes[anchor] = self.size - before + 1
        return value

    def alias(self, event: Any) -> Value:
        value = self.anchors.get(event.anchor)
        if value is None:
            known = event.anchor in self.anchors
            raise Unreadable(
                "anchor refers to itself" if known else "unknown anchor",
                f"`*{event.anchor}` needs a value marked `&{event.anchor}` that ends before it.",
                self.place(event),
            )
        self.size += self.sizes[event.anchor]
        return Value(value.data, value.locations)

    def sequence(self, depth: int) -> Data:
        elements = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            elements.append(self.node(event, depth + 1))
        return tuple(elements)

    def mapping(self, start: Any, depth: int) -> Data:
        entries: dict[str, Value] = {}
        merged: dict[str, Value] | None = None
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            place = self.place(event)
            if _is_merge(event):
                if merged is not None:
                    raise Unreadable(
                        "two merge keys in one map",
                        "Write one `<<` with a list of aliases.",
                        place,
                    )
                merged = self.merged(depth)
                continue
            name = self.name(event, depth, place)
            value = self.node(next(self.events), depth + 1)
            earlier = entries.get(name)
            if earlier is not None and earlier.key is not None:
                self.found.append(_duplicate(name, place, earlier.key))
                place = earlier.key
            entries[name] = Value(value.data, value.locations, place, value.anchored)
        return entries if merged is None else {**merged, **entries}

    def name(self, event: Any, depth: int, place: Location) -> str:
        """A key: a string, or null, which is the word."""
        if isinstance(event, yaml.AliasEvent):
            data = self.alias(event).data
        elif isinstance(event, yaml.ScalarEvent):
            data = self.scalar(event)
            if event.anchor:
                self.anchors[event.anchor] = Value(data, (place,))
                self.sizes[event.anchor] = 1
        else:
            data = self.node(event, depth + 1).data
        if data is None:
            return "null"
        if not isinstance(data, str):
            raise Unreadable(
                "key is not a string", "Put the key in quotes: every key is a name.", place
            )
        return data

    def merged(self, depth: int) -> dict[str, Value]:
        """What `<<` brings in: an alias, or a list of aliases and maps, later ones winning."""
        event = next(self.events)
        value = self.node(event, depth + 1)
        parts = value.elements if value.kind == "sequence" else (value,)
        inline = isinstance(event, yaml.MappingStartEvent)
        if inline or any(part.kind not in {"map", "nil"} for part in parts):
            raise Unreadable(
                "merge key needs an alias",
                "`<<` takes an alias of a map (`<<: *name`) or a list of them.",
                self.place(event),
            )
        entries: dict[str, Value] = {}
        for part in parts:
            entries.update(part.items)
        return entries

    def scalar(self, event: Any) -> Scalar:
        text: str = event.value
        if event.tag and event.tag.startswith(TAG):
            return _tagged(event.tag.removeprefix(TAG), text)
        return _plain(text) if event.implicit[0] else text


def _plain(text: str) -> Scalar:
    """What an unquoted scalar means."""
    if text in SPECIAL:
        return SPECIAL[text]
    if text[0] not in STARTS:
        return text
    if INT.fullmatch(text):
        return _int(text)
    if FLOAT.fullmatch(text) and any(letter.isdigit() for letter in text):
        return float(text)
    return text


def _int(text: str) -> int | str:
    """An integer: leading zeros are dropped, `0x`, `0o`, `0b` name a base."""
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text.removeprefix("+"))
    digits = digits.replace("_", "")
    if not digits or len(digits) > 1000:
        return text
    try:
        base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2], 10)
        return int(sign + digits, base)
    except ValueError:
        return text


def _tagged(tag: str, text: str) -> Scalar:
    """A scalar with an explicit tag such as `!!str`."""
    if tag == "str":
        return text
    value = _plain(text)
    if tag == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 2**1000 else text
    return value


def _is_merge(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]


def _duplicate(name: str, again: Location, first: Location) -> Diagnostic:
    return warning(
        "bundle/duplicate-key",
        "duplicate key",
        f"`{name}` is given twice in one map; the last one counts. Remove one of them.",
        at=(again, first),
    )


def _parse_error(problem: yaml.YAMLError, file: str) -> Diagnostic:
    """Points where the text went wrong and where what it is in begins. A quote or bracket that is
    never closed is found at the end of the file: there only the beginning helps."""
    reason = str(getattr(problem, "problem", None) or getattr(problem, "reason", "unreadable"))
    context = getattr(problem, "context", None)
    marks = [getattr(problem, "problem_mark", None), getattr(problem, "context_mark", None)]
    if "end of stream" in reason and marks[1] is not None:
        marks.reverse()
    places = [Location(file, mark.line + 1, mark.column + 1) for mark in marks if mark is not None]
    detail = f"{context}: {reason}" if context else reason
    return error(
        CODE,
        "file is not valid YAML",
        f"{detail}. Correct the text there.",
        at=tuple(dict.fromkeys(places)) or (Location(file, 1, 1),),
    )
