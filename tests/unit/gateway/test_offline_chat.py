"""The extractive chat model: answers from what it is given, calls tools, fills forms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brickyard.workspace.gateway.offline import chat, wire
from brickyard.workspace.gateway.offline.chat import BadRequest

PASSAGES = (
    "Refunds are possible within 30 days of purchase. Shipping takes 5 days."
    " Our office is in Berlin. Returned items must be unused."
)
WEATHER = {
    "name": "get_weather",
    "description": "Current weather of a city",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "units": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1},
        },
        "required": ["city", "days"],
    },
}
SEARCH = {
    "name": "search_docs",
    "description": "Search product documentation",
    "parameters": {
        "type": "object",
        "properties": {"query": {"type": "string"}, "num_results": {"type": "integer"}},
        "required": ["query"],
    },
}
TABLE = {
    "name": "check_table",
    "description": "Run data quality rules",
    "parameters": {
        "type": "object",
        "properties": {
            "table_name": {"type": "string"},
            "since": {"type": "string", "format": "date"},
            "strict": {"type": "boolean"},
        },
        "required": ["table_name"],
    },
}
TOOLS = [{"type": "function", "function": one} for one in (WEATHER, SEARCH, TABLE)]


def ask(*messages: tuple[str, Any], **options: Any) -> dict[str, Any]:
    given = [{"role": role, "content": content} for role, content in messages]
    answer: dict[str, Any] = wire.completion({"messages": given, **options}, 7)["choices"][0]
    return answer


def said(*messages: tuple[str, Any], **options: Any) -> str:
    return str(ask(*messages, **options)["message"]["content"])


def called(question: str, **options: Any) -> tuple[str, dict[str, Any]]:
    [call] = ask(("user", question), tools=TOOLS, **options)["message"]["tool_calls"]
    return call["function"]["name"], json.loads(call["function"]["arguments"])


def test_it_says_so_when_there_is_nothing_to_answer_from() -> None:
    assert said(("user", "What is the capital of France?")) == chat.NOTHING


@pytest.mark.parametrize(
    "messages",
    [
        [("system", f"You are helpful.\nContext: {PASSAGES}"), ("user", "Where is the office?")],
        [("user", f"{PASSAGES}\n\nQuestion: Where is the office?")],
        [("user", f"<question>Where is the office?</question>\n<context>{PASSAGES}</context>")],
        [("user", [{"type": "text", "text": f"{PASSAGES}\n\nWhere is the office?"}])],
    ],
)
def test_it_answers_with_the_sentence_that_says_it(messages: list[tuple[str, Any]]) -> None:
    assert said(*messages) == "Our office is in Berlin."


def test_instructions_are_no_answer() -> None:
    text = "You must answer questions about the office politely. Use the office context."
    assert said(("system", text), ("user", "Where is the office?")) == chat.NOTHING


def test_words_are_compared_by_their_stems() -> None:
    question = "How do I get my purchases refunded?"
    assert "30 days" in said(("system", PASSAGES), ("user", question))


@pytest.mark.parametrize(
    ("question", "name", "arguments"),
    [
        (
            "What is the weather in New York in celsius for 3 days?",
            "get_weather",
            {"city": "New York", "units": "celsius", "days": 3},
        ),
        ("Show the weather in Oslo", "get_weather", {"city": "Oslo", "days": 1}),
        (
            "Get me 5 results from the documentation on indexes",
            "search_docs",
            {"query": "Get me 5 results from the documentation on indexes", "num_results": 5},
        ),
        (
            "Run the rules on dev.sales.orders since 2026-01-31, strict please",
            "check_table",
            {"table_name": "dev.sales.orders", "since": "2026-01-31", "strict": True},
        ),
        # no shared word, nothing to answer from: the tool that takes free text
        ("What is our policy?", "search_docs", {"query": "What is our policy?"}),
    ],
)
def test_the_tool_that_shares_most_words_is_called(
    question: str, name: str, arguments: dict[str, Any]
) -> None:
    assert called(question) == (name, arguments)


def test_tool_choice_is_honoured() -> None:
    named = {"type": "function", "function": {"name": "check_table"}}
    assert called("What is the weather in Oslo?", tool_choice=named)[0] == "check_table"
    answer = ask(("user", "weather in Oslo"), tools=TOOLS, tool_choice="none")
    assert answer["finish_reason"] == "stop"
    assert called("Hello", tool_choice="required")[0] == "search_docs"


def test_a_tools_result_is_what_it_answers_from() -> None:
    result = json.dumps({"city": "Oslo", "temperature": -4, "sky": "clear"})
    answer = ask(
        ("user", "What is the temperature in Oslo?"),
        ("assistant", None),
        ("tool", result),
        tools=TOOLS,
    )
    assert answer["message"]["content"] == "city: Oslo, temperature: -4, sky: clear"
    assert "tool_calls" not in answer["message"]


def test_a_result_without_a_shared_word_is_passed_on() -> None:
    messages = (("user", "Wie warm ist es?"), ("assistant", None), ("tool", "[21.5, 22]"))
    assert said(*messages) == "21.5, 22"


SCHEMA = {
    "type": "object",
    "properties": {
        "shipping_days": {"type": "integer"},
        "office": {"$ref": "#/$defs/place"},
        "subject": {"enum": ["billing", "refunds"]},
        "maybe": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
        "facts": {"type": "array", "items": {"type": "string"}},
    },
    "$defs": {"place": {"type": "string", "description": "where the office is"}},
}


def test_a_json_schema_is_filled() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "facts", "schema": SCHEMA}}
    filled = json.loads(said(("user", f"{PASSAGES}\n\nRefunds?"), response_format=wanted))
    assert filled["shipping_days"] == 5
    assert filled["office"] == "Our office is in Berlin."
    assert filled["subject"] == "refunds"
    assert filled["maybe"] in (True, False)
    assert filled["facts"] == ["Refunds are possible within 30 days of purchase."]


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_json_is_json_even_without_anything_to_say(kind: str) -> None:
    wanted = {"type": kind, "json_schema": {"name": "x", "schema": {"type": "object"}}}
    assert isinstance(json.loads(said(("user", "Hi"), response_format=wanted)), dict)


@pytest.mark.parametrize(("answer", "result"), [("It is Paris.", "yes"), ("It is Lyon.", "no")])
def test_the_judges_of_mlflow_get_their_json(answer: str, result: str) -> None:
    prompt = f"""Consider the following question, claim and document. You must determine whether
the claim is supported by the document in the context of the question.

<question>What is the capital?</question>
<claim>Paris</claim>
<document>What is the capital? - {answer}</document>

Please indicate whether each statement is supported using only the following json format.
{{
  "rationale": "Reason for the assessment.",
  "result": "yes|no"
}}"""
    given = json.loads(said(("user", prompt)))
    assert list(given) == ["rationale", "result"]
    assert given["result"] == result
    assert "offline model compares words only" in given["rationale"]


@pytest.mark.parametrize("shown", ["good|bad", ""])
def test_a_schema_that_leaves_the_result_open_takes_it_from_the_prompt(shown: str) -> None:
    prompt = "<claim>Paris</claim><document>It is Paris.</document> Answer as json."
    prompt += f' {{"result": "{shown}"}}' if shown else ""
    text = {"type": "string"}
    schema = {"type": "object", "properties": {"result": text, "rationale": text}}
    wanted = {"type": "json_schema", "json_schema": {"name": "judge", "schema": schema}}
    filled = json.loads(said(("user", prompt), response_format=wanted))
    assert filled["result"] == ("good" if shown else "yes")
    assert "100%" in filled["rationale"]


def test_stop_and_max_tokens_cut_the_answer() -> None:
    talk = (("system", PASSAGES), ("user", "Where is the office?"))
    assert said(*talk, stop=[" in "]) == "Our office is"
    cut = ask(*talk, max_tokens=2)
    assert (cut["message"]["content"], cut["finish_reason"]) == ("Our office", "length")


def test_several_answers_and_what_they_cost() -> None:
    body = {
        "messages": [
            {"role": "system", "content": "Our office is in Berlin."},
            {"role": "user", "content": "Where is the office?"},
        ],
        "n": 3,
    }
    given = wire.completion(body, 7)
    assert [one["index"] for one in given["choices"]] == [0, 1, 2]
    assert given["usage"] == {"prompt_tokens": 11, "completion_tokens": 18, "total_tokens": 29}
    assert given["model"] == chat.MODEL
    assert given == wire.completion(body, 7)


def test_a_stream_says_the_same() -> None:
    body = {
        "messages": [
            {"role": "system", "content": PASSAGES},
            {"role": "user", "content": "Where is the office?"},
        ]
    }
    chunks = list(wire.completion_events(body, 7))
    text = "".join(one["choices"][0]["delta"].get("content", "") for one in chunks)
    assert text == "Our office is in Berlin."
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"] == wire.completion(body, 7)["usage"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "role"),
        ({"messages": [{"role": "user", "content": "x"}], "n": 0}, "n must"),
        ({"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}, "max_tokens"),
        (
            {
                "messages": [{"role": "user", "content": "x"}],
                "response_format": {"type": "json_schema"},
            },
            "schema",
        ),
    ],
)
def test_what_is_no_chat_is_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        wire.completion(body, 7)
