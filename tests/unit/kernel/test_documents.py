"""What a service keeps as documents: ids and names, one transaction for a change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from brickyard.workspace.kernel import ApiError, Documents, Store, document_table

TABLE = document_table("tests_pools")


@pytest.fixture
def pools(tmp_path: Path) -> Iterator[Documents]:
    store = Store(tmp_path / "documents.db")
    store.create_tables()
    yield Documents(store, TABLE, "Pool")
    store.close()


def test_an_object_is_read_back_as_it_was_kept(pools: Documents) -> None:
    made = pools.add("dev", "small", {"size": 2, "tags": {"a": "ü"}}, creator="ann@localhost")
    assert pools.get("dev", made.id) == made
    assert pools.all("dev") == (made,)
    assert pools.all("prod") == ()


def test_a_change_replaces_the_body_and_may_rename(pools: Documents) -> None:
    made = pools.add("dev", "small", {"size": 2}, creator="ann@localhost")
    pools.change("dev", made.id, lambda before: {"size": before.body["size"] + 1}, name="big")
    after = pools.get("dev", made.id)
    assert (after.name, after.body, after.creator) == ("big", {"size": 3}, "ann@localhost")


def test_a_refused_change_leaves_the_object_as_it_was(pools: Documents) -> None:
    made = pools.add("dev", "small", {"size": 2}, creator="ann@localhost")

    def refuse(_: object) -> dict[str, int]:
        raise ApiError("INVALID_STATE", "no")

    with pytest.raises(ApiError):
        pools.change("dev", made.id, refuse)
    assert pools.get("dev", made.id) == made


def test_names_are_unique_only_where_asked(pools: Documents) -> None:
    pools.add("dev", "small", {}, creator="ann@localhost")
    pools.add("dev", "small", {}, creator="ann@localhost")
    with pytest.raises(ApiError, match="with name small already exists"):
        pools.add("dev", "small", {}, creator="ann@localhost", unique_name=True)
    pools.add("prod", "small", {}, creator="ann@localhost", unique_name=True)


def test_an_unknown_id_is_refused_everywhere(pools: Documents) -> None:
    for ask in (
        lambda: pools.get("dev", "x"),
        lambda: pools.remove("dev", "x"),
        lambda: pools.change("dev", "x", lambda one: one.body),
    ):
        with pytest.raises(ApiError, match="Pool x does not exist"):
            ask()
    assert pools.find("dev", "x") is None


def test_an_id_is_taken_once(pools: Documents) -> None:
    pools.add("dev", "a", {}, creator="ann@localhost", id="1")
    with pytest.raises(ApiError, match="Pool 1 already exists"):
        pools.add("dev", "b", {}, creator="ann@localhost", id="1")
    pools.remove("dev", "1")
    pools.add("dev", "b", {}, creator="ann@localhost", id="1")
