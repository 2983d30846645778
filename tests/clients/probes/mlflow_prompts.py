"""Prompts of Unity Catalog with MLflow's own client."""

from __future__ import annotations

import mlflow
from mlflow import MlflowClient
from place import SCHEMA, refusal, unique

CLIENT = "mlflow"

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")

CHAT = [
    {"role": "system", "content": "You are {{style}}."},
    {"role": "user", "content": "{{question}}"},
]


def probe_text() -> None:
    """prompts: text template in, unchanged out, format"""
    name = f"{SCHEMA}.{unique()}"
    template = 'Say "{{what}}"\n\tin {{language}} – ≠ {single}'
    made = mlflow.genai.register_prompt(
        name, template, commit_message="first", tags={"team": "data"}
    )
    assert (made.name, made.version) == (name, 1)
    found = mlflow.genai.load_prompt(f"prompts:/{name}/1")
    assert found.template == template
    assert found.commit_message == "first"
    assert found.tags == {"team": "data"}
    assert found.format(what="hi", language="French") == template.replace("{{what}}", "hi").replace(
        "{{language}}", "French"
    )


def probe_chat() -> None:
    """prompts: chat template stays a list, response format, model configuration"""
    name = f"{SCHEMA}.{unique()}"
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    mlflow.genai.register_prompt(
        name, CHAT, response_format=schema, model_config={"model_name": "m", "temperature": 0.5}
    )
    found = mlflow.genai.load_prompt(name, version=1)
    assert found.template == CHAT
    assert not found.is_text_prompt
    assert found.response_format == schema
    assert found.model_config["temperature"] == 0.5
    assert found.format(style="kind", question="?")[1]["content"] == "?"


def probe_versions() -> None:
    """prompts: versions, aliases, load by @alias, delete of versions and prompt"""
    name, client = f"{SCHEMA}.{unique()}", MlflowClient()
    for text in ("one", "two", "three"):
        mlflow.genai.register_prompt(name, text)
    mlflow.genai.set_prompt_alias(name, alias="production", version=2)
    found = mlflow.genai.load_prompt(f"prompts:/{name}@production")
    assert (found.template, found.aliases) == ("two", ["production"])
    versions = client.search_prompt_versions(name, max_results=2)
    assert [int(one.version) for one in versions] == [3, 2]
    rest = client.search_prompt_versions(name, page_token=versions.token)
    assert [int(one.version) for one in rest] == [1]
    client.delete_prompt_version(name, "2")
    assert mlflow.genai.load_prompt(name, version=2, allow_missing=True) is None
    assert client.get_prompt_version_by_alias(name, "production") is None
    mlflow.genai.delete_prompt_alias(name, alias="nothing")
    for version in ("1", "3"):
        client.delete_prompt_version(name, version)
    assert mlflow.genai.register_prompt(name, "four").version == 4
    client.delete_prompt_version(name, "4")
    client.delete_prompt(name)
    assert client.get_prompt(name) is None


def probe_tags() -> None:
    """prompts: tags of prompt and version, search by name and tag, pages"""
    client = MlflowClient()
    stem = unique()
    for number in range(3):
        name = f"{SCHEMA}.{stem}_{number}"
        mlflow.genai.register_prompt(name, "x")
        client.set_prompt_tag(name, "kind", "even" if number % 2 == 0 else "odd")
    client.set_prompt_version_tag(f"{SCHEMA}.{stem}_0", "1", "seen", "yes")
    assert mlflow.genai.load_prompt(f"{SCHEMA}.{stem}_0", version=1).tags["seen"] == "yes"
    client.delete_prompt_version_tag(f"{SCHEMA}.{stem}_0", "1", "seen")
    catalog, schema = SCHEMA.split(".")
    here = f"catalog = '{catalog}' AND schema = '{schema}'"
    found = mlflow.genai.search_prompts(f"{here} AND name LIKE '{SCHEMA}.{stem}%'")
    assert [one.name for one in found] == [f"{SCHEMA}.{stem}_{n}" for n in range(3)]
    even = mlflow.genai.search_prompts(f"{here} AND tags.kind = 'even' AND name LIKE '%{stem}%'")
    assert [one.name[-1] for one in even] == ["0", "2"]
    assert even[0].tags["kind"] == "even"
    client.delete_prompt_tag(f"{SCHEMA}.{stem}_0", "kind")
    assert "kind" not in client.get_prompt(f"{SCHEMA}.{stem}_0").tags
    first = client.search_prompts(here, max_results=1)
    assert first.token
    assert "Invalid filter" in refusal(lambda: client.search_prompts(f"{here} AND size > 3"))


def probe_links() -> None:
    """prompts: linked to the run and the trace that loaded them"""
    mlflow.set_experiment(f"/Shared/{unique()}")
    name, client = f"{SCHEMA}.{unique()}", MlflowClient()
    mlflow.genai.register_prompt(name, "Hello {{name}}")
    with mlflow.start_run() as run:
        mlflow.genai.load_prompt(name, version=1)
        with mlflow.start_span("answer") as span:
            mlflow.genai.load_prompt(name, version=1)
    mlflow.flush_trace_async_logging()
    assert name in client.get_run(run.info.run_id).data.tags["mlflow.linkedPrompts"]
    client.link_prompt_versions_to_trace([mlflow.genai.load_prompt(name, version=1)], span.trace_id)
    trace = mlflow.get_trace(span.trace_id)
    assert name in trace.info.tags["mlflow.linkedPrompts"]
