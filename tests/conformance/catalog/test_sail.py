"""The real Sail engine on this catalog, with nothing between them: its answers must suit it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]

SERVER = """
import time
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
print(server.listening_address, flush=True)
time.sleep(300)
"""
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def query(metastore: Any) -> Iterator[Query]:
    """Runs SQL on a Sail process that holds the owner's token for dev."""
    from pyspark.sql import SparkSession

    uri = f"{metastore.workspaces['dev'].url}/api/2.1/unity-catalog"
    token = metastore.token("dev")
    catalogs = ", ".join(
        f'{{name="{name}", type="unity", uri="{uri}", default_catalog="{name}", token="{token}"}}'
        for name in ("dev", "prod")
    )
    env = {**os.environ, "SAIL_CATALOG__LIST": f"[{catalogs}]"}
    env["SAIL_CATALOG__DEFAULT_CATALOG"] = '"dev"'
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], env=env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port = re.findall(r"\d+", process.stdout.readline())[-1]
    session = SparkSession.builder.remote(f"sc://localhost:{port}").create()
    try:
        yield lambda text: [tuple(row) for row in session.sql(text).collect()]
    finally:
        session.stop()
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.recorded
def test_sail_reads_and_writes_tables_of_the_catalog(
    metastore: Any, schema: str, query: Query
) -> None:
    dev = metastore.workspaces["dev"]
    catalog, owner = metastore.catalog, metastore.owner
    plain, nested, made = (f"dev.{schema}.{name}" for name in ("plain", "nested", "made"))
    catalog.create_table(owner, dev, plain, columns=[{"name": "a", "type_text": "bigint"}])
    assert query(f"select * from {plain}") == []
    query(f"insert into {plain} values (1), (2)")
    query(f"update {plain} set a = 5 where a = 1")
    query(f"merge into {plain} t using (select 2 as a) s on t.a = s.a when matched then delete")
    assert query(f"select a from {plain}") == [(5,)]

    place = catalog.tables.new_location(owner, dev, nested).as_uri()
    kind = "array<struct<p:string,q:decimal(5,2)>>"
    query(f"create table {nested} (v {kind}, d decimal(7,1)) using delta location '{place}'")
    assert query(f"select * from {nested}") == []
    assert query(f"describe table {nested}")[0][:2] == ("v", kind)

    place = catalog.tables.new_location(owner, dev, made).as_uri()
    query(f"create table {made} using delta location '{place}' as select 1 as x, 'a' as y")
    assert query(f"select x, y from {made}") == [(1, "a")]
    shown = metastore.client().tables.get(made)
    assert [(one.name, one.type_text) for one in shown.columns] == [("x", "int"), ("y", "string")]
    assert shown.table_type.value == "MANAGED"
    assert {row[1] for row in query(f"show tables in dev.{schema}")} == {"plain", "nested", "made"}

    folder = catalog.table(made).storage_location
    query(f"drop table {made}")
    assert not folder.exists()
    with pytest.raises(Exception, match="not found"):
        query(f"select * from {made}")


@pytest.mark.recorded
def test_sail_cannot_create_or_drop_what_the_binding_forbids(metastore: Any, query: Query) -> None:
    prod, catalog = metastore.workspaces["prod"], metastore.catalog
    owner, name = metastore.deployer("prod"), "prod.default.sail"
    catalog.create_table(owner, prod, name, columns=[{"name": "a", "type_text": "int"}])
    assert query(f"select * from {name}") == []
    with pytest.raises(Exception, match=r"403|read-only"):
        query(f"drop table {name}")
    place = (metastore.home.catalog("prod") / "tables" / "new").as_uri()
    with pytest.raises(Exception, match=r"403|read-only"):
        query(f"create table prod.default.new (a int) using delta location '{place}'")
    catalog.drop_table(owner, prod, name)
