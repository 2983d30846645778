"""Every type whose ids the service makes up is found again by its own list, or said not to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from brickyard.deploy.calls import Caller
from brickyard.deploy.http import ApiFailure
from brickyard.deploy.references import Unresolved
from brickyard.deploy.state import Entry, State
from brickyard.deploy.unrecorded import Ambiguous, can_be_found, find_made
from brickyard.resources import TYPES

MARK = "/Workspace/state/metadata.json"
# type -> configuration, item of the list, answer of the read
LISTED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "alerts": (
        {"display_name": "a", "parent_path": "/Workspace/x"},
        {"id": "1", "display_name": "a"},
        {"id": "1", "display_name": "a", "parent_path": "/x/"},
    ),
    "clusters": (
        {"cluster_name": "a"},
        {"cluster_id": "1", "cluster_name": "a"},
        {"cluster_id": "1", "cluster_name": "a", "creator_user_name": "jane@x"},
    ),
    "dashboards": (
        {"display_name": "a", "parent_path": "/Workspace/x"},
        {"dashboard_id": "1", "display_name": "a"},
        {"dashboard_id": "1", "display_name": "a", "parent_path": "/x"},
    ),
    "genie_spaces": (
        {"title": "a", "parent_path": "/Workspace/x"},
        {"space_id": "1", "title": "a"},
        {"space_id": "1", "title": "a"},
    ),
    "instance_pools": (
        {"instance_pool_name": "a"},
        {"instance_pool_id": "1", "instance_pool_name": "a"},
        {"instance_pool_id": "1", "instance_pool_name": "a"},
    ),
    "jobs": (
        {"name": "a", "deployment": {"metadata_file_path": MARK}},
        {"job_id": 1, "settings": {"name": "a"}},
        {"job_id": 1, "settings": {"name": "a", "deployment": {"metadata_file_path": MARK}}},
    ),
    "pipelines": (
        {"name": "a", "deployment": {"metadata_file_path": MARK}},
        {"pipeline_id": "1", "name": "a"},
        {"pipeline_id": "1", "spec": {"deployment": {"metadata_file_path": MARK}}},
    ),
    "sql_warehouses": (
        {"name": "a"},
        {"id": "1", "name": "a"},
        {"id": "1", "name": "a", "creator_name": "jane@x"},
    ),
}


class Listing:
    """A workspace in which lists have these items, and whatever is read is this."""

    def __init__(self, kind: str, *items: dict[str, Any], read: dict[str, Any]) -> None:
        lookup = TYPES[kind].lookup
        assert lookup is not None
        self.kind, self.lookup, self.items, self.answer = kind, lookup, items, read
        self.lists = 0

    def pages(self, path: str, items: str, query: Any = None) -> Iterator[dict[str, Any]]:
        assert (path, items) == (self.lookup.path, self.lookup.items)
        self.lists += 1
        yield from self.items

    def get(self, path: str, query: Any = None) -> dict[str, Any]:
        if path.endswith("/published"):
            raise ApiFailure(status=404, code="NOT_FOUND", message="", method="", path="")
        return dict(self.answer)


def found(kind: str, workspace: Listing, desired: Any = None, recorded: Any = ()) -> str | None:
    caller = Caller(workspace=workspace)  # type: ignore[arg-type]
    entries = {f"resources.{kind}.r{id}": Entry(id=id, state={}) for id in recorded}
    state = State(lineage="l", serial=1, entries=entries)
    return find_made(caller, TYPES[kind], desired or LISTED[kind][0], "jane@x", state)


def test_the_types_that_cannot_be_looked_for() -> None:
    assert {key for key, kind in TYPES.items() if not can_be_found(kind)} == {"job_runs"}
    assert set(LISTED) == {key for key, kind in TYPES.items() if kind.lookup is not None}


@pytest.mark.parametrize("kind", LISTED)
def test_a_lost_object_is_found_in_the_list(kind: str) -> None:
    _, item, read = LISTED[kind]
    other = {name: "other" if value == "a" else value for name, value in item.items()}
    if kind == "jobs":
        other = {"job_id": 2, "settings": {"name": "other"}}
    assert found(kind, Listing(kind, other, item, read=read)) == "1"
    assert found(kind, Listing(kind, other, read=read)) is None
    assert found(kind, Listing(kind, item, read=read), recorded={"1"}) is None


def test_what_somebody_else_or_another_deployment_made_is_left_alone() -> None:
    for kind, maker in (("clusters", "creator_user_name"), ("sql_warehouses", "creator_name")):
        _, item, read = LISTED[kind]
        assert found(kind, Listing(kind, item, read={**read, maker: "bob@x"})) is None
    for spec in ({"deployment": {"metadata_file_path": "/other"}}, {}):
        _, item, _ = LISTED["pipelines"]
        theirs = Listing("pipelines", item, read={"pipeline_id": "1", "spec": spec})
        assert found("pipelines", theirs) is None
    _, item, read = LISTED["dashboards"]
    elsewhere = Listing("dashboards", item, read={**read, "parent_path": "/y"})
    assert found("dashboards", elsewhere) is None


def test_of_several_none_is_taken() -> None:
    _, item, read = LISTED["clusters"]
    two = Listing("clusters", item, {**item, "cluster_id": "2"}, read=read)
    with pytest.raises(Ambiguous, match=r"Clusters 1, 2: bind the right one"):
        found("clusters", two)


def test_a_name_that_is_not_known_yet_is_not_looked_for() -> None:
    _, item, read = LISTED["clusters"]
    name = "${resources.jobs.a.id}"
    with pytest.raises(Unresolved):
        found("clusters", Listing("clusters", item, read=read), {"cluster_name": name})
