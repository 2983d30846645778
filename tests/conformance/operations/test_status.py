"""How the embedded workspace says how it is. Not an API of Databricks: its path says so."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.errors import PermissionDenied

import brickyard

pytestmark = pytest.mark.belief
PATH = "/api/2.0/brickyard/status"


def test_it_tells_version_memory_engines_and_what_is_enforced(workspace: Any) -> None:
    told = workspace.client("dev").api_client.do("GET", PATH)
    assert told["version"] == brickyard.__version__
    assert 10_000_000 < told["memory_bytes"] < 2_000_000_000
    assert told["spark_engines"] >= 0
    assert isinstance(told["enforced"], bool)
    assert told["enforcement"].startswith("catalogs are read-only" if told["enforced"] else "not")


def test_it_is_the_same_in_every_workspace_and_needs_a_token(workspace: Any) -> None:
    versions = {
        workspace.client(name).api_client.do("GET", PATH)["version"]
        for name in ("dev", "staging", "prod")
    }
    assert len(versions) == 1
    with pytest.raises(PermissionDenied):
        workspace.client("dev", token="dapi-nobody").api_client.do("GET", PATH)


def test_it_lists_what_it_answers(workspace: Any) -> None:
    told = workspace.client("dev").api_client.do("GET", "/api/2.0/brickyard/routes")
    routes = {(one["method"], one["path"]): one["fidelity"] for one in told["routes"]}
    assert routes["POST", "/api/2.1/unity-catalog/schemas"] == "real"
    assert set(routes.values()) <= {"real", "virtual", "accepted", "refused"}
    with pytest.raises(PermissionDenied):
        workspace.client("dev", token="dapi-nobody").api_client.do(
            "GET", "/api/2.0/brickyard/routes"
        )


@pytest.mark.slow
def test_an_engine_that_runs_is_counted(workspace: Any) -> None:
    client = workspace.client("dev")
    warehouse = next(iter(client.warehouses.list())).id
    client.statement_execution.execute_statement("SELECT 1", warehouse, wait_timeout="50s")
    assert client.api_client.do("GET", PATH)["spark_engines"] >= 1
