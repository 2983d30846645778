"""Reranking: the first results, compared with the query's text once more.

The model behind `databricks_reranker` is Databricks' own. In its place stands a lexical
cross-scorer, which says so in `debug_info`: what share of the query's words a passage has, rare
words counting more, how near they stand to each other, and a little of the place that a result had.
A serving endpoint named as `model` with `model_type` FINETUNED is asked instead: with
`{"dataframe_records": [{"query": ..., "document": ...}]}`, for `{"predictions": [number, ...]}`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from brickyard.workspace.kernel import invalid

BASE: Final = "databricks_reranker"
FINETUNED: Final = "MODEL_TYPE_FINETUNED"
SAYS: Final = "lexical cross-scorer of the embedded workspace"
LONGEST: Final = 2_000  # characters of a passage
WORD: Final = re.compile(r"\w+")
NEAR: Final = 0.2  # what words that stand together are worth
PLACED: Final = 0.1  # what the first place is worth


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    columns_to_rerank: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranker:
    FIRST: ClassVar[int] = 50  # results are reranked

    parameters: Parameters
    model: str = BASE
    model_type: str = "MODEL_TYPE_BASE"

    @classmethod
    def of(cls, columns: Sequence[str]) -> Reranker:
        return cls(parameters=Parameters(columns_to_rerank=columns))

    @property
    def columns(self) -> Sequence[str]:
        return self.parameters.columns_to_rerank

    @property
    def endpoint(self) -> str:
        """The serving endpoint to ask; '' for the lexical scorer."""
        return self.model if self.model_type == FINETUNED else ""

    def check(self) -> None:
        if not self.columns:
            raise invalid("reranker needs columns_to_rerank")
        if not self.endpoint and self.model != BASE:
            raise invalid(f"reranker model must be {BASE!r}, not {self.model!r}")


def passages(rows: Any, columns: Sequence[str]) -> list[str]:
    """What a reranker reads of each row: its columns, one after the other, cut."""
    values = [rows[name].to_pylist() for name in columns]
    return [
        " ".join(str(one) for one in row if one is not None)[:LONGEST]
        for row in zip(*values, strict=True)
    ]


def scores(query: str, texts: Sequence[str]) -> list[float]:
    """Between 0 and 1, for passages in the order in which they were found."""
    asked = set(words(query))
    read = [words(one) for one in texts]
    having = Counter(word for one in read for word in asked & set(one))
    weights = {word: math.log(1 + (len(read) + 1) / (having[word] + 0.5)) for word in asked}
    total = sum(weights.values()) or 1.0
    found = []
    for at, one in enumerate(read):
        covered = sum(weights[word] for word in asked & set(one)) / total
        placed = 1 / (1 + at)
        worth = (1 - NEAR - PLACED) * covered + NEAR * _nearness(weights, one) + PLACED * placed
        found.append(round(worth, 6))
    return found


def words(text: str) -> list[str]:
    """Words in lower case, without the endings that English adds to most."""
    return [_stem(one) for one in WORD.findall(text.lower())]


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _nearness(weights: Mapping[str, float], read: Sequence[str]) -> float:
    """How close the words of the query stand: what the best stretch of a text has of them."""
    places = [(at, word) for at, word in enumerate(read) if word in weights]
    width, best = 2 * len(weights), 0.0
    for at, _ in places:
        near = {word for there, word in places if at <= there < at + width}
        best = max(best, sum(weights[word] for word in near))
    return best / (sum(weights.values()) or 1.0)


def asked_of_model(query: str, texts: Sequence[str]) -> Mapping[str, Any]:
    """The body of a request to a serving endpoint."""
    return {"dataframe_records": [{"query": query, "document": one} for one in texts]}


def answered(answer: Any, many: int) -> list[float]:
    """The scores in a serving endpoint's answer. Raises for what is none."""
    found = answer.get("predictions") if isinstance(answer, Mapping) else None
    if not isinstance(found, list) or len(found) != many:
        raise invalid("The reranking endpoint must answer a number in predictions per document")
    try:
        return [float(one) for one in found]
    except (TypeError, ValueError):
        raise invalid("The reranking endpoint must answer numbers in predictions") from None
