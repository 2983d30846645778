"""Foundation models by their Databricks names, without a provider: the offline models answer."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service.serving import ChatMessage, ChatMessageRole, EndpointStateReady
from gateway_under_test import Gateway

pytestmark = pytest.mark.filterwarnings("ignore")

CHAT = "databricks-meta-llama-3-3-70b-instruct"
EMBEDDINGS = "databricks-gte-large-en"
TALK = [
    {"role": "system", "content": "Context: Our office is in Berlin. Shipping takes 5 days."},
    {"role": "user", "content": "Where is the office?"},
]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def client(workspace: Any) -> WorkspaceClient:
    made: WorkspaceClient = workspace.client("dev")
    return made


@pytest.fixture(scope="module")
def openai(workspace: Any) -> Iterator[Any]:
    """As `get_open_ai_client` of the SDK makes it (which needs another httpx than OpenAI's)."""
    from openai import OpenAI

    base = f"{workspace.host('dev')}/serving-endpoints"
    with OpenAI(api_key=workspace.token("dev"), base_url=base) as made:
        yield made


@pytest.mark.documented
def test_they_are_listed_and_say_what_answers(client: WorkspaceClient) -> None:
    found = {one.name: one for one in client.serving_endpoints.list()}
    assert {CHAT, EMBEDDINGS, "databricks-claude-sonnet-4", "databricks-gpt-oss-120b"} <= set(found)
    assert found[CHAT].task == "llm/v1/chat"
    assert found[EMBEDDINGS].task == "llm/v1/embeddings"
    one = client.serving_endpoints.get(CHAT)
    assert one.state is not None
    assert one.state.ready is EndpointStateReady.READY
    assert "offline model" in (one.description or "")
    [entity] = one.config.served_entities  # type: ignore[union-attr, misc]
    assert entity.foundation_model is not None
    assert entity.foundation_model.display_name == "Meta Llama 3.3 70B Instruct"


@pytest.mark.documented
def test_the_sdk_asks_for_chat_and_embeddings(client: WorkspaceClient) -> None:
    answer = client.serving_endpoints.query(
        CHAT,
        messages=[
            ChatMessage(role=ChatMessageRole.SYSTEM, content="Our office is in Berlin."),
            ChatMessage(role=ChatMessageRole.USER, content="Where is the office?"),
        ],
    )
    assert answer.choices is not None
    assert answer.choices[0].message is not None
    assert answer.choices[0].message.content == "Our office is in Berlin."
    assert answer.model == "brickyard-offline-extractive"
    vectors = client.serving_endpoints.query(EMBEDDINGS, input=["a refund", "an office"])
    assert [len(one.embedding or []) for one in vectors.data or []] == [1024, 1024]
    assert vectors.served_model_name == EMBEDDINGS


@pytest.mark.documented
def test_openais_client(openai: Any) -> None:
    answer = openai.chat.completions.create(model=CHAT, messages=TALK)
    assert answer.choices[0].message.content == "Our office is in Berlin."
    assert answer.usage.total_tokens > 0
    chunks = list(openai.chat.completions.create(model=CHAT, messages=TALK, stream=True))
    text = "".join(one.choices[0].delta.content or "" for one in chunks)
    assert text == "Our office is in Berlin."
    assert chunks[-1].choices[0].finish_reason == "stop"
    vectors = openai.embeddings.create(model=EMBEDDINGS, input=["refund"], dimensions=256)
    assert len(vectors.data[0].embedding) == 256
    prompted = openai.completions.create(model=CHAT, prompt="It rains in Oslo.\n\nDoes it rain?")
    assert prompted.choices[0].text == "It rains in Oslo."


@pytest.mark.documented
def test_tools_are_called_and_their_results_read(openai: Any) -> None:
    asked: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    first = openai.chat.completions.create(model=CHAT, messages=asked, tools=[TOOL])
    [call] = first.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "Oslo"},
    )
    result = {"role": "tool", "tool_call_id": call.id, "content": "The weather in Oslo is mild."}
    asked += [first.choices[0].message, result]
    second = openai.chat.completions.create(model=CHAT, messages=asked, tools=[TOOL])
    assert second.choices[0].message.content == "The weather in Oslo is mild."


@pytest.mark.documented
def test_the_responses_api(openai: Any) -> None:
    answer = openai.responses.create(
        model=CHAT, instructions="Context: Our office is in Berlin.", input="Where is the office?"
    )
    assert answer.output_text == "Our office is in Berlin."
    function = {"type": "function", **TOOL["function"]}  # type: ignore[dict-item]
    asked: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    called = openai.responses.create(model=CHAT, input=asked, tools=[function])
    [call] = called.output
    assert (call.type, call.name, json.loads(call.arguments)) == (
        "function_call",
        "get_weather",
        {"city": "Oslo"},
    )
    asked += [
        call,
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": "Oslo has mild weather.",
        },
    ]
    with openai.responses.stream(model=CHAT, input=asked, tools=[function]) as stream:
        kinds = [one.type for one in stream]
        final = stream.get_final_response()
    assert final.output_text == "Oslo has mild weather."
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert "response.output_text.delta" in kinds


@pytest.mark.documented
@pytest.mark.parametrize(
    "root", ["/serving-endpoints", "/ai-gateway/mlflow/v1", "/ai-gateway/openai/v1"]
)
def test_the_paths_of_the_ai_gateway(workspace: Any, root: str) -> None:
    from openai import OpenAI

    base = f"{workspace.host('dev')}{root}"
    with OpenAI(api_key=workspace.token("dev"), base_url=base) as api:
        answer = api.chat.completions.create(model=CHAT, messages=TALK)  # type: ignore[arg-type]
    assert answer.choices[0].message.content == "Our office is in Berlin."


@pytest.mark.documented
def test_everybody_may_ask_and_nobody_may_delete(
    client: WorkspaceClient, somebody: Callable[[], WorkspaceClient]
) -> None:
    robot = somebody()
    assert CHAT in {one.name for one in robot.serving_endpoints.list()}
    vectors = robot.serving_endpoints.query(EMBEDDINGS, input="x")
    assert vectors.data
    assert robot.serving_endpoints.get(CHAT).permission_level is not None
    for one in (robot, client):
        with pytest.raises(PermissionDenied):
            one.serving_endpoints.delete(CHAT)


@pytest.mark.documented
def test_the_prefix_is_reserved(client: WorkspaceClient) -> None:
    from databricks.sdk.errors import InvalidParameterValue

    with pytest.raises(InvalidParameterValue, match="reserved"):
        client.serving_endpoints.create("databricks-mine")


@pytest.mark.belief
@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        (CHAT, {"messages": []}, 400),
        (CHAT, {"messages": [{"role": "user", "content": "x"}], "n": "many"}, 400),
        (CHAT, "not json", 400),
        (CHAT, [1], 400),
        (EMBEDDINGS, {"messages": []}, 400),
        ("no-such-endpoint", {"messages": []}, 404),
    ],
)
def test_faults_are_told_in_both_shapes(workspace: Any, name: str, body: Any, status: int) -> None:
    host, token = workspace.host("dev"), workspace.token("dev")
    text = body if isinstance(body, str) else json.dumps(body)
    ways = [(f"/serving-endpoints/{name}/invocations", text)]
    if isinstance(body, dict):
        ways.append(("/serving-endpoints/chat/completions", json.dumps({**body, "model": name})))
    for path, sent in ways:
        request = urllib.request.Request(
            host + path, data=sent.encode(), headers={"Authorization": f"Bearer {token}"}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        assert refused.value.code == status
        told = json.loads(refused.value.read())
        assert told["message"]
        assert told["error_code"]
        assert ("error" in told) == path.endswith("completions")


@pytest.mark.belief
def test_a_body_too_large_is_refused(workspace: Any) -> None:
    host, token = workspace.host("dev"), workspace.token("dev")
    body = json.dumps({"input": "x" * (17 * 1024 * 1024)}).encode()
    request = urllib.request.Request(
        f"{host}/serving-endpoints/{EMBEDDINGS}/invocations",
        data=body,
        headers={"Authorization": f"Bearer {token}"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 413


@pytest.mark.documented
@pytest.mark.parametrize("root", ["/serving-endpoints", "/ai-gateway"])
def test_anthropics_clients_have_their_own_addresses(gateway: Gateway, root: str) -> None:
    path = f"{root}/anthropic/v1/messages"
    body = {
        "model": "databricks-claude-sonnet-4",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "Context: Our office is in Berlin."}],
        "messages": [{"role": "user", "content": "Where is the office?"}],
    }
    status, told, _ = gateway.ask("", body, path=path)
    assert (status, told["type"], told["stop_reason"]) == (200, "message", "end_turn")
    assert told["content"] == [{"type": "text", "text": "Our office is in Berlin."}]
    function = TOOL["function"]
    tool = {"name": "get_weather", "input_schema": function["parameters"]}  # type: ignore[index]
    question = {"role": "user", "content": "What is the weather in Oslo?"}
    asked = {**body, "system": "", "messages": [question], "tools": [tool]}
    _, told, _ = gateway.ask("", asked, path=path)
    [use] = told["content"]
    assert (use["type"], use["input"], told["stop_reason"]) == (
        "tool_use",
        {"city": "Oslo"},
        "tool_use",
    )
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": "Oslo has mild weather."}
    turns = [
        question,
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    _, told, _ = gateway.ask("", {**asked, "messages": turns}, path=path)
    assert told["content"][0]["text"] == "Oslo has mild weather."
    _, raw, _ = gateway.ask("", {**asked, "stream": True}, path=path)
    kinds = [line[7:].decode() for line in raw.split(b"\n") if line.startswith(b"event: ")]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    status, told, _ = gateway.ask("", {**body, "messages": []}, path=path)
    assert (status, told["type"], told["error"]["type"]) == (400, "error", "invalid_request_error")


@pytest.mark.documented
def test_throughput_set_apart_is_an_endpoint_of_ones_own(client: WorkspaceClient) -> None:
    from databricks.sdk.service.serving import PtEndpointCoreConfig, PtServedModel

    api, name = client.serving_endpoints, f"pt-{uuid.uuid4().hex[:8]}"
    served = PtServedModel(entity_name="system.ai.gte_large_en", provisioned_model_units=50)
    config = PtEndpointCoreConfig(served_entities=[served])
    made = api.create_provisioned_throughput_endpoint_and_wait(name, config)
    [entity] = made.config.served_entities  # type: ignore[union-attr, misc]
    assert (entity.entity_name, entity.provisioned_model_units) == ("system.ai.gte_large_en", 50)
    vectors = api.query(name, input=["x"])
    assert [len(one.embedding or []) for one in vectors.data or []] == [1024]
    served.provisioned_model_units = 100
    again = api.update_provisioned_throughput_endpoint_config_and_wait(name, config)
    [entity] = again.config.served_entities  # type: ignore[union-attr, misc]
    assert entity.provisioned_model_units == 100
    api.delete(name)
