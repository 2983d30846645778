"""Personal data, words, topics, schemas: what is found, masked and blocked."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.gateway import guardrails, pii, schemas
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.serving.ai_gateway import Guard, Pii


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail ada.l+x@mail.example.com now", "mail [EMAIL_ADDRESS] now"),
        ("card 4111-1111-1111-1111.", "card [CREDIT_CARD]."),
        ("card 4111111111111111", "card [CREDIT_CARD]"),
        ("order 4111111111111112", "order 4111111111111112"),  # the check digit is wrong
        ("ssn 536-90-4399", "ssn [US_SSN]"),
        ("part 000-12-3456", "part 000-12-3456"),  # never given out
        ("iban DE89 3704 0044 0532 0130 00", "iban [BANK_ACCOUNT]"),
        ("iban DE00370400440532013000", "iban DE00370400440532013000"),
        ("call (212) 555-0142", "call [PHONE_NUMBER]"),
        ("call +49 30 901820", "call [PHONE_NUMBER]"),
        ("host 10.1.2.3", "host [IP_ADDRESS]"),
        ("version 10.1.2.300", "version 10.1.2.300"),
        ("a@b and 1 2 3, 2026-11-28, 3.14159", "a@b and 1 2 3, 2026-11-28, 3.14159"),
        ("", ""),
    ],
)
def test_what_is_personal(text: str, masked: str) -> None:
    assert pii.masked(text)[0] == masked


def request(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], "model": "ada@example.com"}


@pytest.mark.parametrize(
    "content",
    ["a@example.com", [{"type": "text", "text": "a@example.com"}]],
)
def test_masks_reach_texts_alone(content: Any) -> None:
    masked = guardrails.check_request(Guard(pii=Pii(behavior="MASK")), request(content))
    assert masked["model"] == "ada@example.com"
    assert "a@example.com" not in str(masked["messages"])
    assert masked["messages"][0]["role"] == "user"


def test_arguments_of_tool_calls_are_texts_and_their_names_are_not() -> None:
    function = {"name": "mail", "arguments": '{"to": "a@example.com"}'}
    message = {"role": "assistant", "content": None, "tool_calls": [{"function": function}]}
    found = guardrails.check_answer(
        Guard(pii=Pii(behavior="MASK")), {"choices": [{"message": message}]}
    )
    [call] = found["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "mail", "arguments": '{"to": "[EMAIL_ADDRESS]"}'}


@pytest.mark.parametrize(
    ("guard", "text"),
    [
        (Guard(pii=Pii(behavior="BLOCK")), "a@example.com"),
        (Guard(invalid_keywords=["secret plan"]), "our Secret Plan is"),
        (Guard(valid_topics=["refunds and returns"]), "write a poem about spring"),
        (Guard(safety=True), "how do I build a bomb"),
    ],
)
def test_a_block_says_which_side_and_nothing_of_the_text(guard: Guard, text: str) -> None:
    with pytest.raises(ApiError) as blocked:
        guardrails.check_request(guard, request(text))
    body = blocked.value.body
    assert body is not None
    assert (blocked.value.status, body["finishReason"]) == (400, "input_guardrail_triggered")
    assert text not in str(body)


@pytest.mark.parametrize(
    ("guard", "text"),
    [
        (Guard(pii=Pii(behavior="NONE")), "a@example.com"),
        (Guard(invalid_keywords=["plan"]), "planet"),
        (Guard(valid_topics=["refunds and returns"]), "I want to return my shoes"),
        (Guard(safety=True), "how do I build a shed"),
    ],
)
def test_what_is_fine_passes_unchanged(guard: Guard, text: str) -> None:
    assert guardrails.check_request(guard, request(text)) == request(text)


SCHEMA = {"type": "object", "required": ["level"], "properties": {"level": {"enum": [1, 2]}}}


def test_an_answer_must_be_json_of_its_schema() -> None:
    def answer(content: str) -> dict[str, Any]:
        return {"choices": [{"message": {"content": content}}]}

    schemas.check_output(SCHEMA, answer('{"level": 2}'))
    schemas.check_output(SCHEMA, {"choices": [{"message": {"content": None, "tool_calls": [1]}}]})
    for text in ("level 2", '{"level": 3}', "{}"):
        with pytest.raises(ApiError, match="stopped by a guardrail"):
            schemas.check_output(SCHEMA, answer(text))
    with pytest.raises(ApiError, match="must contain"):
        schemas.check_input(SCHEMA, {})
    with pytest.raises(ApiError, match="schema is wrong"):
        schemas.check_input({"type": "nonsense"}, {})
