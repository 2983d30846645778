"""Questions with known answers: what the evaluation asks."""

from collections.abc import Callable

QUESTIONS = {
    "When do I get my refund?": "14 days",
    "How long does delivery take?": "three working days",
    "What is the weather?": "do not know",
}


def share_right(ask: Callable[[str], str]) -> float:
    """Of the questions, the share whose answer has what is expected in it."""
    right = sum(expected in ask(question) for question, expected in QUESTIONS.items())
    return right / len(QUESTIONS)
