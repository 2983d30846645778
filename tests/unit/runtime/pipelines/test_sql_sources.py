"""What the statements of a SQL source declare."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.runtime.pipelines.graph import Cdc, Defaults, Graph, PipelineFault
from brickyard.runtime.pipelines.sql_sources import read_statements

HOME = Defaults(catalog="dev", schema="sales")


def declared(text: str, **configuration: str) -> tuple[Graph, list[str]]:
    """The graph, and the queries of its flows as they would be run."""
    graph, queries = Graph(HOME), []
    read_statements(text, graph, dict(configuration), queries.append, "a.sql")
    for flow in graph.flows:
        if flow.query is not None:
            flow.query()
    return graph, queries


def test_a_table_with_everything() -> None:
    graph, queries = declared(
        """
        -- a comment; with a semicolon
        CREATE OR REFRESH STREAMING TABLE Clean (
          id INT COMMENT 'the key', price DECIMAL(10, 2),
          CONSTRAINT dear EXPECT (price > 1 AND name <> 'a,b') ON VIOLATION DROP ROW,
          CONSTRAINT `a name` EXPECT (id IS NOT NULL) ON VIOLATION FAIL UPDATE,
          CONSTRAINT soft EXPECT (coalesce(x, 1) = 1)
        ) PARTITIONED BY (`id`) CLUSTER BY AUTO COMMENT 'it''s' 'clean'
        TBLPROPERTIES ('quality' = 'silver', "pipelines.reset.allowed" = "false")
        AS SELECT * FROM STREAM(raw) WHERE day > '${from}'
        """,
        **{"from": "2026-01-01"},
    )
    (table,) = graph.datasets.values()
    assert (table.key, table.kind) == ("dev.sales.clean", "STREAMING_TABLE")
    assert table.schema == "id INT COMMENT 'the key', price DECIMAL(10, 2)"
    assert [(e.name, e.condition, e.action) for e in table.expectations] == [
        ("dear", "price > 1 AND name <> 'a,b'", "DROP"),
        ("a name", "id IS NOT NULL", "FAIL"),
        ("soft", "coalesce(x, 1) = 1", "ALLOW"),
    ]
    assert table.properties == {"quality": "silver", "pipelines.reset.allowed": "false"}
    assert list(table.partitions) == ["id"]
    assert [query.strip() for query in queries] == [
        "SELECT * FROM STREAM(raw) WHERE day > '2026-01-01'"
    ]


@pytest.mark.parametrize(
    ("text", "key", "kind"),
    [
        ("CREATE MATERIALIZED VIEW a.b.c AS SELECT 1", "a.b.c", "MATERIALIZED_VIEW"),
        ("CREATE OR REPLACE MATERIALIZED VIEW b.c AS SELECT 1", "dev.b.c", "MATERIALIZED_VIEW"),
        ("CREATE OR REFRESH LIVE TABLE c AS SELECT 1", "dev.sales.c", "MATERIALIZED_VIEW"),
        ("CREATE STREAMING LIVE TABLE c", "dev.sales.c", "STREAMING_TABLE"),
        ("CREATE TEMPORARY VIEW v AS SELECT 1", "v", "VIEW"),
        ("CREATE TEMPORARY STREAMING LIVE VIEW v AS SELECT 1", "v", "VIEW"),
        ("USE CATALOG x; USE SCHEMA y; CREATE MATERIALIZED VIEW z AS SELECT 1", "x.y.z", None),
        ("CREATE MATERIALIZED VIEW c (a, b) AS SELECT 1", "dev.sales.c", "MATERIALIZED_VIEW"),
    ],
)
def test_forms_of_create(text: str, key: str, kind: str | None) -> None:
    graph, _ = declared(text)
    (dataset,) = graph.datasets.values()
    assert (dataset.key, dataset.schema) == (key, None)
    assert kind is None or dataset.kind == kind


def test_flows_and_change_feeds() -> None:
    text = """
    CREATE STREAMING TABLE all_of_it;
    CREATE FLOW first AS INSERT INTO ONCE all_of_it BY NAME SELECT * FROM old;
    CREATE STREAMING TABLE latest;
    CREATE FLOW feed AS AUTO CDC INTO latest FROM STREAM(changes) KEYS (id, `no`)
      APPLY AS DELETE WHEN op = 'D' AND x > 1 SEQUENCE BY (at, n)
      COLUMNS * EXCEPT (op, at) STORED AS SCD TYPE 2;
    """
    graph, queries = declared(text)
    one, two = graph.flows
    assert (one.target, one.once) == ("dev.sales.all_of_it", True)
    assert queries == ["SELECT * FROM old"]
    assert two.cdc == Cdc(
        source="changes",
        keys=["id", "no"],
        sequence_by="(at, n)",
        deletes="op = 'D' AND x > 1",
        except_columns=["op", "at"],
        scd=2,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DELETE FROM x", "declares datasets and flows"),
        ("CREATE MATERIALIZED VIEW x", "a query is missing"),
        ("CREATE STREAMING TABLE x (a INT", "a bracket is not closed"),
        ("CREATE STREAMING TABLE x (a INT GENERATED ALWAYS AS (1))", "generated columns"),
        ("CREATE STREAMING TABLE x LOCATION '/a'", "LOCATION is not available"),
        ("APPLY CHANGES INTO x FROM STREAM y SEQUENCE BY a", "KEYS"),
        ("CREATE MATERIALIZED VIEW x AS SELECT 1; CREATE MATERIALIZED VIEW x AS SELECT 2", "once"),
    ],
)
def test_faults_say_what_and_where(text: str, message: str) -> None:
    with pytest.raises(PipelineFault, match=message):
        declared(text)


def test_names_are_found_as_written_anywhere() -> None:
    graph, _ = declared(
        "CREATE MATERIALIZED VIEW Orders AS SELECT 1; CREATE TEMPORARY VIEW v AS SELECT 2"
    )
    found: list[Any] = [
        graph.find(name, HOME)
        for name in ("orders", "LIVE.orders", "`Sales`.ORDERS", "dev.sales.orders", "v", "other.v")
    ]
    assert [one.key if one else None for one in found] == [
        *(["dev.sales.orders"] * 4),
        "v",
        None,
    ]
