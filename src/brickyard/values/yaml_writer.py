"""Writing plain data as YAML, byte for byte as the official CLI writes what it generates.

Two spaces, lists indented, nothing folded, keys in the order given. A text that would be read back
as something else is quoted; one of several lines becomes a block. Follows the rules of go-yaml v3
where PyYAML's own differ: what may stay plain, and characters beyond the basic plane.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import yaml
from yaml.emitter import Emitter, ScalarAnalysis

from brickyard.values.yaml import SPECIAL

# What Go's strconv takes for a number when asked to guess the base.
GO_NUMBER: Final = re.compile(
    r"[-+]?(0[xX](_?[0-9a-fA-F])+|0[bB](_?[01])+|0[oO]?(_?[0-7])+|[0-9](_?[0-9])*"
    r"|([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|inf|infinity|nan)",
    re.IGNORECASE,
)
UNFOLDED: Final = 1 << 30
STARTERS: Final = frozenset("#,[]{}&*!|>'\"%@`")
BREAKS: Final = frozenset("\n\r\x85\u2028\u2029")


def write_yaml(data: Mapping[str, Any], *, quoted: Collection[str] = ()) -> str:
    """A document. Below the keys named by `quoted` every key and text is in double quotes."""
    stream = io.StringIO()
    writer = _Writer(stream, indent=2, width=UNFOLDED, allow_unicode=True)
    for event in (
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_node(data, None, frozenset(quoted)),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ):
        writer.emit(event)
    return stream.getvalue()


def _node(data: Any, style: str | None, quoted: frozenset[str]) -> Iterator[yaml.Event]:
    if isinstance(data, Mapping):
        yield yaml.MappingStartEvent(None, None, True, flow_style=False)
        for key, item in data.items():
            yield _scalar(str(key), style)
            yield from _node(item, '"' if key in quoted else style, quoted)
        yield yaml.MappingEndEvent()
    elif isinstance(data, list | tuple):
        yield yaml.SequenceStartEvent(None, None, True, flow_style=False)
        for item in data:
            yield from _node(item, style, quoted)
        yield yaml.SequenceEndEvent()
    elif isinstance(data, str):
        yield _scalar(data, '"' if _reads_otherwise(data) else style)
    else:
        yield _scalar(_plain(data), style)


def _scalar(text: str, style: str | None) -> yaml.Event:
    return yaml.ScalarEvent(None, None, (True, True), text, style=style or _style_of(text))


def _style_of(text: str) -> str | None:
    return "|" if "\n" in text else None


def _plain(data: object) -> str:
    if data is None:
        return "null"
    if isinstance(data, bool):
        return str(data).lower()
    if isinstance(data, float) and data.is_integer() and abs(data) < 1e21:
        return str(int(data))
    return str(data)


def _reads_otherwise(text: str) -> bool:
    """Whether the text, written plain, would come back as a number, a boolean or nothing."""
    return text in SPECIAL or GO_NUMBER.fullmatch(text) is not None


class _Writer(Emitter):
    """PyYAML's emitter with go-yaml's ideas of indentation and of what may stay plain."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow=flow, indentless=False)

    def analyze_scalar(self, scalar: str) -> ScalarAnalysis:
        if not scalar:
            return _analysis(scalar, plain=True, single=True, block=False)
        has_breaks = any(char in BREAKS for char in scalar)
        is_special = any(_is_special(char) for char in scalar)
        space_then_break = re.search(r" [\n\r\x85\u2028\u2029]", scalar) is not None
        break_then_space = re.search(r"[\n\r\x85\u2028\u2029] ", scalar) is not None
        has_edges = scalar[0] in BREAKS | {" "} or scalar[-1] in BREAKS | {" "}
        is_hard = space_then_break or break_then_space or is_special or "\t" in scalar
        return _analysis(
            scalar,
            plain=not (is_hard or has_breaks or has_edges or _is_indicated(scalar)),
            single=not is_hard,
            block=not (space_then_break or is_special or scalar.endswith(" ")),
            multiline=has_breaks,
        )


def _analysis(
    scalar: str, *, plain: bool, single: bool, block: bool, multiline: bool = False
) -> ScalarAnalysis:
    return ScalarAnalysis(
        scalar=scalar,
        empty=not scalar,
        multiline=multiline,
        allow_flow_plain=False,
        allow_block_plain=plain,
        allow_single_quoted=single,
        allow_double_quoted=True,
        allow_block=block,
    )


def _is_special(char: str) -> bool:
    """Not to be printed as it is; a tab is looked at apart."""
    if char in "\t\n" or " " <= char <= "~":
        return False
    return not ("\xa0" <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd") or char == "\ufeff"


def _is_indicated(scalar: str) -> bool:
    """Whether a sign in it means something in YAML."""
    if scalar[0] in STARTERS or scalar.startswith(("---", "...")):
        return True
    if re.match(r"[-?]([ \t\n]|$)", scalar):
        return True
    return re.search(r":([ \t\n]|$)|(?<=[ \t\n])#", scalar) is not None
