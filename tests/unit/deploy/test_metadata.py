"""`metadata.json`, member for member as the official CLI writes it."""

from __future__ import annotations

from dataclasses import replace

from fake_workspace import ROOT, MakeProject

from brickyard.bundle import GitFacts
from brickyard.deploy.metadata import metadata
from brickyard.deploy.state import Entry, State
from brickyard.values import value_of

DASHBOARD = {"display_name": "sales", "warehouse_id": "w", "file_path": "src/sales.lvdash.json"}
RESOURCES = {
    "jobs": {"nightly": {"name": "nightly"}},
    "dashboards": {"sales": DASHBOARD, "inline": {"display_name": "x"}},
    "schemas": {"s": {"catalog_name": "dev", "name": "s"}},
}
GIT = GitFacts(branch="main", commit="c0ffee", worktree="/Workspace/Users/jane@x/repo")


def test_it_names_declared_jobs_pipelines_and_dashboards(make_project: MakeProject) -> None:
    entries = {
        "resources.jobs.nightly": Entry(id="7", state={}),
        "resources.jobs.gone": Entry(id="8", state={}),
        "resources.dashboards.sales": Entry(id="d1", state={}),
    }
    made = metadata(make_project(RESOURCES), State(entries=entries))
    assert made == {
        "version": 1,
        "config": {
            "bundle": {"name": "demo", "target": "dev", "mode": "development", "git": {}},
            "workspace": {"file_path": f"{ROOT}/files"},
            "resources": {
                "jobs": {"nightly": {"id": "7", "relative_path": ""}},
                "dashboards": {
                    "inline": {"relative_path": "", "file_path": ""},
                    "sales": {
                        "id": "d1",
                        "relative_path": "",
                        "file_path": "src/sales.lvdash.json",
                    },
                },
            },
            "presets": {"source_linked_deployment": False},
        },
        "extra": {},
    }


def test_a_bundle_in_a_git_folder_of_the_workspace_names_it(make_project: MakeProject) -> None:
    project = make_project({})
    changes = {
        ("bundle", "git"): value_of({"branch": "main", "actual_branch": "main"}),
        ("presets",): value_of({"source_linked_deployment": True}),
    }
    project = replace(
        project,
        facts=replace(project.facts, git=GIT),
        resolved=replace(project.resolved, tree=project.resolved.tree.put_all(changes)),
    )
    made = metadata(project, State())
    assert made["extra"] == {"git_folder_path": "/Workspace/Users/jane@x/repo"}
    assert made["config"]["bundle"]["git"] == {"branch": "main"}
    assert made["config"]["workspace"]["file_path"] == str(project.root)
    assert made["config"]["presets"]["source_linked_deployment"] is True
