"""Every kind of model, every form of request, at once and streamed."""

from __future__ import annotations

import json
import time
import urllib.error
from typing import Any

import pytest
from serving_models import CHAT_AGENT, CHAT_MODEL, FORMS, Served

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow, pytest.mark.documented]
SAID = [{"role": "user", "content": "one two"}]


@pytest.fixture(scope="module")
def endpoints(served: Served, agent_model: str) -> dict[str, str]:
    """One endpoint with an entity of each kind: they are asked by name."""
    import mlflow
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array
    from sklearn.linear_model import LinearRegression

    either = ModelSignature(
        Schema(
            [
                ColSpec(DataType.string, "prompt", required=False),
                ColSpec(Array(DataType.string), "input", required=False),
            ]
        ),
        Schema([ColSpec(DataType.string)]),
    )
    values = np.arange(8, dtype=float).reshape(4, 2)
    regression = LinearRegression().fit(values, values.sum(axis=1))
    sklearn = f"dev.{served.schema}.regression"
    mlflow.sklearn.log_model(
        regression,
        name="regression",
        registered_model_name=sklearn,
        input_example=values[:1],
        pip_requirements=["mlflow", "scikit-learn"],
    )
    models = {
        "agent": agent_model,
        "chat_agent": served.register("chat_agent", CHAT_AGENT),
        "chat_model": served.register("chat_model", CHAT_MODEL),
        "forms": served.register("forms", FORMS, signature=either),
        "sklearn": sklearn,
    }
    mlflow.set_experiment(f"/Shared/{served.schema}")
    experiment = mlflow.get_experiment_by_name(f"/Shared/{served.schema}").experiment_id
    traced = {"ENABLE_MLFLOW_TRACING": "true", "MLFLOW_EXPERIMENT_ID": experiment}
    entities = [
        {
            "name": kind,
            "entity_name": model,
            "entity_version": "1",
            "environment_vars": traced if "agent" in kind else {},
        }
        for kind, model in models.items()
    ]
    shares = dict.fromkeys(models, 0) | {"agent": 100}
    name = served.create(*entities, **shares)
    return {
        kind: f"/serving-endpoints/{name}/served-models/{kind}/invocations" for kind in models
    } | {"name": name, "experiment": experiment}


def stream(served: Served, path: str, body: Any) -> list[tuple[float, Any]]:
    """When each event came, and what it was."""
    events = []
    with served.open("", {**body, "stream": True}, path) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        for line in answer:
            if line.strip():
                data = line.decode().removeprefix("data: ").strip()
                events.append((time.monotonic(), data))
    assert events.pop()[1] == "[DONE]"
    return [(at, json.loads(data)) for at, data in events]


def test_a_chat_agent(served: Served, endpoints: dict[str, str]) -> None:
    asked = {"messages": SAID, "custom_inputs": {"k": "v"}}
    status, answer, _ = served.ask("", asked, endpoints["chat_agent"])
    assert status == 200
    assert answer["messages"][0]["content"] == "one two"
    assert answer["custom_outputs"] == {"k": "v"}
    chunks = stream(served, endpoints["chat_agent"], asked)
    assert [one["delta"]["content"] for _, one in chunks] == ["one", "two"]


def test_a_chat_model(served: Served, endpoints: dict[str, str]) -> None:
    asked = {"messages": SAID, "temperature": 0.25}
    status, answer, _ = served.ask("", asked, endpoints["chat_model"])
    assert status == 200
    assert answer["choices"][0]["message"]["content"] == "one two 0.25"
    chunks = stream(served, endpoints["chat_model"], asked)
    assert [one["choices"][0]["delta"]["content"] for _, one in chunks] == ["one", "two"]
    assert {one["object"] for _, one in chunks} == {"chat.completion.chunk"}


def test_an_sklearn_model(served: Served, endpoints: dict[str, str]) -> None:
    status, answer, _ = served.ask("", {"inputs": [[1.0, 2.0]]}, endpoints["sklearn"])
    assert (status, [round(one, 6) for one in answer["predictions"]]) == (200, [3.0])


def test_completions_and_embeddings_pass_to_the_model(
    served: Served, endpoints: dict[str, str]
) -> None:
    status, answer, _ = served.ask("", {"prompt": "abc"}, endpoints["forms"])
    assert (status, answer["choices"][0]["text"]) == (200, "ABC")
    status, answer, _ = served.ask("", {"input": ["ab", "c"]}, endpoints["forms"])
    assert status == 200
    assert [one["embedding"] for one in answer["data"]] == [[2.0, 1.0], [1.0, 1.0]]


def test_a_model_that_cannot_stream_says_so(served: Served, endpoints: dict[str, str]) -> None:
    body = {"inputs": [[1.0, 2.0]], "stream": True}
    status, answer, _ = served.ask("", body, endpoints["sklearn"])
    assert status == 400
    assert "predict_stream" in answer["message"]


def test_events_come_as_the_agent_makes_them(served: Served, endpoints: dict[str, str]) -> None:
    body = {"input": [{"role": "user", "content": "first wait last"}]}
    events = stream(served, endpoints["agent"], body)
    assert [one.get("delta") for _, one in events] == ["first", "wait", "last", None]
    assert events[1][0] - events[0][0] > 2  # the agent waits for three seconds there


def test_a_stream_that_breaks_ends_with_its_error(
    served: Served, endpoints: dict[str, str]
) -> None:
    body = {"input": [{"role": "user", "content": "first fail"}]}
    events = stream(served, endpoints["agent"], body)
    assert events[0][1]["delta"] == "first"
    assert "as told" in events[-1][1]["error"]["message"]


def test_a_stream_whose_process_dies_ends_with_an_error(
    served: Served, endpoints: dict[str, str]
) -> None:
    body = {"input": [{"role": "user", "content": "first die"}], "stream": True}
    with served.open("", body, endpoints["agent"]) as answer:
        events = answer.read().strip().split(b"\n\n")
    assert json.loads(events[0].removeprefix(b"data: "))["delta"] == "first"
    told = json.loads(events[-1].removeprefix(b"data: "))
    assert "process died" in told["error"]["message"]
    body = {"input": [{"role": "user", "content": "again"}]}
    assert served.ask("", body, endpoints["agent"])[0] == 200  # of the next process


def test_a_stream_that_breaks_before_its_first_event_is_an_error(
    served: Served, endpoints: dict[str, str]
) -> None:
    body = {"input": [{"role": "user", "content": "fail"}], "stream": True}
    with pytest.raises(urllib.error.HTTPError) as refused:
        served.open("", body, endpoints["agent"])
    with refused.value as answer:
        assert answer.code == 400
        assert "as told" in json.load(answer)["message"]


def test_traces_reach_the_experiment_and_who_asks_for_them(
    served: Served, endpoints: dict[str, str]
) -> None:
    import mlflow

    body = {
        "input": [{"role": "user", "content": "traced"}],
        "databricks_options": {"return_trace": True},
    }
    status, answer, _ = served.ask("", body, endpoints["agent"])
    assert status == 200
    told = answer["databricks_output"]
    assert told["trace"]["info"]["client_request_id"] == told["databricks_request_id"]
    last = stream(served, endpoints["agent"], body)[-1][1]
    ids = {one["databricks_output"]["trace"]["info"]["trace_id"] for one in (answer, last)}
    assert len(ids) == 2
    give_up_at = time.monotonic() + 120
    while True:
        found = mlflow.search_traces(locations=[endpoints["experiment"]], return_type="list")
        mine = [one for one in found if one.info.trace_id in ids]
        if len(mine) == 2:
            break
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
    named = {one.info.trace_metadata["mlflow.databricks.modelServingEndpointName"] for one in mine}
    assert named == {endpoints["name"]}


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff\xfe", b'{"inputs": "' + b"x" * 20_000_000])
def test_malformed_bodies_are_the_callers_fault(
    served: Served, endpoints: dict[str, str], raw: bytes
) -> None:
    import urllib.request

    url = served.workspace.host("dev") + endpoints["sklearn"]
    request = urllib.request.Request(url, data=raw, method="POST")
    request.add_header("Authorization", f"Bearer {served.workspace.token('dev')}")
    request.add_header("Content-Type", "application/json")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as answer:
        assert 400 <= answer.code < 500
        assert json.load(answer)["error_code"]
