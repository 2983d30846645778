"""What is wrong with a JSON file, with line, column and words as Go's decoder has them."""

from __future__ import annotations

import json
import re
from typing import Final

LITERALS: Final = {"t": "true", "f": "false", "n": "null"}
STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


def json_words(text: str, fault: json.JSONDecodeError) -> str:
    """The same for a text that Go decodes as a whole: no place, and its end is just the end."""
    if text.startswith("\ufeff"):  # the first of its bytes
        return "invalid character 'ï' looking for beginning of value"
    words = json_fault(text, fault).split(": ", 1)[1]
    if fault.msg.startswith("Expecting property name") and words.count(" ") == 2:
        return f"{words} looking for beginning of object key string"
    if words == "unexpected additional content":
        return f"invalid character {_quoted(text[fault.pos])} after top-level value"
    return "unexpected end of JSON input" if words == "unexpected EOF" else words


def json_fault(text: str, fault: json.JSONDecodeError) -> str:
    """`LINE:COLUMN: WORDS` for a text that Python refused with `fault`."""
    end = len(text.rstrip())
    at, words = fault.pos, ""
    if fault.msg.startswith("Illegal trailing comma"):
        at = next(index for index in range(at + 1, end) if not text[index].isspace())
    if fault.msg.startswith("Unterminated"):
        words = "unexpected EOF"
    elif at >= end:
        at, words = end, "unexpected end of JSON input"
    elif fault.msg.startswith("Extra data"):
        words = "unexpected additional content"
    elif fault.msg.startswith("Invalid control character"):
        words = f"invalid character {_quoted(text[at])} in string literal"
        at = text.rfind('"', 0, at)
    else:
        words = _character(text, at, fault.msg)
    line = text.count("\n", 0, at) + 1
    return f"{line}:{at - text.rfind(chr(10), 0, at)}: {words}"


def _character(text: str, at: int, message: str) -> str:
    mark, before = text[at], text[:at].rstrip()
    if message.startswith("Expecting value"):
        literal = LITERALS.get(mark, "")
        for index, letter in enumerate(literal):
            found = text[at + index : at + index + 1]
            if found != letter:
                wants = f"(expecting {_quoted(letter)})"
                return f"invalid character {_quoted(found)} in literal {literal} {wants}"
        return f"invalid character {_quoted(mark)} looking for beginning of value"
    if message.startswith("Expecting ':'"):
        return f"invalid character {_quoted(mark)} after object key"
    if message.startswith("Expecting ','"):
        place = "array element" if _is_in_array(before) else "object key:value pair"
        return f"invalid character {_quoted(mark)} after {place}"
    if before.endswith(","):
        return f"invalid character {_quoted(mark)} looking for beginning of object key string"
    return f"invalid character {_quoted(mark)}"


def _is_in_array(before: str) -> bool:
    """Whether the innermost bracket that is still open is one of a list."""
    open_: list[str] = []
    for mark in STRING.sub("", before):
        if mark in "[{":
            open_.append(mark)
        elif mark in "]}" and open_:
            open_.pop()
    return open_[-1:] == ["["]


def _quoted(mark: str) -> str:
    """One character as Go shows it."""
    if mark == "'":
        return r"'\''"
    return "'\"'" if mark == '"' else "'" + json.dumps(mark, ensure_ascii=False)[1:-1] + "'"
