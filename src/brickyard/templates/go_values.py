"""Go's values as templates see them: truth, printing, comparisons, regular expressions, URLs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any, ClassVar, Final
from urllib.parse import quote_plus, urlsplit

# Verbs that take numbers, and which.
NUMBERS: Final[dict[str, type | tuple[type, ...]]] = {
    **dict.fromkeys("dobxX", int),
    **dict.fromkeys("feg", float),
}
VERB: Final = re.compile(r"%([-+ 0#]*\d*(?:\.\d+)?)([a-zA-Z%])")


def is_true(value: Any) -> bool:
    """False for nothing, zero, and everything empty."""
    return bool(value)


def printed(value: Any) -> str:
    """A value in the output."""
    match value:
        case None:
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case Mapping():
            return "map[" + " ".join(f"{k}:{printed(value[k])}" for k in sorted(value)) + "]"
        case list() | tuple():
            return "[" + " ".join(map(printed, value)) + "]"
        case _:
            return str(value)


def print_(*values: Any) -> str:
    """`print`: a space between two values when neither is a text."""
    out = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out += " "
        out += printed(value)
    return out


def println(*values: Any) -> str:
    return " ".join(map(printed, values)) + "\n"


def printf(text: str, *values: Any) -> str:
    """`%s %d %v %q %t %f %x`, with flags and widths."""
    left = list(values)

    def shown(match: re.Match[str]) -> str:
        flags, verb = match[1], match[2]
        if verb == "%":
            return "%"
        if not left:
            return f"%!{verb}(MISSING)"
        value = left.pop(0)
        if verb == "q":
            quoted = '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
            return f"%{flags}s" % quoted.replace("\n", "\\n").replace("\t", "\\t")
        wanted = NUMBERS.get(verb)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if wanted is not None and not (is_number and isinstance(value, wanted)):
            return f"%!{verb}({_go_kind(value)}={printed(value)})"
        if verb == "s" and (is_number or isinstance(value, bool)):
            return f"%!s({_go_kind(value)}={printed(value)})"
        if verb == "b":
            return format(value, f"{flags}b")
        if wanted is not None:
            return str(f"%{flags}{verb}" % value)
        return f"%{flags}s" % printed(value)

    out = VERB.sub(shown, text)
    extra = ", ".join(f"{_go_kind(value)}={printed(value)}" for value in left)
    return f"{out}%!(EXTRA {extra})" if left else out


def _go_kind(value: Any) -> str:
    """What Go calls the type of a value."""
    kinds = {bool: "bool", int: "int", float: "float64", str: "string"}
    return "<nil>" if value is None else kinds.get(type(value), "interface {}")


def part(value: Any, *bounds: int) -> Any:
    """`slice`: from one place up to, not with, another."""
    first, last = (*bounds, *(0, len(value))[len(bounds) :])[:2]
    if not 0 <= first <= last <= len(value):
        raise IndexError(f"index out of range: {last if last > len(value) else first}")
    return value[first:last]


def html(*values: Any) -> str:
    return escape(print_(*values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def urlquery(*values: Any) -> str:
    return quote_plus(print_(*values))


def index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else value[key]
    return value


def equal(first: Any, *others: Any) -> bool:
    """Whether the first is equal to any of the others."""
    return any(type(first) is type(one) and first == one for one in others)


def every(values: Iterator[Any]) -> Any:
    """`and`: the first empty value, else the last; what comes after is not looked at."""
    last: Any = None
    for last in values:
        if not is_true(last):
            break
    return last


def some(values: Iterator[Any]) -> Any:
    """`or`: the first value that is not empty, else the last."""
    last: Any = None
    for last in values:
        if is_true(last):
            break
    return last


SHORT_CIRCUIT: Final[Mapping[str, Callable[[Iterator[Any]], Any]]] = {"and": every, "or": some}
BUILTINS: Final[Mapping[str, Callable[..., Any]]] = {
    "and": every,
    "or": some,
    "not": lambda value: not is_true(value),
    "eq": equal,
    "ne": lambda a, b: not equal(a, b),
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "len": len,
    "index": index,
    "print": print_,
    "println": println,
    "slice": part,
    "html": html,
    "urlquery": urlquery,
    "printf": printf,
}


class Regexp:
    """`regexp S`: the methods of Go's Regexp that templates call."""

    go_members: ClassVar = ("MatchString", "ReplaceAllString", "FindString", "FindStringSubmatch")

    def __init__(self, pattern: str) -> None:
        self._pattern = compiled(pattern)
        self._text = pattern

    def __str__(self) -> str:
        return self._text

    def MatchString(self, text: str) -> bool:
        return self._pattern.search(text) is not None

    def ReplaceAllString(self, text: str, replacement: str) -> str:
        def filled(match: re.Match[str]) -> str:
            def group(found: re.Match[str]) -> str:
                name = found[1] or found[2]
                key: int | str = int(name) if name.isdigit() else name
                try:
                    return match[key] or ""
                except IndexError:
                    return ""

            return re.sub(r"\$(?:\{(\w+)\}|(\w+))", group, replacement).replace("$$", "$")

        return self._pattern.sub(filled, text)

    def FindString(self, text: str) -> str:
        found = self._pattern.search(text)
        return found[0] if found else ""

    def FindStringSubmatch(self, text: str) -> list[str]:
        found = self._pattern.search(text)
        return [found[0], *(part or "" for part in found.groups())] if found else []


def compiled(pattern: str) -> re.Pattern[str]:
    """An RE2 pattern for Python: what they spell differently is `\\z` and what `$` means."""
    text = pattern.replace(r"\z", r"\Z")
    # `$` is the very end in RE2; in Python it would also stand before a last line break.
    return re.compile(re.sub(r"(?<!\\)\$(?=\)|$|\|)", r"\\Z", text))


class Url:
    """`url S`: the fields of Go's URL that templates read."""

    go_members: ClassVar = ("Scheme", "Host", "Path")

    def __init__(self, text: str) -> None:
        parts = urlsplit(text)
        self.Scheme, self.Host, self.Path = parts.scheme, parts.netloc, parts.path
        self._text = text

    def __str__(self) -> str:
        return self._text
