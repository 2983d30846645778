"""An unmodified Spark Connect client on the workspace's gateway."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Connect = Callable[..., "SparkSession"]


def gateway_port(server: Any) -> int:
    """Where the gateway listens; a first statement makes it start."""
    path = server.home / "run" / "spark-connect.json"
    if not path.exists():
        run_sql(server, "SELECT 1")
    for _ in range(100):
        if path.exists() and (text := path.read_text()):
            return int(json.loads(text)["port"])
        time.sleep(0.05)
    raise AssertionError("the gateway did not start")


def run_sql(server: Any, statement: str, name: str = "dev") -> Any:
    """A statement on the starter warehouse."""
    client = server.client(name)
    warehouse = next(iter(client.warehouses.list())).id
    return client.statement_execution.execute_statement(statement, warehouse, wait_timeout="50s")


def connect_to(
    server: Any, name: str = "dev", *, token: str | None = None, scope: str = ""
) -> SparkSession:
    from pyspark.sql import SparkSession

    scope = scope or f"test-{uuid.uuid4().hex[:8]}"
    url = f"sc://localhost:{gateway_port(server)}/;token={token or server.token(name)}"
    url += f";x-brickyard-workspace={name};x-brickyard-scope={scope}"
    return SparkSession.builder.remote(url).create()


@pytest.fixture(scope="session")
def connect(workspace: Any) -> Connect:
    """Opens another session: `connect("prod", token=…, scope=…)`."""
    return partial(connect_to, workspace)


@pytest.fixture(scope="session")
def statement(workspace: Any) -> Callable[..., Any]:
    """Runs a statement through the SQL API."""
    return partial(run_sql, workspace)


@pytest.fixture(scope="session")
def spark(workspace: Any) -> Iterator[SparkSession]:
    """A session of the person in dev."""
    session = connect_to(workspace)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def prod_spark(workspace: Any) -> Iterator[SparkSession]:
    """A session of prod's deployer, in prod, where writing is allowed."""
    session = connect_to(workspace, "prod")
    yield session
    session.stop()


@pytest.fixture
def schema(spark: SparkSession) -> Iterator[str]:
    """A schema of dev for one test."""
    name = f"dev.t{uuid.uuid4().hex[:10]}"
    spark.sql(f"CREATE SCHEMA {name}").collect()
    yield name
    spark.sql(f"DROP SCHEMA IF EXISTS {name} CASCADE").collect()
