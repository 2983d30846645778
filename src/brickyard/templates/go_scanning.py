"""The tokens of Go's template language, as its lexer has them, faults included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

LEFT, RIGHT = "{{", "}}"
SPACES: Final = " \t\r\n"
KEYWORDS: Final = frozenset(
    [
        "block",
        "break",
        "continue",
        "define",
        "else",
        "end",
        "if",
        "range",
        "nil",
        "template",
        "with",
    ]
)
NUMBER: Final = re.compile(
    r"[-+]?(0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][-+]?[0-9_]+)?|0[oO][0-7_]*|0[bB][01_]*"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9_]+)?)i?"
)
WORD: Final = re.compile(r"\w*")


class Token(NamedTuple):
    kind: str  # text, left, right, comment, space, error, end, or what an action holds
    text: str
    pos: int


def tokens(text: str) -> Iterator[Token]:
    """Up to the end or the first fault, which is a token of kind `error`."""
    at = 0
    while True:
        opened = text.find(LEFT, at)
        if opened < 0:
            if at < len(text):
                yield Token("text", text[at:], at)
            yield Token("end", "", len(text))
            return
        inside = opened + len(LEFT)
        trims = text[inside : inside + 1] == "-" and text[inside + 1 : inside + 2] in (*SPACES,)
        plain = text[at:opened]
        plain = plain.rstrip(SPACES) if trims else plain
        if plain:
            yield Token("text", plain, at)
        inside += 2 if trims else 0
        if text.startswith("/*", inside):
            closed = text.find("*/", inside)
            if closed < 0:
                yield Token("error", "unclosed comment", inside)
                return
            ended = _closing(text, closed + 2)
            if ended is None:
                yield Token("error", "comment ends before closing delimiter", inside)
                return
            at = ended
            continue
        yield Token("left", LEFT, opened)
        ended = None
        for token in _action(text, inside):
            yield token
            if token.kind == "error":
                return
            if token.kind == "right":
                ended = _closing(text, token.pos)
        assert ended is not None
        at = ended


def _closing(text: str, at: int) -> int | None:
    """Where the text goes on behind the end of an action; None when it does not end here."""
    if text.startswith(RIGHT, at):
        return at + len(RIGHT)
    if text[at : at + 1] in (*SPACES,) and text.startswith("-" + RIGHT, at + 1):
        end = at + 2 + len(RIGHT)
        while end < len(text) and text[end] in SPACES:
            end += 1
        return end
    return None


def _action(text: str, at: int) -> Iterator[Token]:
    depth = 0
    while True:
        if _closing(text, at) is not None:
            yield Token("error", "unclosed left paren", at) if depth else Token("right", RIGHT, at)
            return
        if at >= len(text):
            yield Token("error", "unclosed action", at)
            return
        token = _token(text, at)
        if token.kind in "()":
            depth += 1 if token.kind == "(" else -1
            if depth < 0:
                token = Token("error", "unexpected right paren", at)
        yield token
        if token.kind == "error":
            return
        at += len(token.text)


def _token(text: str, at: int) -> Token:
    mark, after = text[at], text[at + 1 : at + 2]
    if mark in SPACES:
        end = at
        while end < len(text) and text[end] in SPACES and (end == at or not _closing(text, end)):
            end += 1
        return Token("space", text[at:end], at)
    if mark == ":":
        return Token(":=", ":=", at) if after == "=" else Token("error", "expected :=", at)
    if mark in "=|()":
        return Token(mark, mark, at)
    if mark in "\"'":
        return _quoted(text, at)
    if mark == "`":
        end = text.find("`", at + 1)
        if end < 0:
            return Token("error", "unterminated raw quoted string", at)
        return Token("raw", text[at : end + 1], at)
    if mark == "$" or (mark == "." and not after.isdecimal()):
        return _name(text, at, "variable" if mark == "$" else "field")
    if mark in "+-." or mark.isdecimal():
        return _number(text, at)
    if mark == "_" or mark.isalnum():
        return _word(text, at)
    if mark.isascii() and mark.isprintable():
        return Token("char", mark, at)
    return Token("error", f"unrecognized character in action: U+{ord(mark):04X} '{mark}'", at)


def _quoted(text: str, at: int) -> Token:
    what = "quoted string" if text[at] == '"' else "character constant"
    end = at + 1
    while end < len(text) and text[end] not in "\n" + text[at]:
        end += 2 if text[end] == "\\" and text[end + 1 : end + 2] not in ("\n", "") else 1
    if end >= len(text) or text[end] == "\n":
        return Token("error", f"unterminated {what}", at)
    return Token("string" if text[at] == '"' else "rune", text[at : end + 1], at)


def _ends_here(text: str, at: int) -> bool:
    return at >= len(text) or text[at] in SPACES + ".,|:()" or text.startswith(RIGHT, at)


def _word_end(text: str, at: int) -> int:
    found = WORD.match(text, at)
    assert found is not None
    return found.end()


def _name(text: str, at: int, kind: str) -> Token:
    if _ends_here(text, at + 1):
        return Token("dot" if kind == "field" else kind, text[at], at)
    end = _word_end(text, at + 1)
    if not _ends_here(text, end):
        return _bad_character(text, end)
    return Token(kind, text[at:end], at)


def _word(text: str, at: int) -> Token:
    end = _word_end(text, at)
    word = text[at:end]
    if not _ends_here(text, end):
        return _bad_character(text, end)
    if word in KEYWORDS:
        return Token("nil" if word == "nil" else "keyword", word, at)
    return Token("bool" if word in ("true", "false") else "word", word, at)


def _bad_character(text: str, at: int) -> Token:
    return Token("error", f"bad character U+{ord(text[at]):04X} '{text[at]}'", at)


def _number(text: str, at: int) -> Token:
    found = NUMBER.match(text, at)
    end = found.end() if found else at
    if text[end : end + 1] == "_" or text[end : end + 1].isalnum():
        return Token("error", f'bad number syntax: "{text[at : end + 1]}"', at)
    return Token("number", text[at:end], at)
