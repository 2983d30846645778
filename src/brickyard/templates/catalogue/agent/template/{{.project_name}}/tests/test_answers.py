from answers import PASSAGES, UNKNOWN, answer
from questions import QUESTIONS, share_right


def test_a_question_is_answered_from_its_passage() -> None:
    assert answer("How long does Delivery take?") == PASSAGES["delivery"]
    assert answer("What is the weather?") == UNKNOWN


def test_every_known_question_is_answered_right() -> None:
    assert share_right(answer) == 1.0
    assert share_right(lambda _: "nothing") < 0.5
    assert len(QUESTIONS) >= 3
