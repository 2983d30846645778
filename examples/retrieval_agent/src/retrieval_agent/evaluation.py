"""How good retrieval and answers are, by questions whose answers somebody looked up.

A question names the pages that answer it and words that an answer has to have; one without pages is
a question that the library does not answer, where the agent has to say so and to cite nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval_agent.citations import groundedness

AT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    pages: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """None is what a question cannot be asked for: recall of one that has no pages."""

    precision: float | None
    recall: float | None
    first: float | None  # 1 divided by the rank of the first right passage
    grounded: float
    facts: float | None
    refused: float | None


def read_questions(path: Path) -> tuple[Question, ...]:
    return tuple(
        Question(
            text=one["question"],
            pages=tuple(one.get("pages", ())),
            facts=tuple(one.get("facts", ())),
        )
        for one in json.loads(path.read_text("utf-8"))
    )


def score(question: Question, outputs: Mapping[str, Any]) -> Score:
    """Of the agent's `custom_outputs`."""
    answer, passages = str(outputs["answer"]), outputs["passages"]
    texts = [one["text"] for one in passages]
    sources = outputs["sources"]
    if not question.pages:
        grounded = groundedness(answer, texts) if sources else 1.0
        refused = float(not sources)
        return Score(
            precision=None,
            recall=None,
            first=None,
            grounded=grounded,
            facts=None,
            refused=refused,
        )
    pages = [one["page"] for one in passages[:AT]]
    right = [page in question.pages for page in pages]
    return Score(
        precision=sum(right) / len(right) if right else 0.0,
        recall=len(set(pages) & set(question.pages)) / len(question.pages),
        first=1 / (right.index(True) + 1) if True in right else 0.0,
        grounded=groundedness(answer, texts),
        facts=_share(question.facts, answer),
        refused=None,
    )


def metrics(scores: Sequence[Score], latencies_s: Sequence[float]) -> dict[str, float]:
    """What the release's gate reads; these names are part of brickyard.yml."""
    return {
        f"precision_at_{AT}": _mean([one.precision for one in scores]),
        f"recall_at_{AT}": _mean([one.recall for one in scores]),
        "mean_reciprocal_rank": _mean([one.first for one in scores]),
        "groundedness": _mean([one.grounded for one in scores]),
        "facts": _mean([one.facts for one in scores]),
        "refusals": _mean([one.refused for one in scores]),
        "latency_p50_s": round(percentile(latencies_s, 0.50), 3),
        "latency_p95_s": round(percentile(latencies_s, 0.95), 3),
    }


def percentile(values: Sequence[float], at: float) -> float:
    """Nearest rank: with few values the 95th is the slowest. NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(at * len(values)) - 1)]


def _share(facts: Sequence[str], answer: str) -> float:
    said = answer.lower()
    return sum(fact.lower() in said for fact in facts) / len(facts) if facts else 1.0


def _mean(values: Sequence[float | None]) -> float:
    """NaN of nothing: a gate that asks for it is closed."""
    given = [one for one in values if one is not None]
    return round(sum(given) / len(given), 4) if given else math.nan
