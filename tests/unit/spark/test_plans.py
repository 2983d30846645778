"""What whole plans read, and what the walk refuses: built as a client would, without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.kernel import ApiError, Home, Principal, WorkspaceInfo
from brickyard.workspace.spark.paths import Places
from brickyard.workspace.spark.plans import KNOWN_RELATIONS, REFUSED_RELATIONS, Walk
from brickyard.workspace.spark.protocol import Plan, Relation
from brickyard.workspace.spark.refusals import Refusal
from brickyard.workspace.spark.sessions import Caller, Session
from brickyard.workspace.spark.statements import Reader


class NoViews:
    def view_text(self, full_name: str) -> str | None:
        return "SELECT 1 AS a FROM dev.s.behind" if full_name == "dev.s.v" else None

    def routine(self, _name: str) -> None:
        return None

    def view_owner(self, _name: str) -> None:
        """Views are text of the caller's own."""

    def columns(self, _name: str) -> tuple[str, ...]:
        return ()

    def owner_of(self, _path: Path) -> None:
        return None


DEV = WorkspaceInfo(name="dev", id=1, catalog="dev", url="")
ME = Principal(id=1, user_name="me", display_name="me")


def reads(message: Any) -> set[str]:
    home = Home(Path("/home-of-brickyard"))
    lake: Any = NoViews()
    walk = Walk(
        Reader(
            session=Session(id="1", catalog="dev", schema="s"),
            workspace=DEV,
            lake=lake,
            places=Places(home, lake, home.files_of),
            caller=Caller(principal=ME, workspace=DEV, scope="", token=""),
        )
    )
    walk.visit(message)
    return {one.full_name for one in walk.touched.accesses}


def table(name: str) -> Any:
    relation = Relation()
    relation.read.named_table.unparsed_identifier = name
    return relation


def test_a_query_hidden_in_an_expression_is_found() -> None:
    relation = Relation()
    relation.filter.input.CopyFrom(table("t"))
    relation.filter.condition.expression_string.expression = "id IN (SELECT id FROM prod.s.x)"
    assert reads(relation) == {"dev.s.t", "prod.s.x"}


def test_a_path_in_an_option_is_found_in_any_spelling() -> None:
    relation = Relation()
    relation.read.data_source.format = "parquet"
    relation.read.data_source.options["PATH"] = "/home-of-brickyard/keys"
    with pytest.raises(ApiError):
        reads(relation)


def test_a_view_is_put_in_place_of_its_name() -> None:
    relation = table("v")
    assert reads(relation) == {"dev.s.v", "dev.s.behind"}
    assert relation.WhichOneof("rel_type") == "subquery_alias"
    assert relation.subquery_alias.alias == "v"


def test_names_that_the_plan_brings_along_are_its_own() -> None:
    relation = Relation()
    relation.with_relations.root.sql.query = "SELECT * FROM df JOIN t USING (id)"
    reference = relation.with_relations.references.add()
    reference.subquery_alias.alias = "df"
    reference.subquery_alias.input.CopyFrom(table("u"))
    assert reads(relation) == {"dev.s.t", "dev.s.u"}


def test_a_command_inside_a_query_is_refused() -> None:
    relation = Relation()
    relation.limit.input.sql.query = "DROP TABLE prod.s.t"
    with pytest.raises(Refusal):
        reads(relation)
    relation.limit.input.sql.query = "INSERT INTO prod.s.t VALUES (1)"
    with pytest.raises(Refusal):
        reads(relation)


def test_extensions_and_compressed_plans_are_refused() -> None:
    plan = Plan()
    plan.compressed_operation.data = b"x"
    with pytest.raises(Refusal):
        reads(plan)
    relation = Relation()
    relation.extension.type_url = "x"
    with pytest.raises(Refusal):
        reads(relation)


def test_every_relation_of_the_protocol_is_known_or_refused() -> None:
    """A new client's new relation shows here first: teach it or refuse it, on purpose."""
    defined = {field.name for field in Relation.DESCRIPTOR.oneofs_by_name["rel_type"].fields}
    assert defined == KNOWN_RELATIONS | REFUSED_RELATIONS
