"""Models and endpoints that the tests of serving share: starting processes is what costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from serving_models import AGENT, TOOL, Served


@pytest.fixture(scope="session")
def served(workspace: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    import mlflow

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABRICKS_HOST", workspace.host("dev"))
        patch.setenv("DATABRICKS_TOKEN", workspace.token("dev"))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        mlflow.set_tracking_uri("databricks")
        mlflow.set_registry_uri("databricks-uc")
        yield Served(workspace, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def tool_model(served: Served) -> str:
    return served.register("tool", TOOL, input_example=["env:HOME"])


@pytest.fixture(scope="session")
def agent_model(served: Served) -> str:
    return served.register("echo", AGENT)
