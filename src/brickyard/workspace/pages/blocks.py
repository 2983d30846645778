"""What a page is made of. Views build these, one template shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.pages.rendering import pretty, segment, took, when

COLOURS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LONGEST_TEXT: Final = 40_000  # characters shown of a log or a value; the rest is in the API


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value: a text, where it leads, and whether it is a state or code."""

    text: str
    href: str = ""
    is_state: bool = False
    is_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    rows: Sequence[tuple[str, Cell]]
    title: str = ""
    block: str = "facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str = "None."
    block: str = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    title: str
    text: str
    is_open: bool = True
    block: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A span of time: where it begins and how long it is, in percent of the whole."""

    name: str
    state: str
    start: float
    width: float
    took: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    title: str
    bars: Sequence[Bar]
    block: str = "timeline"


Block = Facts | Table | Text | Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    title: str
    kind: str = ""  # what the title names: "Job", "Table"
    section: str = ""  # of the navigation
    above: Sequence[tuple[str, str]] = ()  # (name, address) of what it lies in
    blocks: Sequence[Block] = ()
    state: str = ""
    is_changing: bool = False  # worth looking again in a moment


def cell(value: Any, href: str = "") -> Cell:
    return Cell(text="" if value is None else str(value), href=href)


def state(value: Any) -> Cell:
    return Cell(text=str(value or ""), is_state=True)


def code(value: Any, href: str = "") -> Cell:
    return Cell(text="" if value is None else str(value), href=href, is_code=True)


def moment(ms: Any) -> Cell:
    return Cell(text=when(ms))


def facts(*rows: tuple[str, Cell | Any], title: str = "") -> Facts:
    """Those that have a value."""
    cells = [(name, one if isinstance(one, Cell) else cell(one)) for name, one in rows]
    return Facts(title=title, rows=[(name, one) for name, one in cells if one.text])


def as_json(title: str, value: Any, *, is_open: bool = False) -> Text:
    return Text(title=title, text=cut(pretty(value)), is_open=is_open)


def cut(text: str) -> str:
    """A text as a terminal leaves it, without colours; only its end if it is too long."""
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    text = COLOURS.sub("", text)
    if len(text) <= LONGEST_TEXT:
        return text
    return f"[{len(text) - LONGEST_TEXT:,} characters before this]\n{text[-LONGEST_TEXT:]}"


def timeline(title: str, spans: Sequence[tuple[str, str, int, int]]) -> Timeline:
    """Of (name, state, first ms, last ms); a span without a last one goes on."""
    begun = [start for _, _, start, _ in spans if start]
    first = min(begun, default=0)
    last = max([end for *_, end in spans] + begun, default=0)
    whole = max(1, last - first)
    bars = []
    for name, how, start, end in spans:
        length = max(0, (end or last) - start) if start else 0
        bars.append(
            Bar(
                name=name,
                state=how,
                start=100 * (start - first) / whole if start else 0.0,
                width=100 * length / whole,
                took=took(length),
            )
        )
    return Timeline(title=title, bars=bars)


def address(*parts: Any) -> str:
    """`/a/b/c`, each part made fit for it."""
    return "/" + "/".join(segment(part) for part in parts)
