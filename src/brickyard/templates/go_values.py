"""Go's values as templates see them: types, truth, printing, regular expressions, URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import SplitResult, urlsplit

KINDS: Final[Mapping[type, str]] = {
    bool: "bool",
    int: "int",
    float: "float64",
    complex: "complex128",
    str: "string",
    dict: "map[string]interface {}",
    list: "[]string",
}


def type_of(value: Any) -> str:
    """What Go calls the type of a value."""
    if value is None:
        return "<nil>"
    return getattr(value, "go_type", "") or KINDS.get(type(value), "interface {}")


def is_true(value: Any) -> bool:
    """False for nothing, zero, and everything empty."""
    return bool(value)


def go_float(value: float) -> str:
    """As `%v` shows it: an exponent from 1e21 on, and below 1e-4."""
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        text = f"{value!r}" if "e" not in f"{value!r}" else f"{value:f}"
        return text.removesuffix(".0")
    mantissa, _, exponent = f"{value!r}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{exponent}"


def printed(value: Any) -> str:
    """A value in the output."""
    match value:
        case None:
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case float():
            return go_float(value)
        case complex():
            return (
                f"({go_float(value.real)}{'+' if value.imag >= 0 else ''}{go_float(value.imag)}i)"
            )
        case Mapping():
            return "map[" + " ".join(f"{k}:{_inside(value[k])}" for k in sorted(value)) + "]"
        case list() | tuple():
            return "[" + " ".join(map(_inside, value)) + "]"
        case _:
            return str(value)


def _inside(value: Any) -> str:
    return "<nil>" if value is None else printed(value)


def print_(*values: Any) -> str:
    """`print`: a space between two values when neither is a text."""
    out = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out += " "
        out += _inside(value)
    return out


def println(*values: Any) -> str:
    return " ".join(map(_inside, values)) + "\n"


@dataclass(frozen=True, slots=True)
class Pair:
    """`pair K V`, of which `map` makes a map."""

    go_type: ClassVar = "template.pair"
    key: str
    value: Any

    def __str__(self) -> str:
        return f"{{{self.key} {_inside(self.value)}}}"


class Regexp:
    """`regexp S`: the methods of Go's Regexp that templates call."""

    go_type: ClassVar = "*regexp.Regexp"
    go_members: ClassVar = (
        "MatchString",
        "ReplaceAllString",
        "ReplaceAllLiteralString",
        "FindString",
        "FindStringIndex",
        "FindStringSubmatch",
        "FindAllString",
        "Split",
        "String",
        "NumSubexp",
    )

    def __init__(self, pattern: str) -> None:
        try:
            self._pattern = compiled(pattern)
        except re.error as fault:
            raise ValueError(regexp_fault(pattern, fault)) from fault
        self._text = pattern

    def __str__(self) -> str:
        return self._text

    def String(self) -> str:
        return self._text

    def NumSubexp(self) -> int:
        return self._pattern.groups

    def MatchString(self, text: str) -> bool:
        return self._pattern.search(text) is not None

    def ReplaceAllString(self, text: str, replacement: str) -> str:
        def filled(match: re.Match[str]) -> str:
            def group(found: re.Match[str]) -> str:
                if found[0] == "$$":
                    return "$"
                name = found[1] or found[2]
                key: int | str = int(name) if name.isdigit() else name
                try:
                    return match[key] or ""
                except IndexError:
                    return ""

            return re.sub(r"\$\$|\$(?:\{(\w+)\}|(\w+))", group, replacement)

        return self._pattern.sub(filled, text)

    def ReplaceAllLiteralString(self, text: str, replacement: str) -> str:
        return self._pattern.sub(lambda _: replacement, text)

    def FindString(self, text: str) -> str:
        found = self._pattern.search(text)
        return found[0] if found else ""

    def FindStringIndex(self, text: str) -> list[int]:
        found = self._pattern.search(text)
        return [len(text[:at].encode()) for at in found.span()] if found else []

    def FindStringSubmatch(self, text: str) -> list[str]:
        found = self._pattern.search(text)
        return [found[0], *(part or "" for part in found.groups())] if found else []

    def FindAllString(self, text: str, most: int) -> list[str]:
        found = [match[0] for match in self._pattern.finditer(text)]
        return found if most < 0 else found[:most]

    def Split(self, text: str, most: int) -> list[str]:
        if most == 0:
            return []
        parts: list[str] = []
        start = 0
        for match in self._pattern.finditer(text):
            if 0 < most == len(parts) + 1:
                break
            if match.end() == 0:
                continue
            parts.append(text[start : match.start()])
            start = match.end()
        return [*parts, text[start:]]


def regexp_fault(pattern: str, fault: re.error) -> str:
    """What Go says of a pattern that is none, for what goes wrong most."""
    words, shown = fault.msg, pattern
    if "unterminated subpattern" in words or "missing )" in words:
        words = "missing closing )"
    elif "unbalanced parenthesis" in words:
        words = "unexpected )"
    elif "unterminated character set" in words:
        words, shown = "missing closing ]", pattern[fault.pos or 0 :]
    elif "nothing to repeat" in words:
        words, shown = "missing argument to repetition operator", pattern[fault.pos or 0 :][:1]
    return f"error parsing regexp: {words}: `{shown}`"


def compiled(pattern: str) -> re.Pattern[str]:
    """An RE2 pattern for Python: what they spell differently is `\\z` and what `$` means."""
    text = pattern.replace(r"\z", r"\Z")
    # `$` is the very end in RE2; in Python it would also stand before a last line break.
    return re.compile(re.sub(r"(?<!\\)\$(?=\)|$|\|)", r"\\Z", text))


class Url:
    """`url S`: the fields and methods of Go's URL that templates read."""

    go_type: ClassVar = "*url.URL"
    go_members: ClassVar = (
        *("Scheme", "Host", "Path", "RawQuery", "Fragment", "Opaque"),
        *("Hostname", "Port", "String", "EscapedPath", "IsAbs", "RequestURI"),
    )

    def __init__(self, text: str) -> None:
        fault = _url_fault(text)
        if fault:
            raise ValueError(f'parse "{text}": {fault}')
        parts: SplitResult = urlsplit(text)
        self.Scheme = parts.scheme
        self.Host = parts.netloc.rpartition("@")[2]
        self.Opaque = ""
        self.Path, self.RawQuery, self.Fragment = parts.path, parts.query, parts.fragment
        self._parts, self._text = parts, text

    def __str__(self) -> str:
        return self._text

    def String(self) -> str:
        return self._text

    def Hostname(self) -> str:
        return self._parts.hostname or ""

    def Port(self) -> str:
        return str(self._parts.port or "")

    def EscapedPath(self) -> str:
        return self.Path

    def IsAbs(self) -> bool:
        return bool(self.Scheme)

    def RequestURI(self) -> str:
        return (self.Path or "/") + (f"?{self.RawQuery}" if self.RawQuery else "")


def _url_fault(text: str) -> str:
    """What Go has against a URL; empty for one that it reads."""
    if any(letter < " " or letter == "\x7f" for letter in text):
        return "net/url: invalid control character in URL"
    if text.startswith(":"):
        return "missing protocol scheme"
    host = text.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if host.startswith("[") and "]" not in host:
        return "missing ']' in host"
    port = re.search(r":([^:\]]*)$", host)
    if port and not re.fullmatch(r"\d*", port[1]):
        return f'invalid port ":{port[1]}" after host'
    return ""
