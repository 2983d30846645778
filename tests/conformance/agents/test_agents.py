"""Deployments of agents, over the requests that `databricks-agents` makes.

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
