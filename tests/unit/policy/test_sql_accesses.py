"""What SQL text reads and writes."""

from __future__ import annotations

import pytest

from brickyard.policy.sql import accesses


def found(text: str, **parameters: str) -> set[tuple[str, str]]:
    given = accesses(text, file="a.sql", parameters=parameters)
    return {(str(one.mode), one.full_name) for one in given}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select * from prod.a.b join dev.c.d using (x)",
         {("read", "prod.a.b"), ("read", "dev.c.d")}),
        ("with t as (select * from prod.a.b) select * from t", {("read", "prod.a.b")}),
        ("create or replace table dev.a.b as select * from prod.a.b",
         {("write", "dev.a.b"), ("read", "prod.a.b")}),
        ("insert into dev.a.b values (1)", {("write", "dev.a.b")}),
        ("merge into dev.a.b t using prod.a.b s on t.x = s.x when matched then delete",
         {("write", "dev.a.b"), ("read", "prod.a.b")}),
        ("update dev.a.b set x = 1 where y in (select y from prod.a.b)",
         {("write", "dev.a.b"), ("read", "prod.a.b")}),
        ("delete from prod.a.b", {("write", "prod.a.b")}),
        ("drop table if exists prod.a.b", {("write", "prod.a.b")}),
        ("truncate table prod.a.b", {("write", "prod.a.b")}),
        ("alter table prod.a.b add columns (x int)", {("write", "prod.a.b")}),
        ("create schema if not exists dev.a", {("write", "dev.a")}),
        ("create temporary view v as select * from prod.a.b; select * from v",
         {("read", "prod.a.b")}),
        ("optimize prod.a.b", {("write", "prod.a.b")}),
        ("grant select on table prod.a.b to `users`", {("write", "prod.a.b")}),
        ("use catalog dev; use schema a; select * from b", {("read", "dev.a.b")}),
        ("select * from delta.`/Volumes/dev/a/v/t`", {("read", "dev.a.v")}),
        ("show tables in prod.a", {("read", "prod.a")}),
        ("select 1", set()),
    ],
)  # fmt: skip
def test_statements_give_their_reads_and_writes(text: str, expected: set[tuple[str, str]]) -> None:
    assert found(text) == expected


def test_identifiers_by_parameter_are_resolved_or_unknown() -> None:
    assert found("select * from identifier(:t)", t="prod.a.b") == {("read", "prod.a.b")}
    assert found("select * from identifier(:t)") == {("read", "?")}


def test_what_the_parser_does_not_know_is_an_unknown_access() -> None:
    given = accesses("select from where from", file="a.sql", line=7)
    assert [(one.line, bool(one.reason)) for one in given] == [(7, True)]


def test_lines_count_from_the_start_of_the_file() -> None:
    given = accesses("select 1;\n\nselect * from\n  prod.a.b", file="a.sql", line=10)
    assert [one.line for one in given] == [13]
