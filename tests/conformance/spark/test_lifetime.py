"""How long engines and sessions live.

Engines end with what they serve, sessions with their clients: a killed workspace leaves no process,
and a session goes on in the next engine.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.spark.conftest import connect_to

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


def engines(home: Path) -> list[int]:
    """The Sail processes of a data directory, by the log they write."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
            log = str((entry / "fd" / "1").readlink()) if b"sail_process" in command else ""
        except OSError:
            continue
        if log.startswith(str(home)):
            found.append(int(entry.name))
    return found


@pytest.mark.belief
@pytest.mark.skipif(sys.platform != "linux", reason="finds the engines in /proc")
def test_a_killed_workspace_leaves_no_engine_and_no_half_made_table(own_workspace: Any) -> None:
    def run(text: str) -> Any:
        client = own_workspace.client()
        warehouse = next(iter(client.warehouses.list())).id
        return client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")

    assert run("CREATE TABLE dev.default.t AS SELECT 1 AS a").status.error is None
    assert engines(own_workspace.home)
    own_workspace.kill()
    deadline = time.monotonic() + 10
    while engines(own_workspace.home) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert engines(own_workspace.home) == []
    own_workspace.start()
    assert run("SELECT a FROM dev.default.t").result.data_array == [["1"]]
    own_workspace.stop()
    while engines(own_workspace.home) and time.monotonic() < deadline + 10:
        time.sleep(0.05)
    assert engines(own_workspace.home) == []


def until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(spark: SparkSession) -> bool:
    """Whether the workspace has noticed that the engine is gone."""
    from pyspark.errors import PySparkException

    try:
        return spark.range(1).count() == 1
    except PySparkException as fault:
        if "SPARK_ENGINE_LOST" not in str(fault):
            raise
        return False


@pytest.fixture
def spark(own_workspace: Any) -> Iterator[SparkSession]:
    """In the engine that a person's sessions share; ended while there is a server to be told."""
    session = connect_to(own_workspace, scope="interactive")
    yield session
    session.stop()


def statement(server: Any, text: str, **place: str) -> Any:
    client = server.client()
    warehouse = next(iter(client.warehouses.list())).id
    answer = client.statement_execution.execute_statement(
        text, warehouse, wait_timeout="50s", **place
    )
    assert answer.status.error is None, answer.status.error
    return answer.result.data_array if answer.result else []


@pytest.mark.documented
def test_sessions_go_on_in_the_next_engine(own_workspace: Any, spark: SparkSession) -> None:
    """A catalog that is made while they run takes the engine from under them."""
    place = {"catalog": "dev", "schema": "kept"}
    statement(own_workspace, "CREATE SCHEMA dev.kept")
    statement(own_workspace, "CREATE TABLE dev.kept.here AS SELECT 7 AS a")
    assert statement(own_workspace, "SELECT a FROM here", **place) == [["7"]]
    spark.sql("USE dev.kept")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    spark.table("here").createOrReplaceTempView("seen")
    spark.sql("USE dev.default")
    spark.sql("SELECT a + 1 AS a FROM seen").createOrReplaceTempView("seen")
    spark.udf.register("twice", lambda a: 2 * a, "int")

    own_workspace.client().catalogs.create(name="later")
    assert statement(own_workspace, "SELECT a FROM here", **place) == [["7"]]
    assert spark.sql("SELECT twice(a) AS b FROM seen").collect()[0].b == 16
    assert spark.sql("SELECT current_schema() AS s").collect()[0].s == "default"
    assert spark.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"

    for engine in engines(own_workspace.home):
        os.kill(engine, signal.SIGKILL)
    until(lambda: not engines(own_workspace.home))
    until(lambda: answers(spark))
    spark.catalog.dropTempView("seen")
    assert statement(own_workspace, "SELECT a FROM here", **place) == [["7"]]
    assert spark.sql("SELECT twice(4) AS b").collect()[0].b == 8
    assert spark.catalog.tableExists("seen") is False


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRICKYARD_SPARK_SESSION_TIMEOUT_S", "8")


@pytest.mark.documented
def test_a_quiet_session_is_kept(forgetful: None, own_workspace: Any, spark: SparkSession) -> None:
    """An engine forgets who says nothing; a task may compute for long between two queries."""
    spark.range(3).createOrReplaceTempView("three")
    assert statement(own_workspace, "SELECT 1") == [["1"]]
    time.sleep(10)
    assert spark.table("three").count() == 3
    assert statement(own_workspace, "SELECT 1") == [["1"]]
