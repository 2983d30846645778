"""The stub provider of a session, and the shared workspace in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gateway_under_test import Gateway, Stub


@pytest.fixture(scope="session")
def stub() -> Iterator[Stub]:
    made = Stub()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def gateway(workspace: Any, stub: Stub) -> Gateway:
    return Gateway(workspace, stub)
