"""What is known of a path and of what lies below it, and of nothing beside it, is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.files.claims import Claim, Claims
from brickyard.workspace.files.objects import Objects
from brickyard.workspace.kernel import Store

PATHS = ("/a/b", "/a/b/c", "/a/b/c/d", "/a/b0", "/a/bc", "/a/b.py", "/a", "/a_b/x", "/axb/x")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "state.db")
    made.create_tables()
    return made


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("/a/b", {"/a/b", "/a/b/c", "/a/b/c/d"}),
        ("/a_b", {"/a_b/x"}),
        ("/a/b/", {"/a/b/c", "/a/b/c/d"}),
        ("/", set(PATHS)),
        ("/A", set()),
    ],
)
def test_rows_at_and_below_a_path(store: Store, path: str, gone: set[str]) -> None:
    objects, claims = Objects(store), Claims(store)
    known = objects.ids("dev", dict.fromkeys(PATHS, 1))
    objects.ids("prod", {"/a/b": 1})
    for number, one in enumerate(PATHS):
        claims.put("dev", one, Claim(type="dashboards", id=str(number)))

    assert set(objects.forget("dev", path)) == {known[one].id for one in gone}
    claims.forget("dev", path)

    left = {one for one in PATHS if objects.path_of("dev", known[one].id)}
    assert left == set(PATHS) - gone
    claimed = {
        one
        for number, one in enumerate(PATHS)
        if claims.paths("dev", Claim(type="dashboards", id=str(number)))
    }
    assert claimed == left
    assert objects.forget("prod", "/a") != []
