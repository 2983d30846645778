"""A real HTTP provider, of a few lines, that speaks the chat-completions protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pandas as pd
import pytest
from sqlite_tables import SCHEMA, SqliteTables

from data_quality_agent.agent import Report, examine
from data_quality_agent.knowledge import ShippedKnowledge
from data_quality_agent.language_model import (
    ChatCompletions,
    LanguageModelError,
    rules_in,
)

FAST = {
    "kind": "expression",
    "columns": ["distance", "minutes"],
    "parameters": {"predicate": "distance * 60 <= 600 * minutes"},
    "reason": "no airliner is faster",
}


class Provider(BaseHTTPRequestHandler):
    answer: str = ""
    calls: list[list[dict[str, Any]]]
    status: int = 200
    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = {"path": self.path, "authorization": self.headers.get("Authorization"), **body}
        type(self).asked.append(told)
        message: dict[str, Any] = {"role": "assistant", "content": type(self).answer}
        if type(self).calls:
            message = {"role": "assistant", "tool_calls": type(self).calls.pop(0)}
        usage = {"prompt_tokens": 30, "completion_tokens": 4}
        answer = {"choices": [{"message": message}], "usage": usage}
        self.send_response(type(self).status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[tuple[type[Provider], str]]:
    handler = type("Fresh", (Provider,), {"asked": [], "calls": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler, f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture
def trips() -> SqliteTables:
    """Thirty trips; one of them is too fast."""
    trips = {"distance": [100, 200, 900] * 10, "minutes": [20, 40, 180] * 9 + [20, 40, 20]}
    return SqliteTables({"trips": pd.DataFrame(trips).astype("Int32")})


def model(base_url: str) -> ChatCompletions:
    return ChatCompletions(
        base_url=base_url,
        name="some-model",
        system_prompt="Rules!",
        headers=lambda: {"Authorization": "Bearer key"},
    )


def examined(tables: SqliteTables, knowledge: ShippedKnowledge, url: str) -> Report:
    return examine(tables, f"{SCHEMA}.trips", knowledge=knowledge, model=model(url))


def test_a_models_rules_are_checked_before_they_are_offered(
    provider: tuple[type[Provider], str],
    trips: SqliteTables,
    knowledge: ShippedKnowledge,
) -> None:
    handler, url = provider
    nonsense = {"kind": "not_null", "columns": ["colour"]}
    false = FAST | {"parameters": {"predicate": "distance > minutes * 60"}}
    rules = json.dumps({"rules": [FAST, false, nonsense]})
    handler.answer = f"Here you are:\n```json\n{rules}\n```"
    report = examined(trips, knowledge, url)
    found = [one for one in report.findings if one.rule.source == "some-model"]
    assert [(one.rule.reason, one.broken) for one in found] == [("no airliner is faster", 1)]
    assert any(one.rule.source == "some-model" for one in report.having("rejected"))
    assert any("no column colour" in note for note in report.notes)
    (asked,) = handler.asked
    assert asked["path"] == "/v1/chat/completions"
    assert asked["authorization"] == "Bearer key"
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert json.loads(asked["messages"][1]["content"])["table"]["row_count"] == 30


def test_without_the_model_the_deterministic_rules_are_still_offered(
    provider: tuple[type[Provider], str],
    trips: SqliteTables,
    knowledge: ShippedKnowledge,
) -> None:
    handler, url = provider
    handler.status = 503
    report = examined(trips, knowledge, url)
    assert report.having("holds")
    assert any("HTTP 503" in note for note in report.notes)


def test_an_unreachable_provider_is_an_error_that_names_it() -> None:
    with pytest.raises(LanguageModelError, match="some-model"):
        model("http://127.0.0.1:9/v1")._post({})


def test_an_answer_without_rules_is_refused() -> None:
    with pytest.raises(LanguageModelError, match="no JSON"):
        rules_in("I would rather talk about [planes] and {weather}.")


def call(name: str, number: int, **arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": f"call-{number}", "type": "function", "function": function}


def test_the_model_may_look_things_up_and_count_before_it_answers(
    provider: tuple[type[Provider], str],
    trips: SqliteTables,
    knowledge: ShippedKnowledge,
) -> None:
    handler, url = provider
    handler.calls = [
        [
            call("count_broken", 1, predicate="distance * 60 <= 600 * minutes"),
            call("search_knowledge", 2, query="miles between the two airports"),
        ],
        [call("count_broken", 3, predicate="1 = (SELECT 1)"), call("delete_everything", 4)],
    ]
    handler.answer = json.dumps({"rules": [FAST]})
    report = examined(trips, knowledge, url)
    assert [one.rule.source for one in report.findings if one.broken == 1] == ["some-model"]
    told = {
        message["tool_call_id"]: message["content"]
        for message in handler.asked[-1]["messages"]
        if message["role"] == "tool"
    }
    assert told["call-1"] == "1"
    assert "Miles between the two airports." in told["call-2"]
    assert told["call-3"].startswith("PredicateError")
    assert told["call-4"] == "there is no tool delete_everything"
    names = [tool["function"]["name"] for tool in handler.asked[0]["tools"]]
    assert names == ["search_knowledge", "count_broken"]


def test_a_model_that_only_calls_tools_is_stopped(
    provider: tuple[type[Provider], str],
    trips: SqliteTables,
    knowledge: ShippedKnowledge,
) -> None:
    handler, url = provider
    handler.calls = [[call("count_broken", 1, predicate="minutes > 0")] for _ in range(20)]
    report = examined(trips, knowledge, url)
    assert len(handler.asked) == 5
    assert "tools" not in handler.asked[-1]
    assert any("proposed nothing" in note for note in report.notes)
