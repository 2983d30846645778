"""Deploying an agent with databricks-agents, asking it, and having its traces reviewed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import mlflow
from databricks import agents
from databricks.sdk import WorkspaceClient
from mlflow.deployments import get_deploy_client
from place import SCHEMA, USER, unique, wait

CLIENT = "databricks-agents"

AGENT = """
import mlflow
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentResponse, ResponsesAgentStreamEvent

class Echo(ResponsesAgent):
    def predict(self, request):
        events = list(self.predict_stream(request))
        return ResponsesAgentResponse(output=[events[-1].item])

    def predict_stream(self, request):
        text = request.input[-1].content
        for word in text.split():
            yield ResponsesAgentStreamEvent(**self.create_text_delta(delta=word, item_id="1"))
        item = self.create_text_output_item(text=text, id="1")
        yield ResponsesAgentStreamEvent(type="response.output_item.done", item=item)

mlflow.models.set_model(Echo())
"""
MODEL = f"{SCHEMA}.{unique('agent')}"
ASKED = {"input": [{"role": "user", "content": "one two"}]}

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
EXPERIMENT = mlflow.set_experiment(f"/Shared/{unique('agents')}").experiment_id
_deployed: list[Any] = []


def register() -> int:
    """One more version of the agent."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "agent.py")
        file.write_text(AGENT)
        logged = mlflow.pyfunc.log_model(
            name="agent",
            python_model=str(file),
            registered_model_name=MODEL,
            pip_requirements=["mlflow"],
        )
    return int(logged.registered_model_version)


def probe_deploy() -> None:
    """agents.deploy: endpoint, deployment, review app"""
    version = register()
    made = agents.deploy(MODEL, version, scale_to_zero=True)
    _deployed.append(made)
    endpoint = WorkspaceClient().serving_endpoints.wait_get_serving_endpoint_not_updating(
        made.endpoint_name
    )
    assert endpoint.state.ready.value == "READY"
    assert {tag.key for tag in endpoint.tags} == {"MONITOR_EXPERIMENT_ID"}
    assert [one.served_entity_name for one in agents.get_deployments(MODEL)] == [
        made.served_entity_name
    ]
    assert "/ml/review-v2/" in made.review_app_url


def probe_query() -> None:
    """a deployed agent answers, at once and streamed, with its trace"""
    client = get_deploy_client("databricks")
    name = _deployed[0].endpoint_name
    options = {"databricks_options": {"return_trace": True}}
    answer = client.predict(endpoint=name, inputs={**ASKED, **options})
    assert answer["output"][0]["content"][0]["text"] == "one two"
    told = answer["databricks_output"]
    assert told["trace"]["info"]["client_request_id"] == told["databricks_request_id"]
    events = list(client.predict_stream(endpoint=name, inputs=ASKED))
    assert [one["type"] for one in events] == [
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_item.done",
    ]


def probe_traces() -> None:
    """traces of a deployed agent land in its experiment"""

    def found() -> list[Any]:
        traces = mlflow.search_traces(locations=[EXPERIMENT], return_type="list")
        return traces if len(traces) >= 2 else []

    for trace in wait(found, limit_s=30):
        named = trace.info.trace_metadata["mlflow.databricks.modelServingEndpointName"]
        assert named == _deployed[0].endpoint_name
        assert trace.data.spans[0].span_type == "AGENT"


def probe_review() -> None:
    """review app: agents, label schemas, labeling sessions over traces, instructions"""
    from databricks.agents import review_app

    app = review_app.get_review_app(EXPERIMENT)
    assert [one.agent_name for one in app.agents] == [MODEL]
    session = app.create_labeling_session(
        name="first", assigned_users=[USER], agent=MODEL, label_schemas=["guidelines"]
    )
    traces = mlflow.search_traces(locations=[EXPERIMENT], return_type="list")
    session.add_traces(traces)
    assert mlflow.get_run(session.mlflow_run_id).info.experiment_id == EXPERIMENT
    assert [one.name for one in app.get_labeling_sessions()] == ["first"]
    app.delete_labeling_session(session)
    assert app.get_labeling_sessions() == []
    agents.set_review_instructions(MODEL, "be kind")
    assert agents.get_review_instructions(MODEL).instructions == "be kind"


def probe_permissions() -> None:
    """agents.set_permissions and get_permissions"""
    agents.set_permissions(MODEL, ["users"], agents.PermissionLevel.CAN_QUERY)
    assert ("users", agents.PermissionLevel.CAN_QUERY) in agents.get_permissions(MODEL)


def probe_second_version() -> None:
    """a second version takes the traffic; one version's deployment is deleted"""
    version = register()
    client = WorkspaceClient().serving_endpoints
    made = agents.deploy(MODEL, version)
    shown = client.wait_get_serving_endpoint_not_updating(made.endpoint_name)
    routes = shown.config.traffic_config.routes
    split = {one.served_model_name: one.traffic_percentage for one in routes}
    assert split == {made.served_entity_name: 100, _deployed[0].served_entity_name: 0}
    agents.delete_deployment(MODEL, int(_deployed[0].model_version))
    client.wait_get_serving_endpoint_not_updating(made.endpoint_name)
    assert [one.model_version for one in agents.get_deployments(MODEL)] == [str(version)]


def probe_delete() -> None:
    """agents.delete_deployment takes the endpoint with it"""
    agents.delete_deployment(MODEL)
    assert agents.get_deployments(MODEL) == []
    names = [one.name for one in WorkspaceClient().serving_endpoints.list()]
    assert _deployed[0].endpoint_name not in names
