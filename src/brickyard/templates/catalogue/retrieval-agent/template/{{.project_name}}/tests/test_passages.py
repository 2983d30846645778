from passages import PASSAGES, SIZE, embed
from questions import QUESTIONS, share_right


def nearness(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))


def test_a_question_is_nearest_to_its_passage() -> None:
    nearest = max(PASSAGES, key=lambda key: nearness(PASSAGES[key], "How long does delivery take?"))
    assert nearest == "delivery"
    assert len(embed("anything")) == SIZE
    assert not any(embed("how is it"))


def test_only_right_answers_count() -> None:
    assert share_right(QUESTIONS.__getitem__) == 1.0
    assert share_right(lambda _: "nothing") == 0.0
