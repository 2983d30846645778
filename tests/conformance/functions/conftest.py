"""Functions through the official SDK and an unmodified Spark Connect client, on one schema."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

Run = Callable[..., Any]


def runner(client: WorkspaceClient) -> Run:
    """Runs a statement on the starter warehouse; its rows, or the error as text."""
    warehouse = str(next(iter(client.warehouses.list())).id)

    def run(sql: str, **options: Any) -> Any:
        done = client.statement_execution.execute_statement(
            sql, warehouse, wait_timeout="50s", **options
        )
        assert done.status is not None
        if done.status.error is not None:
            return done.status.error.message
        return (done.result.data_array or []) if done.result is not None else []

    return run


@pytest.fixture(scope="session")
def run(workspace: Any) -> Run:
    return runner(workspace.client())


@pytest.fixture(scope="session")
def schema(workspace: Any, run: Run) -> Iterator[str]:
    """A schema with the table `t` of five rows."""
    client = workspace.client()
    name = f"fn_{uuid.uuid4().hex[:8]}"
    client.schemas.create(name, "dev")
    full = f"dev.{name}"
    made = run(f"CREATE TABLE {full}.t AS SELECT id, concat('n', id) AS name FROM range(5)")
    assert isinstance(made, list), made
    yield full
    client.schemas.delete(full, force=True)
