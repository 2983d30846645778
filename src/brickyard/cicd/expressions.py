"""Conditions of the three providers, decided on this machine.

    github.event_name == 'push' && startsWith(github.ref, 'refs/tags/')     GitHub
    and(succeeded(), eq(variables['Build.Reason'], 'PullRequest'))          Azure
    $CI_COMMIT_BRANCH == "main" && $CI_COMMIT_TAG =~ /^v/                   GitLab

One grammar holds all three: `||`, `&&`, `!`, comparisons, calls, names with dots and indexes,
`$NAME`, texts in either quote, numbers, `/patterns/`. Comparisons of texts ignore case where the
provider does (GitHub, Azure). What is not known is empty, as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Lookup: TypeAlias = Callable[[str], Any]  # "github.ref", "variables.Build.Reason", "$NAME"
TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<op>\|\||&&|==|!=|=~|!~|<=|>=|[!<>()\[\],])
    | (?P<text>'(?:[^']|'')*'|"[^"]*")
    | (?P<pattern>/(?:\\.|[^/\\])+/i?)
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<name>\$?\{?[A-Za-z_][\w-]*\}?(?:\.[\w-]+)*)
    )""",
    re.VERBOSE,
)
STATUS: Final = re.compile(
    r"\b(?:always|failure|failed|success|succeeded|succeededOrFailed|cancell?ed)\("
)
WORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}


class BadExpression(ValueError):
    """A condition that can't be read here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the steps or jobs before went."""

    has_failed: bool = False


def holds(
    text: str, lookup: Lookup, outcome: Outcome = Outcome(), *, ignores_case: bool = True
) -> bool:
    """Whether a condition is true. Raises `BadExpression`."""
    return truth(evaluate(text, lookup, outcome, ignores_case=ignores_case))


def evaluate(
    text: str, lookup: Lookup, outcome: Outcome = Outcome(), *, ignores_case: bool = True
) -> Any:
    """The value of an expression. Raises `BadExpression`."""
    reader = _Reader(_tokens(text), lookup, _functions(outcome, ignores_case), ignores_case, text)
    value = reader.either()
    if reader.tokens:
        raise BadExpression(f"`{text}`: `{reader.tokens[0][1]}` is not expected there")
    return value


def truth(value: Any) -> bool:
    return bool(value) and value != 0


def says_status(text: str) -> bool:
    """Whether a condition speaks of how things went; without, it also needs success."""
    return (
        re.search(
            r"\b(always|failure|failed|succeededOrFailed|success|succeeded|cancell?ed)\(", text
        )
        is not None
    )


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise BadExpression(f"`{text}` can't be read at `{text[at:].strip()[:20]}`")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


@dataclass(slots=True)
class _Reader:
    tokens: list[tuple[str, str]]
    lookup: Lookup
    functions: Mapping[str, Callable[..., Any]]
    ignores_case: bool
    text: str

    def either(self) -> Any:
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value if truth(value) else other
        return value

    def both(self) -> Any:
        value = self.compared()
        while self.take("&&"):
            other = self.compared()
            value = other if truth(value) else value
        return value

    def compared(self) -> Any:
        value = self.single()
        while self.tokens and self.tokens[0][1] in COMPARISONS and self.tokens[0][0] == "op":
            _, name = self.tokens.pop(0)
            value = COMPARISONS[name](*_alike(value, self.single(), self.ignores_case))
        return value

    def single(self) -> Any:
        if not self.tokens:
            raise BadExpression(f"`{self.text}` ends too early")
        kind, word = self.tokens.pop(0)
        if word == "!" and kind == "op":
            return not truth(self.single())
        if word == "(" and kind == "op":
            value = self.either()
            self.must(")")
            return value
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(word)
        if kind == "pattern":
            flags = re.IGNORECASE if word.endswith("i") else 0
            return re.compile(word.removesuffix("i")[1:-1].replace("\\/", "/"), flags)
        if kind == "name":
            return self.named(word)
        raise BadExpression(f"`{self.text}`: `{word}` is not expected there")

    def named(self, word: str) -> Any:
        if self.take("("):
            return self.call(word)
        while self.take("["):
            word = f"{word}.{self.either()}"
            self.must("]")
        return WORDS[word] if word in WORDS else self.lookup(word)

    def call(self, name: str) -> Any:
        arguments: list[Any] = []
        while not self.take(")"):
            arguments.append(self.either())
            self.take(",")
        known = self.functions.get(name.lower())
        if known is None:
            raise BadExpression(f"`{self.text}`: `{name}()` is not known here")
        return known(*arguments)

    def take(self, word: str) -> bool:
        if self.tokens and self.tokens[0] == ("op", word):
            self.tokens.pop(0)
            return True
        return False

    def must(self, word: str) -> None:
        if not self.take(word):
            raise BadExpression(f"`{self.text}`: `{word}` is missing")


def _alike(left: Any, right: Any, ignores_case: bool) -> tuple[Any, Any]:
    def plain(value: Any) -> Any:
        if value is None:
            return ""
        return value.lower() if isinstance(value, str) and ignores_case else value

    if isinstance(right, re.Pattern):
        return left, right
    return plain(left), plain(right)


def _matches(value: Any, pattern: Any) -> bool:
    text = "" if value is None else str(value)
    return bool(re.search(pattern, text)) if value is not None else False


COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "=~": _matches,
    "!~": lambda a, b: not _matches(a, b),
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def _functions(outcome: Outcome, ignores_case: bool) -> dict[str, Callable[..., Any]]:
    def same(left: Any, right: Any) -> bool:
        one, other = _alike(left, right, ignores_case)
        return bool(one == other)

    def low(value: Any) -> str:
        text = "" if value is None else str(value)
        return text.lower() if ignores_case else text

    failed = outcome.has_failed
    return {
        "always": lambda: True,
        "success": lambda: not failed,
        "succeeded": lambda *_: not failed,
        "failure": lambda: failed,
        "failed": lambda *_: failed,
        "succeededorfailed": lambda *_: True,
        "cancelled": lambda: False,
        "canceled": lambda: False,
        "and": lambda *all_: all(truth(one) for one in all_),
        "or": lambda *any_: any(truth(one) for one in any_),
        "not": lambda one: not truth(one),
        "eq": same,
        "ne": lambda left, right: not same(left, right),
        "startswith": lambda text, start: low(text).startswith(low(start)),
        "endswith": lambda text, end: low(text).endswith(low(end)),
        "contains": lambda text, part: low(part) in low(text),
        "format": lambda text, *values: re.sub(
            r"\{(\d+)\}", lambda found: str(values[int(found[1])]), str(text)
        ),
        "hashfiles": lambda *_: "local",
    }
