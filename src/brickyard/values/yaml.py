"""Reading YAML into located values, by the official CLI's rules rather than YAML 1.1's.

Built on the events of PyYAML's C parser, which carry line and column at no cost. Only the first
document of a stream is read. Booleans are `true` and `false` only, `0777` is 777, `yes` and `on`
stay strings, and so do timestamps, which are known for what they are. JSON is read the same way.
Summaries are the official CLI's, whose parser is a port of the same C library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from brickyard.values.diagnostic import Diagnostic, error, warning
from brickyard.values.location import Location
from brickyard.values.value import NOTHING, Data, Scalar, Timestamp, Value

try:
    from yaml import CLoader as Loader
except ImportError:  # PyYAML without its C library: slower, the same events
    from yaml import Loader  # type: ignore[assignment]

DEEPEST: Final = 100
LARGEST: Final = 2_000_000
LONGEST_NUMBER: Final = 300  # digits; a float holds no more
CODE: Final = "bundle/yaml"
OF_VALUES: Final = "bundle/yaml-value"  # well-formed, but not what a configuration may hold
OF_MERGES: Final = "bundle/yaml-merge"
INT: Final = re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
TIME: Final = r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?"
ZONE: Final = r"(?:Z|[-+][0-9]{2}:[0-9]{2})"
TIMESTAMP: Final = re.compile(
    rf"([0-9]{{4}})-([0-9]{{1,2}})-([0-9]{{1,2}})(?:[Tt]{TIME}{ZONE}| {TIME})?", re.ASCII
)
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
TAGS: Final = frozenset({"str", "bool", "int", "float", "null", "timestamp", "merge"})
INTEGERS: Final = range(-(2**63), 2**63)
UNSIGNED: Final = range(2**64)


def read_yaml(text: str | bytes, file: str) -> tuple[Value, tuple[Diagnostic, ...]]:
    """The first document of a text as a located tree, and what is wrong with it.

    Never raises: a text that cannot be read gives a null value and an error.
    """
    top = Location(file, 1, 1)
    try:
        decoded = text.decode(_encoding_of(text)) if isinstance(text, bytes) else text
        decoded = decoded.removeprefix("\ufeff")
        decoded.encode()
    except UnicodeError as problem:
        detail = "Bundle files must be UTF-8 text. Save the file in that encoding."
        return NOTHING, (error(CODE, f"yaml: {_encoding(problem)}", detail, at=(top,)),)
    reader = Reader(file)
    try:
        value = reader.document(decoded)
    except Unreadable as problem:
        reader.found.append(error(problem.code, problem.summary, problem.detail, at=problem.at))
        return NOTHING, tuple(reader.found)
    except yaml.YAMLError as problem:
        reader.found.append(_parse_error(problem, file))
        return NOTHING, tuple(reader.found)
    return value or Value(None, (top,)), tuple(reader.found)


class Unreadable(Exception):
    """The document breaks a rule after which nothing in it can be trusted."""

    def __init__(self, summary: str, detail: str, *at: Location, code: str = OF_VALUES) -> None:
        super().__init__(summary)
        self.code = code
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
                f'cyclic reference to anchor "{event.anchor}"'
                if known
                else f"yaml: unknown anchor '{event.anchor}' referenced",
                f"`*{event.anchor}` needs a value marked `&{event.anchor}` that ends before it.",
                self.place(event),
                code=OF_VALUES if known else CODE,
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
                        "duplicate YAML merge key ('<<') is not allowed; to merge multiple maps,"
                        " use a sequence: '<<: [*anchor1, *anchor2]'",
                        "Write one `<<` with a list of aliases.",
                        place,
                        code=OF_MERGES,
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
        if not isinstance(data, str) or isinstance(data, Timestamp):
            raise Unreadable(_key_fault(data), "Put the key in quotes: every key is a name.", place)
        return data

    def merged(self, depth: int) -> dict[str, Value]:
        """What `<<` brings in: an alias, or a list of aliases and maps, later ones winning."""
        event = next(self.events)
        value = self.node(event, depth + 1)
        parts = value.elements if value.kind == "sequence" else (value,)
        inline = isinstance(event, yaml.MappingStartEvent)
        if inline or any(part.kind not in {"map", "nil"} for part in parts):
            raise Unreadable(
                "map merge requires map or sequence of maps as the value",
                "`<<` takes an alias of a map (`<<: *name`) or a list of them.",
                self.place(event),
            )
        entries: dict[str, Value] = {}
        for part in parts:
            entries.update(part.items)
        return entries

    def scalar(self, event: Any) -> Scalar:
        text: str = event.value
        try:
            if event.tag and event.tag != "!":
                return _tagged(event.tag, text)
            return _plain(text) if event.implicit[0] else text
        except ValueError as fault:
            raise Unreadable(
                str(fault), "Write it in quotes if it is a text.", self.place(event)
            ) from fault


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
    return Timestamp(text) if _is_timestamp(text) else text


def _is_timestamp(text: str) -> bool:
    """A day of the calendar, perhaps with a time; `2024-02-30` is a text like any other."""
    found = TIMESTAMP.fullmatch(text)
    if found is None:
        return False
    import datetime

    year, month, day, *clock = (int(one) for one in found.groups() if one is not None)
    hour, minute, second = clock or (0, 0, 0)
    try:
        datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return False
    return True


def _int(text: str) -> int | float | str:
    """An integer: leading zeros are dropped, `0x`, `0o`, `0b` name a base.

    Beyond 64 bits it is a float, as there; raises ValueError where the official CLI gives up.
    """
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text.removeprefix("+"))
    digits = digits.replace("_", "")
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2], 10)
    if not digits or len(digits) > LONGEST_NUMBER:
        return text
    try:
        number = int(sign + digits, base)
    except ValueError:
        return text
    if number in INTEGERS:
        return number
    if number in UNSIGNED or base != 10:
        raise ValueError(f"invalid int value: {text}")
    return float(number)


def _tagged(tag: str, text: str) -> Scalar:
    """A scalar with an explicit tag such as `!!str`."""
    known = tag.removeprefix(TAG)
    if known not in TAGS or known == tag:
        raise ValueError(f"unknown tag: {'!!' + known if known != tag else tag}")
    if known in {"str", "merge"}:
        return text
    if known == "timestamp":
        if not _is_timestamp(text):
            raise ValueError(f"invalid timestamp value: {text}")
        return Timestamp(text)
    value = _plain(text)
    match known:
        case "null":
            return None
        case "bool" if not isinstance(value, bool):
            raise ValueError(f"invalid bool value: {text}")
        case "int" if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"invalid int value: {text}")
        case "float" if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        case "float" if not isinstance(value, float):
            raise ValueError(f"invalid float value: {text}")
    return value


def _key_fault(data: Data) -> str:
    """Why this cannot be a key."""
    kinds = {bool: "!!bool", int: "!!int", float: "!!float", Timestamp: "!!timestamp"}
    tag = kinds.get(type(data))
    return f"invalid key tag: {tag}" if tag else "key is not a scalar"


def _encoding_of(text: bytes) -> str:
    """UTF-8 unless a mark at the beginning says otherwise, as Windows shells write it."""
    return "utf-16" if text[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"


def _encoding(problem: UnicodeError) -> str:
    """What the C library says of bytes that are not UTF-8."""
    reason = str(getattr(problem, "reason", ""))
    if "start byte" in reason:
        return "invalid leading UTF-8 octet"
    content, start = getattr(problem, "object", b""), getattr(problem, "start", 0)
    is_cut = len(content) - start < 3
    return "incomplete UTF-8 octet sequence" if is_cut else "invalid trailing UTF-8 octet"


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
    marks = [getattr(problem, "context_mark", None), getattr(problem, "problem_mark", None)]
    lines = [mark.line for mark in marks if mark is not None and mark.line]
    # The line as yaml.v3 counts it: of what it is in, from 1 for the scanner, else from 0.
    line = lines[0] + isinstance(problem, yaml.scanner.ScannerError) if lines else 0
    if "end of stream" not in reason or marks[0] is None:
        marks.reverse()
    places = [Location(file, mark.line + 1, mark.column + 1) for mark in marks if mark is not None]
    detail = f"{context}: {reason}" if context else reason
    return error(
        CODE,
        f"yaml: line {line}: {reason}" if line else f"yaml: {reason}",
        f"{detail}. Correct the text there.",
        at=tuple(dict.fromkeys(places)) or (Location(file, 1, 1),),
    )
