"""Which names of a query are streams, files and tables."""

from __future__ import annotations

import itertools

import pytest

from brickyard.runtime.pipelines.graph import PipelineFault
from brickyard.runtime.pipelines.queries import Query, read_query, replaced


def read(text: str) -> Query:
    numbers = itertools.count(1)
    query = read_query(text, lambda: f"_{next(numbers)}")
    assert query is not None
    return query


def test_streams_stand_aside_and_names_are_found_where_they_are() -> None:
    query = read(
        "WITH c AS (SELECT * FROM STREAM(LIVE.a)) SELECT stream, x.orders "
        "FROM c JOIN `my db`.Orders AS x ON true, STREAM dev.s.b WHERE note = 'FROM STREAM(z)'"
    )
    assert {name: one.name for name, one in query.specials.items()} == {
        "_1": "`LIVE`.`a`",
        "_2": "`dev`.`s`.`b`",
    }
    assert [name for _, _, name in query.names] == ["`my db`.`Orders`"]
    start, end, _ = query.names[0]
    assert replaced(query, {start: (end, "here")}) == (
        "WITH c AS (SELECT * FROM _1) SELECT stream, x.orders "
        "FROM c JOIN here AS x ON true, _2 WHERE note = 'FROM STREAM(z)'"
    )
    assert query.joins
    assert not query.remembers


def test_files_are_read_with_their_literal_arguments() -> None:
    query = read(
        "SELECT * FROM STREAM read_files('/Volumes/a/b/c', format => 'csv', header => true)"
    )
    (special,) = query.specials.values()
    assert special.is_stream
    assert special.arguments == {"": "/Volumes/a/b/c", "format": "csv", "header": "true"}
    (plain,) = read("SELECT * FROM read_files('/Volumes/a')").specials.values()
    assert not plain.is_stream


@pytest.mark.parametrize(
    ("text", "remembers"),
    [
        ("SELECT a, count(*) FROM t GROUP BY a", True),
        ("SELECT DISTINCT a FROM t", True),
        ("SELECT row_number() OVER (ORDER BY a) FROM t", True),
        ("SELECT a FROM t LIMIT 3", True),
        ("SELECT upper(a) FROM t WHERE b > 1 UNION ALL SELECT a FROM t", False),
    ],
)
def test_queries_that_need_old_rows_are_known(text: str, remembers: bool) -> None:
    assert read(text).remembers is remembers


def test_other_statements_are_none_and_broken_ones_say_so() -> None:
    assert read_query("CREATE TABLE x (a INT)", lambda: "_1") is None
    with pytest.raises(PipelineFault, match="A bracket"):
        read("SELECT * FROM read_files('/a'")
    with pytest.raises(PipelineFault, match="must be a literal"):
        read("SELECT * FROM read_files('/a', format => concat('a', 'b'))")
