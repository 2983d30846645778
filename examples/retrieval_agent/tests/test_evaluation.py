"""Scores are those of the questions, and the questions are about the corpus."""

from __future__ import annotations

import math
from typing import Any

from conftest import ROOT

from retrieval_agent.evaluation import Question, metrics, read_questions, score
from retrieval_agent.passages import read_library


def outputs(answer: str, *pages: str, sources: int = 1) -> dict[str, Any]:
    passages = [{"page": page, "text": "The roof is blue and old."} for page in pages]
    return {"answer": answer, "passages": passages, "sources": passages[:sources]}


def test_a_question_is_scored_by_what_was_found_and_said() -> None:
    question = Question(text="?", pages=("a.md", "b.md"), facts=("blue", "tiles"))
    one = score(question, outputs("The roof is blue.", "c.md", "a.md", "a.md", "d.md"))
    assert (one.precision, one.recall, one.first) == (0.5, 0.5, 0.5)
    assert (one.grounded, one.facts, one.refused) == (1.0, 0.5, None)


def test_a_question_without_an_answer_has_to_be_refused() -> None:
    nothing = Question(text="?")
    assert score(nothing, outputs("I do not know.", "a.md", sources=0)).refused == 1.0
    assert score(nothing, outputs("The roof is blue.", "a.md")).refused == 0.0


def test_metrics_leave_out_what_could_not_be_asked_for() -> None:
    right = score(Question(text="?", pages=("a.md",)), outputs("The roof is blue.", "a.md"))
    refused = score(Question(text="?"), outputs("I do not know.", sources=0))
    found = metrics([right, refused], [1.0, 3.0])
    assert (found["recall_at_5"], found["refusals"], found["latency_p95_s"]) == (1.0, 1.0, 3.0)
    assert math.isnan(metrics([], [])["recall_at_5"])


def test_every_fact_that_is_asked_for_stands_on_one_of_its_pages() -> None:
    texts: dict[str, str] = {}
    for one in read_library(ROOT / "corpus"):
        texts[one.page] = texts.get(one.page, "") + "\n" + one.text
    questions = read_questions(ROOT / "evaluation" / "questions.json")
    assert len(questions) > 20
    for question in questions:
        assert set(question.pages) <= set(texts), question.text
        said = " ".join(" ".join(texts[page] for page in question.pages).lower().split())
        assert [fact for fact in question.facts if fact.lower() not in said] == [], question.text
