"""Dashboards edited in the workspace stop a deploy; what is there is shown with its address."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_workspace import MakeProject
from test_deploy import deployed, world

from brickyard.deploy import Project, make_plan
from brickyard.deploy.binding import bind, unbind
from brickyard.deploy.edited import check_edited, stop_if_edited
from brickyard.deploy.plan import Action
from brickyard.deploy.project import BrokenBundle
from brickyard.deploy.state import Entry, State
from brickyard.deploy.summary import summarise, summary_tree
from brickyard.values import Severity

SALES = {"display_name": "sales", "warehouse_id": "w", "serialized_dashboard": "{}"}
BUNDLE = {
    "dashboards": {"sales": SALES},
    "schemas": {"s": {"catalog_name": "dev", "name": "s"}},
}
SPACE = {"genie_spaces": {"g": {"title": "ask", "warehouse_id": "w", "serialized_space": "{}"}}}


def edit(project: Project) -> str:
    """Somebody changes the dashboard in the workspace; its id."""
    (id,) = world(project)["dashboards"]
    project.workspace.call(
        "PATCH", f"/api/2.0/lakeview/dashboards/{id}", body={"serialized_dashboard": "{1}"}
    )
    return str(id)


def test_a_dashboard_edited_in_the_workspace_stops_a_deploy(make_project: MakeProject) -> None:
    project = make_project(BUNDLE)
    deployed(project)
    assert check_edited(project, make_plan(project), force=False) == ()
    edit(project)
    made = make_plan(project)
    (found,) = check_edited(project, made, force=False)
    assert found.severity is Severity.WARNING
    assert found.summary == 'dashboard "sales" has been modified remotely'
    with pytest.raises(BrokenBundle) as stopped:
        stop_if_edited(project, made, force=False)
    assert stopped.value.diagnostics[0].severity is Severity.ERROR
    assert stop_if_edited(project, made, force=True) == ()
    deployed(project)
    assert make_plan(project).is_empty


def test_a_genie_space_edited_in_the_workspace_is_a_warning(make_project: MakeProject) -> None:
    from brickyard.deploy.plan import Change, Node, Plan

    change = Change(action=Action.UPDATE, reason="custom", old="1", remote="2")
    node = Node(address="resources.genie_spaces.g", action=Action.UPDATE, changes={"etag": change})
    made = Plan(nodes={node.address: node})
    (found,) = stop_if_edited(make_project(SPACE), made, force=False)
    assert found.summary == 'genie space "g" has been modified remotely'
    assert found.severity is Severity.WARNING


def test_a_bound_dashboard_has_its_etag(make_project: MakeProject) -> None:
    project = make_project(BUNDLE)
    deployed(project)
    (id,) = world(project)["dashboards"]
    unbind(project, "resources.dashboards.sales", say=print)
    assert bind(project, "resources.dashboards.sales", id, agrees=lambda _: True, say=print)
    assert make_plan(project).is_empty


def test_a_summary_shows_etags_and_addresses(make_project: MakeProject) -> None:
    project = make_project(BUNDLE)
    deployed(project)
    (id,) = world(project)["dashboards"]
    state = project.store.pull().state
    shown: Any = summary_tree(project, state)["resources"]
    assert shown["dashboards"]["sales"]["etag"] == "1"
    assert shown["dashboards"]["sales"]["url"] == (f"https://fake/dashboardsv3/{id}/published?w=42")
    assert shown["schemas"]["s"]["url"] == "https://fake/explore/data/dev/s?w=42"
    json.dumps(shown)


def test_a_page_that_is_found_by_name_is_shown_before_the_deploy(
    make_project: MakeProject,
) -> None:
    endpoint = {"name": "search", "endpoint_type": "STANDARD"}
    project = make_project({**BUNDLE, "vector_search_endpoints": {"e": endpoint}})
    shown: Any = summary_tree(project, State())["resources"]
    assert shown["vector_search_endpoints"]["e"]["url"].endswith("/vector-search/search?w=42")
    assert "url" not in shown["schemas"]["s"]
    assert all(item.url == "" for item in summarise(project, State()))


def test_addresses_are_made_of_recorded_fields(make_project: MakeProject) -> None:
    project = make_project({})
    entries = {
        "resources.job_runs.r": Entry(id="9", state={"job_id": 7}),
        "resources.models.m": Entry(id="model m", state={}),
        "resources.postgres_catalogs.c": Entry(id="catalogs/x", state={"catalog_id": "pg"}),
        "resources.sql_warehouses.w": Entry(id="5", state={"name": "wh"}),
    }
    found = {item.type: item for item in summarise(project, State(entries=entries))}
    assert found["job_runs"].url == "https://fake/jobs/7/runs/9?w=42"
    assert found["models"].url == "https://fake/ml/models/model%20m?w=42"
    assert found["postgres_catalogs"].url == "https://fake/explore/data/pg?w=42"
    assert [item.title for item in found.values()] == [
        "Job Runs",
        "Models",
        "Postgres catalogs",
        "SQL Warehouses",
    ]
