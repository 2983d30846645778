"""Questions with what a right answer contains; one has no answer."""

from collections.abc import Callable

QUESTIONS = {
    "When are refunds paid?": "14 days",
    "How long does delivery take?": "three working days",
    "What does the warranty cover?": "two years",
    "Can goods be returned?": "30 days",
    "Who won the match?": "do not know",
}


def share_right(said: Callable[[str], str]) -> float:
    """The share of questions that are answered right."""
    return sum(part in said(question) for question, part in QUESTIONS.items()) / len(QUESTIONS)
