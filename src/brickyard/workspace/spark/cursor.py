"""Reading a statement word by word: for the commands that the gateway answers itself.

Tokens come from sqlglot's tokenizer for the Databricks dialect. What is read here is run here; the
engine never sees it, so a misreading cannot go round a right.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from brickyard.workspace.spark.refusals import PARSE, Refusal


def tokens_of(sql: str) -> list[Any]:
    """The tokens, without a closing semicolon. Raises a ParseException."""
    from sqlglot.errors import TokenError

    tokenizer, dialect = _tokenizer()
    try:
        tokens = list(tokenizer(dialect=dialect).tokenize(sql))
    except TokenError as fault:
        raise syntax_error(str(fault)) from None
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    return tokens


@cache
def _tokenizer() -> tuple[Any, Any]:
    """The dialect's tokenizer, but with every word of SHOW, OPTIMIZE and their like a token."""
    from sqlglot.dialects.databricks import Databricks

    class Words(Databricks.Tokenizer):  # type: ignore[misc]
        COMMANDS: ClassVar[set[Any]] = set()

    return Words, Databricks()


def syntax_error(message: str) -> Refusal:
    return Refusal("PARSE_SYNTAX_ERROR", message, sql_state="42601", jvm_class=PARSE)


class Cursor:
    def __init__(
        self,
        sql: str,
        tokens: list[Any] | None = None,
        arguments: Mapping[str, str] | None = None,
    ) -> None:
        self.sql = sql
        self.arguments = arguments or {}  # of the statement, for IDENTIFIER(:name)
        self.tokens = tokens_of(sql) if tokens is None else tokens
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        """The next word in upper case; '' at the end and for quoted text."""
        at = self.at + ahead
        if at >= len(self.tokens) or self._quoted(at):
            return ""
        return str(self.tokens[at].text).upper()

    def take(self, *words: str) -> bool:
        """Step over these words if they come next."""
        if all(self.peek(ahead) == word for ahead, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def take_any(self, *words: str) -> str:
        """Step over the one of these that comes next; '' when none does."""
        return next((word for word in words if self.take(*word.split())), "")

    def need(self, *words: str) -> None:
        if not self.take(*words):
            raise self.fault(f"'{' '.join(words)}'")

    def name(self) -> tuple[str, ...]:
        """A dotted name; backticks are taken off. `IDENTIFIER('a.b')` and `IDENTIFIER(:name)`
        stand for one."""
        if self.take("IDENTIFIER", "("):
            return self._meant()
        parts = [self._part()]
        while self.peek() == ".":
            self.at += 1
            parts.append(self._part())
        return tuple(parts)

    def _meant(self) -> tuple[str, ...]:
        """The name that the inside of IDENTIFIER(…) means."""
        text = self.maybe_string()
        if text is None:
            self.need(":")
            name = self.value()
            if name not in self.arguments:
                raise syntax_error(f"There is no argument '{name}' for IDENTIFIER(:{name}).")
            text = self.arguments[name]
        self.need(")")
        inner = Cursor(text)
        parts = inner.name()
        inner.end()
        return parts

    def string(self) -> str:
        """A quoted string."""
        if self.at >= len(self.tokens) or self.tokens[self.at].token_type.name != "STRING":
            raise self.fault("a quoted string")
        text = ""
        while not self.done and self.tokens[self.at].token_type.name == "STRING":
            text += str(self.tokens[self.at].text)  # adjacent literals are one
            self.at += 1
        return text

    def maybe_string(self) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at].token_type.name == "STRING":
            return self.string()
        return None

    def value(self) -> str:
        """One token as text, whatever it is."""
        if self.at >= len(self.tokens):
            raise self.fault("a value")
        self.at += 1
        return str(self.tokens[self.at - 1].text)

    def rest(self) -> str:
        """What is left, as written."""
        if self.at >= len(self.tokens):
            return ""
        text = self.sql[self.tokens[self.at].start : self.tokens[-1].end + 1]
        self.at = len(self.tokens)
        return text

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise self.fault("the end of the statement")

    @property
    def done(self) -> bool:
        return self.at >= len(self.tokens)

    def fault(self, expected: str) -> Refusal:
        found = repr(self.tokens[self.at].text) if not self.done else "the end of the statement"
        return syntax_error(f"Syntax error at or near {found}: expected {expected}.")

    def _part(self) -> str:
        if self.done or self.tokens[self.at].token_type.name == "STRING":
            raise self.fault("a name")
        self.at += 1
        return str(self.tokens[self.at - 1].text)

    def _quoted(self, at: int) -> bool:
        return self.tokens[at].token_type.name in ("STRING", "IDENTIFIER")
