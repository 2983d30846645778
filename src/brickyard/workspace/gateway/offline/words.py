"""Text as the offline models see it: words, their stems, sentences, tokens for counting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

WORD: Final = re.compile(r"\w+(?:['’]\w+)?")
TOKEN: Final = re.compile(r"\w+|[^\w\s]")
PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_a-zA-Z0-9]+")
# Where a sentence ends: a full stop before a space and a capital, or the end of a line.
END: Final = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9\u00c0-\u024f])|\n+")
SUFFIXES: Final = (
    "ations",
    "ation",
    "ingly",
    "ness",
    "ment",
    "ings",
    "able",
    "edly",
    "ing",
    "ies",
    "ied",
    "ion",
    "ers",
    "est",
    "ed",
    "es",
    "er",
    "ly",
    "s",
    "e",
)
SHORTEST: Final = 3
STOP_WORDS: Final = """
    a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each few for from further
    had has have having he her here hers him his how i if in into is it its itself just let ll
    me more most my no nor not now of off on once only or other our out over own please re s
    same she should so some such t tell than that the their them then there these they this
    those through to too under until up us ve very was we were what when where which while who
    whom why will with would you your yours give show find know want need get say said
"""
STOP: Final = frozenset(STOP_WORDS.split())


def words(text: str) -> list[str]:
    return [found.group().lower() for found in WORD.finditer(text)]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A word without its usual English ending: `refunds`, `refunded` and `refund` are one."""
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= SHORTEST:
            cut = word[: -len(suffix)]
            return cut + "y" if suffix in ("ies", "ied") else _undouble(cut)
    return word


def _undouble(word: str) -> str:
    """`stopped` is `stop`: a consonant doubled before an ending counts once."""
    if len(word) > SHORTEST and word[-1] == word[-2] and word[-1] not in "aeiouls":
        return word[:-1]
    return word


def stems(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order."""
    return [stem(word) for word in words(text) if word not in STOP]


def parts(identifier: str) -> list[str]:
    """The stems in a name: `get_refundPolicy` has get, refund, policy."""
    found = [part.lower() for part in PART.findall(identifier)]
    return [stem(part) for part in found if part not in STOP]


def sentences(text: str) -> Iterator[str]:
    for piece in END.split(text):
        if stripped := piece.strip():
            yield stripped


def count(text: str) -> int:
    """Tokens of a text as the offline model counts them: words and marks."""
    return sum(1 for _ in TOKEN.finditer(text))


def first(text: str, tokens: int) -> str:
    """The text up to so many tokens."""
    for at, found in enumerate(TOKEN.finditer(text)):
        if at == tokens:
            return text[: found.start()].rstrip()
    return text
