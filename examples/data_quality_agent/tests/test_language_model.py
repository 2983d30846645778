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

from data_quality_agent.agent import examine
from data_quality_agent.language_model import (
    ChatCompletions,
    LanguageModelError,
    OfflineHeuristic,
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
    status: int = 200
    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = {"path": self.path, "authorization": self.headers.get("Authorization"), **body}
        type(self).asked.append(told)
        answer = {"choices": [{"message": {"role": "assistant", "content": type(self).answer}}]}
        self.send_response(type(self).status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[tuple[type[Provider], str]]:
    handler = type("Fresh", (Provider,), {"asked": []})
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
        base_url=base_url, name="some-model", api_key="key", system_prompt="Rules!", examples=[]
    )


def test_a_models_rules_are_checked_before_they_are_offered(
    provider: tuple[type[Provider], str], trips: SqliteTables
) -> None:
    handler, url = provider
    nonsense = {"kind": "not_null", "columns": ["colour"]}
    false = FAST | {"parameters": {"predicate": "distance > minutes * 60"}}
    rules = json.dumps({"rules": [FAST, false, nonsense]})
    handler.answer = f"Here you are:\n```json\n{rules}\n```"
    report = examine(trips, f"{SCHEMA}.trips", model(url))
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
    provider: tuple[type[Provider], str], trips: SqliteTables
) -> None:
    handler, url = provider
    handler.status = 503
    report = examine(trips, f"{SCHEMA}.trips", model(url))
    assert report.having("holds")
    assert any("HTTP 503" in note for note in report.notes)


def test_an_unreachable_provider_is_an_error_that_names_it() -> None:
    with pytest.raises(LanguageModelError, match="some-model"):
        model("http://127.0.0.1:9/v1")._post({})


def test_an_answer_without_rules_is_refused() -> None:
    with pytest.raises(LanguageModelError, match="no JSON"):
        rules_in("I would rather talk about [planes] and {weather}.")


def test_the_offline_model_matches_examples_by_column_names(examples: list[dict[str, Any]]) -> None:
    columns = ["sched_dep_time", "dep_time", "dep_delay", "arr_delay", "note"]
    profile = {"columns": [{"name": name} for name in columns]}
    from data_quality_agent.language_model import Question

    offline = OfflineHeuristic(examples=examples)
    proposed = offline.propose(Question(profile=profile, siblings=[], known=[]))
    delays = [one["columns"] for one in proposed if one["reason"].startswith("A delay")]
    assert delays == [["sched_dep_time", "dep_time", "dep_delay"]]
