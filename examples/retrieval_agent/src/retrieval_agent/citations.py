"""Which passages an answer rests on, and which of its sentences rest on none.

A model that cites, cites by number: `[2]`. One that does not gets its citations from here: a
sentence is that of a passage when nearly all of its words are in it. The same measure says how much
of an answer is grounded, whoever wrote the citations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MARK = re.compile(r"\s*\[(\d+)\]")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^a-z\s])|\n+")
WORD = re.compile(r"\w+")
SUPPORTED = 0.8  # share of a sentence's words that its passage has


def sentences(text: str) -> list[str]:
    """The sentences that say something: with three words at least."""
    found = (one.strip() for one in SENTENCE.split(text))
    return [one for one in found if len(_words(one)) >= 3]


def support(sentence: str, passages: Sequence[str]) -> int | None:
    """The place of the passage that has nearly all words of a sentence; the first of the best."""
    said = _words(MARK.sub("", sentence))
    if not said:
        return None
    shares = [len(said & _words(one)) / len(said) for one in passages]
    best = max(shares, default=0.0)
    return shares.index(best) if best >= SUPPORTED else None


def cited(text: str, passages: Sequence[str]) -> tuple[str, list[int]]:
    """The answer with its marks, and the places of the passages that it cites, in order.

    Marks of passages that there are not are taken out. Without any, sentences get the mark of the
    passage that supports them.
    """
    given = [int(one) - 1 for one in MARK.findall(text)]
    known = [at for at in given if 0 <= at < len(passages)]
    if known:
        return MARK.sub(lambda mark: _kept(mark, len(passages)), text), list(dict.fromkeys(known))
    lines = []
    places: list[int] = []
    for sentence in SENTENCE.split(MARK.sub("", text).strip()):
        at = support(sentence, passages) if len(_words(sentence)) >= 3 else None
        if at is None:
            lines.append(sentence)
        else:
            lines.append(f"{sentence} [{at + 1}]")
            places.append(at)
    return " ".join(lines), list(dict.fromkeys(places))


def groundedness(text: str, passages: Sequence[str]) -> float:
    """The share of an answer's sentences that a passage supports; 1 for an answer without any."""
    said = sentences(text)
    if not said:
        return 1.0
    return sum(support(one, passages) is not None for one in said) / len(said)


def _kept(mark: re.Match[str], count: int) -> str:
    return mark.group() if 0 < int(mark.group(1)) <= count else ""


def _words(text: str) -> set[str]:
    return set(WORD.findall(text.lower()))
