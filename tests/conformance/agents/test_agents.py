"""Deployments of agents and review apps, over the requests that `databricks-agents` makes.

That package itself is tried in an environment of its own (`tests/clients/probes/agents_deploy.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied

pytestmark = [pytest.mark.slow, pytest.mark.documented]

Somebody = Callable[..., WorkspaceClient]
DEPLOYMENTS = "/api/2.0/agents/deployments"
APPS = "/api/2.0/managed-evals/review-apps"


@pytest.fixture(scope="module")
def client(workspace: Any) -> WorkspaceClient:
    made: WorkspaceClient = workspace.client("dev")
    return made


def deployed(client: WorkspaceClient, model: str, version: str = "1") -> dict[str, Any]:
    name = f"agents-{uuid.uuid4().hex[:8]}"
    client.serving_endpoints.create(name=name)
    body = {
        "model_name": model,
        "model_version": version,
        "endpoint_name": name,
        "served_entity_name": f"echo_{version}",
        "query_endpoint": f"{client.config.host}/serving-endpoints/{name}/invocations",
        "workspace_url": client.config.host,
    }
    answer = client.api_client.do("POST", DEPLOYMENTS, body=body)
    assert isinstance(answer, dict)
    made: dict[str, Any] = answer["deployed_chain"]
    assert made.items() >= body.items()
    return made


def test_a_deployment_is_listed_until_it_is_deleted(
    client: WorkspaceClient, somebody: Somebody
) -> None:
    model = f"dev.s.m{uuid.uuid4().hex[:8]}"
    for version in ("1", "2"):
        deployed(client, model, version)

    def versions(path: str, who: WorkspaceClient = client) -> list[str]:
        found = who.api_client.do("GET", path)
        assert isinstance(found, dict)
        listed = found.get("chain_deployments", [])
        return [one["model_version"] for one in listed if one["model_name"] == model]

    assert versions(DEPLOYMENTS) == versions(f"{DEPLOYMENTS}/{model}") == ["1", "2"]
    assert versions(f"{DEPLOYMENTS}/{model}/versions/2") == ["2"]
    stranger = somebody()
    assert versions(DEPLOYMENTS, stranger) == []
    with pytest.raises(NotFound):
        stranger.api_client.do("DELETE", f"{DEPLOYMENTS}/{model}")
    client.api_client.do("DELETE", f"{DEPLOYMENTS}/{model}/versions/1")
    assert versions(DEPLOYMENTS) == ["2"]
    client.api_client.do("DELETE", f"{DEPLOYMENTS}/{model}")
    assert versions(DEPLOYMENTS) == []


def test_only_who_manages_the_endpoint_deploys_behind_it(
    client: WorkspaceClient, somebody: Somebody
) -> None:
    made = deployed(client, f"dev.s.m{uuid.uuid4().hex[:8]}")
    body = {**made, "model_version": "7"}
    with pytest.raises(PermissionDenied):
        somebody().api_client.do("POST", DEPLOYMENTS, body=body)
    with pytest.raises(NotFound):
        client.api_client.do("POST", DEPLOYMENTS, body={**body, "endpoint_name": "nobody"})


def test_instructions_and_artifacts_are_kept_by_model(client: WorkspaceClient) -> None:
    model = f"dev.s.m{uuid.uuid4().hex[:8]}"
    deployed(client, model)
    do, base = client.api_client.do, f"{DEPLOYMENTS}/{model}"
    assert do("GET", f"{base}/instructions") == {}
    do("POST", f"{base}/instructions", body={"instructions": "be kind"})
    do("POST", f"{base}/artifacts", body={"artifacts": ["runs:/1/traces.json"]})
    do("POST", f"{base}/artifacts", body={"artifacts": ["runs:/2/traces.json"]})
    assert do("GET", f"{base}/instructions") == {"instructions": "be kind"}
    listed = {"artifacts": ["runs:/1/traces.json", "runs:/2/traces.json"]}
    assert do("GET", f"{base}/artifacts") == listed


def test_a_review_app_with_its_sessions_and_items(
    client: WorkspaceClient, somebody: Somebody
) -> None:
    do = client.api_client.do
    me = client.current_user.me().user_name
    name = f"/Users/{me}/review-{uuid.uuid4().hex[:8]}"
    experiment = client.experiments.create_experiment(name).experiment_id
    body = {"experiment_id": experiment, "labeling_schemas": [{"name": "guidelines"}]}
    app: Any = do("POST", APPS, body=body)
    base = f"{APPS}/{app['review_app_id']}"
    found = do("GET", APPS, query={"filter": f"experiment_id={experiment}"})
    assert found == {"review_apps": [app]}
    agents = [{"agent_name": "a", "model_serving_endpoint": {"endpoint_name": "e"}}]
    changed: Any = do(
        "PATCH", base, query={"update_mask": "agents"}, body={"agents": agents, "x": 1}
    )
    assert (changed["agents"], changed["labeling_schemas"]) == (agents, [{"name": "guidelines"}])
    stranger = somebody()
    with pytest.raises(PermissionDenied):
        stranger.api_client.do("GET", base)

    session: Any = do("POST", f"{base}/labeling-sessions", body={"name": "one"})
    run = client.experiments.get_run(session["mlflow_run_id"]).run
    assert (run.info.experiment_id, run.info.run_name) == (experiment, "one")
    items = f"{base}/labeling-sessions/{session['labeling_session_id']}/items"
    do("POST", f"{items}:batchCreate", body={"items": [{"source": {"trace_id": "tr-1"}}]})
    listed: Any = do("GET", items)
    assert [(one["source"], one["state"]) for one in listed["items"]] == [
        ({"trace_id": "tr-1"}, "PENDING")
    ]
    item = f"{items}/{listed['items'][0]['item_id']}"
    done: Any = do("PATCH", item, body={"state": "COMPLETED"})
    assert done["state"] == "COMPLETED"
    do("DELETE", f"{base}/labeling-sessions/{session['labeling_session_id']}")
    assert do("GET", f"{base}/labeling-sessions") == {}
