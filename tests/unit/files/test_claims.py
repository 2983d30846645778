"""Whose file lies at a path of the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.files.claims import Claim, Claims
from brickyard.workspace.kernel import Store

SALES, COSTS = Claim(type="dashboards", id="1"), Claim(type="dashboards", id="2")


@pytest.fixture
def claims(tmp_path: Path) -> Claims:
    store = Store(tmp_path / "claims.db")
    store.create_tables()
    return Claims(store)


def test_a_path_is_of_who_claimed_it_last(claims: Claims) -> None:
    claims.put("dev", "/a/x.lvdash.json", SALES)
    claims.put("dev", "/a/x.lvdash.json", COSTS)
    assert claims.at("dev", ("a", "x.lvdash.json")) == COSTS
    assert list(claims.paths("dev", SALES)) == []
    assert claims.at("prod", ("a", "x.lvdash.json")) is None


def test_a_rename_claims_both_names_until_it_is_done(claims: Claims) -> None:
    claims.put("dev", "/a/x.lvdash.json", SALES)
    claims.put("dev", "/a/y.lvdash.json", SALES)
    assert set(claims.paths("dev", SALES)) == {"/a/x.lvdash.json", "/a/y.lvdash.json"}
    claims.forget("dev", "/a/x.lvdash.json")
    assert list(claims.paths("dev", SALES)) == ["/a/y.lvdash.json"]


def test_claims_end_with_the_folder_they_lie_in(claims: Claims) -> None:
    claims.put("dev", "/a_b/x.lvdash.json", SALES)
    claims.put("dev", "/a%b/x.lvdash.json", COSTS)
    claims.forget("dev", "/a_b")
    assert list(claims.paths("dev", SALES)) == []
    assert list(claims.paths("dev", COSTS)) == ["/a%b/x.lvdash.json"]
    claims.forget("dev", "/")
    assert list(claims.paths("dev", COSTS)) == []


def test_only_names_that_services_give_are_looked_up(claims: Claims) -> None:
    claims.put("dev", "/a/x.txt", SALES)
    assert claims.at("dev", ("a", "x.txt")) is None
    assert claims.at("dev", ()) is None
