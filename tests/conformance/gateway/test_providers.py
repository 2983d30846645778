"""External models and foundation models in front of a provider: a stub that speaks their APIs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service.serving import (
    EndpointCoreConfigInput,
    ExternalModel,
    ExternalModelProvider,
    OpenAiConfig,
    ServedEntityInput,
)
from gateway_under_test import Gateway, Stub, chat, until

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.documented
def test_an_external_model_is_made_with_the_sdk_and_keeps_its_key(gateway: Gateway) -> None:
    api, name = gateway.client.serving_endpoints, f"gw-{uuid.uuid4().hex[:8]}"
    gateway.client.secrets.create_scope(name)
    gateway.client.secrets.put_secret(name, "key", string_value="sk-from-scope")
    made = api.create_and_wait(
        name,
        config=EndpointCoreConfigInput(
            name=name,
            served_entities=[
                ServedEntityInput(
                    name="one",
                    external_model=ExternalModel(
                        name="key",
                        provider=ExternalModelProvider.OPENAI,
                        task="llm/v1/chat",
                        openai_config=OpenAiConfig(
                            openai_api_base=f"{gateway.stub.url}/v1",
                            openai_api_key=f"{{{{secrets/{name}/key}}}}",
                        ),
                    ),
                )
            ],
        ),
    )
    assert made.task == "llm/v1/chat"
    assert gateway.text(name, "hi") == "Bearer sk-from-scope"
    gateway.client.secrets.put_secret(name, "key", string_value="sk-rotated")
    assert gateway.text(name, "hi") == "Bearer sk-rotated"


@pytest.mark.documented
def test_a_plain_key_is_used_and_never_shown(gateway: Gateway) -> None:
    name = gateway.external("key")
    assert gateway.text(name, "hi") == "Bearer sk-plain"
    shown = gateway.client.api_client.do("GET", f"/api/2.0/serving-endpoints/{name}")
    assert "sk-plain" not in json.dumps(shown)
    [entity] = shown["config"]["served_entities"]
    assert entity["external_model"]["openai_config"] == {
        "openai_api_base": f"{gateway.stub.url}/v1"
    }
    database = gateway.workspace.home / "brickyard.db"
    for file in (database, database.with_name("brickyard.db-wal")):
        assert b"sk-plain" not in file.read_bytes()


@pytest.mark.documented
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"provider": "openai", "task": "llm/v1/chat"}, "name is required"),
        ({"name": "x", "provider": "nobody", "task": "llm/v1/chat"}, "provider must be one of"),
        ({"name": "x", "provider": "openai", "task": "chat"}, "task must be one of"),
        ({"name": "x", "provider": "openai", "task": "llm/v1/chat"}, "openai_api_key"),
        (
            {
                "name": "x",
                "provider": "openai",
                "task": "llm/v1/chat",
                "openai_config": {"openai_api_key": "sk-1"},
            },
            "reference to a secret",
        ),
        ({"name": "x", "provider": "amazon-bedrock", "task": "llm/v1/chat"}, "not available"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    gateway: Gateway, model: dict[str, Any], message: str
) -> None:
    config = {"served_entities": [{"name": "m", "external_model": model}]}
    body = {"name": f"gw-{uuid.uuid4().hex[:8]}", "config": config}
    with pytest.raises(InvalidParameterValue, match=message):
        gateway.client.api_client.do("POST", "/api/2.0/serving-endpoints", body=body)


@pytest.mark.documented
def test_streams_pass_as_they_come(gateway: Gateway) -> None:
    import time

    from openai import OpenAI

    name = gateway.external("drip")
    base = f"{gateway.workspace.host('dev')}/serving-endpoints"
    with OpenAI(api_key=gateway.workspace.token("dev"), base_url=base) as api:
        began, arrived, text = time.monotonic(), [], ""
        asked: Any = chat("a b c d")["messages"]
        stream = api.chat.completions.create(model=name, messages=asked, stream=True)
        for chunk in stream:
            arrived.append(time.monotonic() - began)
            text += chunk.choices[0].delta.content or ""
    assert text.strip() == "echo: a b c d"
    assert arrived[-1] - arrived[0] > 0.6  # five pauses of 0.2 s: not held back until the end


@pytest.mark.documented
def test_usage_of_a_stream_is_for_those_who_ask(gateway: Gateway) -> None:
    name = gateway.external("echo")
    _, plain, _ = gateway.ask(name, chat("hi", stream=True))
    assert b"usage" not in plain
    options = {"include_usage": True}
    _, told, _ = gateway.ask(name, chat("hi", stream=True, stream_options=options))
    assert b'"total_tokens": 15' in told


@pytest.mark.documented
def test_azure_and_a_databricks_workspace_have_their_own_addresses(gateway: Gateway) -> None:
    azure = {
        "openai_api_type": "azure",
        "openai_api_base": gateway.stub.url,
        "openai_api_version": "2024-10-21",
        "openai_deployment_name": "key",
        "openai_api_key_plaintext": "az",
    }
    workspace = {
        "databricks_workspace_url": gateway.stub.url,
        "databricks_api_token_plaintext": "d",
    }
    for provider, config, said in (
        ("openai", {"openai_config": azure}, "az"),
        ("databricks-model-serving", {"databricks_model_serving_config": workspace}, "Bearer d"),
    ):
        name = f"gw-{uuid.uuid4().hex[:8]}"
        model = {"name": "key", "provider": provider, "task": "llm/v1/chat", **config}
        body = {"name": name, "config": {"served_entities": [{"external_model": model}]}}
        gateway.client.api_client.do("POST", "/api/2.0/serving-endpoints", body=body)
        assert gateway.text(name, "hi") == said


class TestConfigured:
    """A workspace whose `gateway.yml` names the stub for foundation models."""

    @pytest.fixture(scope="class")
    def configured(
        self, workspace: Any, stub: Stub, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Gateway]:
        server = type(workspace)(home=tmp_path_factory.mktemp("gateway") / "home")
        server.start()
        write(server.home, stub)
        yield Gateway(server, stub)
        server.stop()

    @pytest.mark.belief
    def test_a_name_is_answered_by_its_provider(self, configured: Gateway) -> None:
        name = "databricks-meta-llama-3-3-70b-instruct"
        assert until(lambda: configured.text(name, "hi") == "echo: hi")
        shown = configured.client.serving_endpoints.get(name)
        assert shown.description == "Answered by echo of provider stub."

    @pytest.mark.belief
    def test_each_workspace_uses_its_own_key(self, configured: Gateway) -> None:
        name = "databricks-gpt-5"
        until(lambda: configured.text(name, "hi").startswith("Bearer"))
        assert configured.text(name, "hi") == "Bearer key-of-dev"
        prod = Gateway(configured.workspace, configured.stub, "prod")
        assert prod.text(name, "hi") == "Bearer key-of-prod"
        staging = Gateway(configured.workspace, configured.stub, "staging")
        status, body, _ = staging.ask(name)
        assert status == 400
        assert "no key for workspace 'staging'" in body["message"]

    @pytest.mark.documented
    def test_anthropic_is_translated_both_ways(self, configured: Gateway) -> None:
        name = "databricks-claude-sonnet-4"
        tool = {
            "type": "function",
            "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
        }
        until(lambda: "model" in configured.text(name, "hi"))
        asked = chat("hi", max_tokens=9, stop="x", temperature=0.5)
        asked["messages"].insert(0, {"role": "system", "content": "Be brief."})
        _, body, _ = configured.ask(name, asked)
        sent = json.loads(body["choices"][0]["message"]["content"])
        assert sent == {
            "model": "claude",
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "hi"}],
            "max_tokens": 9,
            "stop_sequences": ["x"],
            "temperature": 0.5,
        }
        assert body["usage"] == {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
        _, body, _ = configured.ask(name, chat("hi", tools=[tool], tool_choice="required"))
        [choice] = body["choices"]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["tool_calls"][0]["function"] == {
            "name": "look",
            "arguments": '{"a": 1}',
        }
        self.stream(configured, name, tool)

    def stream(self, configured: Gateway, name: str, tool: dict[str, Any]) -> None:
        from openai import OpenAI

        base = f"{configured.workspace.host('dev')}/ai-gateway/mlflow/v1"
        with OpenAI(api_key=configured.workspace.token("dev"), base_url=base) as api:
            options: Any = {"model": name, "messages": chat("hi")["messages"], "stream": True}
            chunks = list(api.chat.completions.create(**options))
            assert "".join(one.choices[0].delta.content or "" for one in chunks) == "Hello there"
            chunks = list(api.chat.completions.create(**options, tools=[tool]))
            deltas = [one.choices[0].delta for one in chunks]
            calls = [call for one in deltas for call in one.tool_calls or []]
            assert "".join(one.function.arguments or "" for one in calls) == '{"a": 1}'
            answer = api.responses.create(model=name, input="hi")
            assert json.loads(answer.output_text)["messages"] == chat("hi")["messages"]

    @pytest.mark.belief
    def test_a_faulty_file_is_told_and_nothing_answers_in_its_place(
        self, configured: Gateway
    ) -> None:
        name = "databricks-gpt-oss-20b"
        file = configured.workspace.home / "gateway.yml"
        kept = file.read_text()
        file.write_text("models: {x: {provider: nobody, model: m}}")
        try:
            status, body, _ = configured.ask(name)
            assert status == 400
            assert "models.x names provider 'nobody'" in body["message"]
        finally:
            file.write_text(kept)
        assert configured.ask(name)[0] == 200


def write(home: Path, stub: Stub) -> None:
    (home / "gateway.yml").write_text(
        f"""
providers:
  stub: {{url: "{stub.url}/v1"}}
  keyed: {{url: "{stub.url}/v1", key: {{dev: key-of-dev, prod: key-of-prod}}}}
  claude: {{kind: anthropic, url: "{stub.url}", key: k, workspaces: [dev]}}
models:
  databricks-*: {{provider: stub, model: echo}}
  databricks-gpt-5: {{provider: keyed, model: key}}
  databricks-claude-*: {{provider: claude, model: claude}}
"""
    )
