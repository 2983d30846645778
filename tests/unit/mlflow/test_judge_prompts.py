"""What the managed judges ask, and how an answer is read."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.mlflow import judge_prompts as prompts

INPUT: dict[str, Any] = {
    "chat_request": "capital?",
    "chat_response": "Paris",
    "retrieval_context": {"retrieved_documents": [{"content": "one"}, {"content": "two"}]},
    "ground_truth": {"expected_facts": ["It is Paris"]},
    "guidelines": ["Be kind"],
}


@pytest.mark.parametrize("name", sorted(prompts.JUDGES))
def test_every_judge_asks_about_what_it_is_given(name: str) -> None:
    assert prompts.lacking(name, INPUT) == ""
    asked = prompts.questions(name, INPUT)
    assert len(asked) == (2 if name == "chunk_relevance" else 1)
    for tag, _ in prompts.JUDGES[name].texts:
        assert f"<{tag}>" in asked[0]


def test_what_lacks_is_named() -> None:
    assert prompts.lacking("correctness", {"chat_request": "?"}) == (
        "CHAT_RESPONSE, GROUND_TRUTH_CHAT_RESPONSE or EXPECTED_FACTS"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"rationale": "r", "result": "yes"}', "yes"),
        ('Sure.\n```json\n{"result": "No.", "rationale": "r"}\n```', "no"),
        ('{"result": true}', "yes"),
        ('{"result": "perhaps"}', None),
        ("yes", None),
        ("{broken", None),
    ],
)
def test_answers_are_read_leniently_and_not_invented(text: str, value: str | None) -> None:
    found = prompts.verdict(text)
    assert (found.value if found else None) == value


def test_the_object_that_a_judge_wants_in_words_becomes_a_schema() -> None:
    text = (
        "You *must* format your evaluation rating as a JSON object with these fields.\n\n"
        "- result (Literal['yes', 'no']): The rating\n- rationale (str): Why\n- n (int): Number"
    )
    form = prompts.form(text)
    assert form is not None
    properties = form["json_schema"]["schema"]["properties"]
    assert properties["result"] == {"enum": ["yes", "no"], "description": "The rating"}
    assert [one.get("type") for one in properties.values()] == [None, "string", "integer"]
    assert prompts.form("Say hello") is None
