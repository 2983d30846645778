"""Models and endpoints that the tests of serving share: starting processes is what costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from serving_models import AGENT, TOOL, Served


@pytest.fixture(scope="session")
def served(workspace: Any, tmp_path_factory: pytest.TempPathFactory) -> Served:
    return Served(workspace, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module", autouse=True)
def connected(served: Served) -> Iterator[None]:
    """For what a test asks MLflow itself. No longer than a module: clients elsewhere would find
    a token in their environment beside the credentials they are given.
    """
    with served.connected():
        yield


@pytest.fixture(scope="session")
def tool_model(served: Served) -> str:
    return served.register("tool", TOOL, input_example=["env:HOME"])


@pytest.fixture(scope="session")
def agent_model(served: Served) -> str:
    return served.register("echo", AGENT)
