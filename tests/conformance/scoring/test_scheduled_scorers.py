"""Scheduled scorers judge new traces by themselves: a sample, each once, as who started them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import mlflow
import pytest
from mlflow.entities import Assessment, Trace
from mlflow.genai.scorers import RegexMatch, Scorer, UserFrustration, scorer

pytestmark = [
    pytest.mark.documented,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of mlflow
]

BASE = "/api/2.0/managed-evals/scheduled-scorers"
LIMIT_S = 300


@scorer
def is_short(outputs: Any) -> bool:
    return len(str(outputs)) < 10


@scorer
def breaks(outputs: Any) -> bool:
    raise ValueError("this scorer is broken")


@scorer
def turns(session: Any) -> int:
    return len(session)


def scheduled(one: Scorer, name: str, rate: float = 1.0, filter: str = "") -> dict[str, Any]:
    """As the client of databricks-agents writes it."""
    told = {"name": name, "serialized_scorer": json.dumps(one.model_dump()), "sample_rate": rate}
    return {**told, **({"filter_string": filter} if filter else {})}


@pytest.fixture
def experiment(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABRICKS_HOST", workspace.host("dev"))
    monkeypatch.setenv("DATABRICKS_TOKEN", workspace.token("dev"))
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    mlflow.set_tracking_uri("databricks")
    return str(mlflow.set_experiment(f"/Shared/scored-{time.time_ns()}").experiment_id)


def ask(question: str, session: str = "") -> str:
    with mlflow.start_span("ask") as span:
        if session:
            mlflow.update_current_trace(metadata={"mlflow.trace.session": session})
        span.set_inputs({"question": question})
        span.set_outputs(question.upper())
    return str(span.trace_id)


def scores(trace_id: str) -> Mapping[str, Any]:
    """The assessments by name, of those with one name the newest: values, messages of errors."""
    return {
        one.name: one.error.error_message if one.error else one.value
        for one in sorted(judged(trace_id), key=lambda one: one.create_time_ms)
    }


def judged(trace_id: str) -> list[Assessment]:
    found: Trace = mlflow.get_trace(trace_id)
    return [one for one in found.info.assessments if one.metadata]


def has_each_once(trace_id: str) -> bool:
    told = judged(trace_id)
    return len({one.name for one in told}) == len(told)


def until_scored(trace_id: str, *names: str) -> Mapping[str, Any]:
    deadline = time.monotonic() + LIMIT_S
    while set(names) - set(found := scores(trace_id)):
        assert time.monotonic() < deadline, (names, found)
        time.sleep(0.5)
    return found


def test_new_traces_are_judged_and_old_ones_are_not(workspace: Any, experiment: str) -> None:
    do = workspace.client().api_client.do
    old = ask("before the scorers were started")
    time.sleep(0.01)  # MLflow counts in milliseconds
    wanted = [
        scheduled(is_short, "is_short"),
        scheduled(breaks, "breaks"),
        scheduled(RegexMatch(name="loud", pattern="^[A-Z ]+$"), "loud"),
        scheduled(is_short, "never", rate=0.0),
        scheduled(RegexMatch(name="tagged", pattern=".*"), "tagged", filter="tags.kind = 'chat'"),
        {"name": "odd", "serialized_scorer": "{}", "sample_rate": 1.0},
    ]
    body = {"experiment_id": experiment, "scheduled_scorers": {"scorers": wanted}}
    do("POST", f"{BASE}/{experiment}", body=body)
    first, second = ask("short"), ask("rather long, and 1 digit")
    mlflow.set_trace_tag(second, "kind", "chat")

    # At its cadence, or at once when the scorers change.
    body["scheduled_scorers"] = {"scorers": wanted[::-1]}
    do("PATCH", f"{BASE}/{experiment}", body={**body, "update_mask": "scheduled_scorers.scorers"})
    found = until_scored(second, "is_short", "breaks", "loud", "tagged", "odd")
    assert (found["is_short"], found["tagged"]) == (False, "yes")
    assert "broken" in found["breaks"]
    assert "cannot be loaded" in found["odd"]
    found = until_scored(first, "is_short", "breaks", "loud", "odd")
    assert (found["is_short"], found["loud"]) == (True, "yes")
    assert set(found) == {"is_short", "breaks", "loud", "odd"}
    assert scores(old) == {}

    third = ask("third")
    body["scheduled_scorers"] = {"scorers": wanted[:1]}
    do("PATCH", f"{BASE}/{experiment}", body={**body, "update_mask": "scheduled_scorers.scorers"})
    assert set(until_scored(third, "is_short")) == {"is_short"}
    assert has_each_once(first)
    assert has_each_once(second)
    do("DELETE", f"{BASE}/{experiment}")


def test_a_conversation_is_judged_when_it_is_over(workspace: Any, experiment: str) -> None:
    do = workspace.client().api_client.do
    wanted = [
        scheduled(turns, "turns"),
        scheduled(turns, "never", rate=0.0),
        scheduled(UserFrustration(model="databricks:/databricks-claude-sonnet-4"), "mood"),
        scheduled(is_short, "is_short"),
    ]
    body = {"experiment_id": experiment, "scheduled_scorers": {"scorers": wanted}}
    do("POST", f"{BASE}/{experiment}", body=body)
    first, alone = ask("first", "it's a talk"), ask("no talk")
    last = ask("and another thing", "it's a talk")

    def until(trace_id: str, ends: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        deadline = time.monotonic() + LIMIT_S
        while not ends(found := scores(trace_id)):
            assert time.monotonic() < deadline, found
            wanted.append(wanted.pop(0))  # a change is looked at at once
            mask = {"update_mask": "scheduled_scorers.scorers"}
            do("PATCH", f"{BASE}/{experiment}", body={**body, **mask})
            time.sleep(2)
        return found

    found = until(first, lambda found: {"turns", "user_frustration", "is_short"} <= set(found))
    assert found["turns"] == 2
    assert set(scores(last)) == set(scores(alone)) == {"is_short"}
    told = {one.name: one.metadata for one in mlflow.get_trace(first).info.assessments}
    assert told["turns"]["mlflow.assessment.onlineScoringSessionId"] == "it's a talk"

    ask("it goes on", "it's a talk")
    until(first, lambda found: found["turns"] == 3)
    deadline = time.monotonic() + LIMIT_S
    while not has_each_once(first):  # the one before goes after the new one has come
        assert time.monotonic() < deadline, judged(first)
        time.sleep(0.1)
    do("DELETE", f"{BASE}/{experiment}")


def test_a_rate_is_a_share(workspace: Any, experiment: str) -> None:
    from databricks.sdk.errors import InvalidParameterValue

    odd = {"scheduled_scorers": {"scorers": [scheduled(is_short, "is_short", rate=1.5)]}}
    with pytest.raises(InvalidParameterValue, match="between 0 and 1"):
        workspace.client().api_client.do("POST", f"{BASE}/{experiment}", body=odd)
