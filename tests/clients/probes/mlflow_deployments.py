"""Serving endpoints through MLflow's deployments client, `get_deploy_client("databricks")`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow.deployments import get_deploy_client
from place import SCHEMA, unique, wait

CLIENT = "mlflow"

AGENT = """
import mlflow
from mlflow.pyfunc import ChatAgent
from mlflow.types.agent import ChatAgentChunk, ChatAgentMessage, ChatAgentResponse

class Echo(ChatAgent):
    def predict(self, messages, context=None, custom_inputs=None):
        said = ChatAgentMessage(role="assistant", content=messages[-1].content, id="1")
        return ChatAgentResponse(messages=[said])

    def predict_stream(self, messages, context=None, custom_inputs=None):
        for word in messages[-1].content.split():
            yield ChatAgentChunk(delta=ChatAgentMessage(role="assistant", content=word, id="1"))

mlflow.models.set_model(Echo())
"""
MODEL = f"{SCHEMA}.{unique('agent')}"
ENDPOINT = unique("agent").replace("_", "-")
ASKED = {"messages": [{"role": "user", "content": "one two"}]}

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(f"/Shared/{unique('deployments')}")


def _entity(version: str, **more: Any) -> dict[str, Any]:
    return {"name": f"v{version}", "entity_name": MODEL, "entity_version": version, **more}


def _ready() -> dict[str, Any]:
    client = get_deploy_client("databricks")

    def done() -> Any:
        found = client.get_endpoint(ENDPOINT)
        return found if found["state"]["config_update"] != "IN_PROGRESS" else None

    shown: dict[str, Any] = wait(done)
    assert shown["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    return shown


def probe_create() -> None:
    """create_endpoint, get_endpoint, list_endpoints"""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "agent.py")
        file.write_text(AGENT)
        for _ in range(2):
            mlflow.pyfunc.log_model(
                name="agent",
                python_model=str(file),
                registered_model_name=MODEL,
                pip_requirements=["mlflow"],
            )
    client = get_deploy_client("databricks")
    client.create_endpoint(config={"name": ENDPOINT, "config": {"served_entities": [_entity("1")]}})
    _ready()
    assert ENDPOINT in [one["name"] for one in client.list_endpoints()]


def probe_predict() -> None:
    """predict and predict_stream of a ChatAgent"""
    client = get_deploy_client("databricks")
    answer = client.predict(endpoint=ENDPOINT, inputs=ASKED)
    assert answer["messages"][0]["content"] == "one two"
    chunks = list(client.predict_stream(endpoint=ENDPOINT, inputs=ASKED))
    assert [one["delta"]["content"] for one in chunks] == ["one", "two"]


def probe_update() -> None:
    """update_endpoint_config splits the traffic; tags; delete_endpoint"""
    client = get_deploy_client("databricks")
    routes = [
        {"served_model_name": "v1", "traffic_percentage": 50},
        {"served_model_name": "v2", "traffic_percentage": 50},
    ]
    client.update_endpoint_config(
        endpoint=ENDPOINT,
        config={
            "served_entities": [_entity("1"), _entity("2")],
            "traffic_config": {"routes": routes},
        },
    )
    shown = _ready()
    assert len(shown["config"]["served_entities"]) == 2
    client.update_endpoint_tags(
        endpoint=ENDPOINT, config={"add_tags": [{"key": "team", "value": "a"}]}
    )
    assert client.get_endpoint(ENDPOINT)["tags"] == [{"key": "team", "value": "a"}]
    client.delete_endpoint(ENDPOINT)
    assert ENDPOINT not in [one["name"] for one in client.list_endpoints()]
