"""A project over the fake workspace, with a bundle written as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_workspace import ROOT, MakeProject, fake_workspace

from brickyard.bundle import BundleFiles, CurrentUser, Facts, Resolved
from brickyard.deploy.connect import Address
from brickyard.deploy.embedded import Embedded
from brickyard.deploy.project import Project
from brickyard.values import value_of


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """`make_project({"jobs": {…}}, clone="a", dies_at=3)`: folders named alike are one clone."""

    def make(resources: dict[str, Any], *, clone: str = "a", **options: Any) -> Project:
        root = tmp_path / clone
        root.mkdir(exist_ok=True)
        tree = {
            "bundle": {"name": "demo", "target": "dev"},
            "workspace": {
                "root_path": ROOT,
                "state_path": f"{ROOT}/state",
                "file_path": f"{ROOT}/files",
                "artifact_path": f"{ROOT}/artifacts",
            },
            "resources": resources,
        }
        resolved = Resolved(
            name="demo",
            target="dev",
            mode="development",
            root=".",
            root_file="databricks.yml",
            environment="dev",
            host="https://fake",
            tree=value_of(tree),
            diagnostics=(),
            resources=(),
        )
        return Project(
            root=root,
            sources=BundleFiles({}),
            resolved=resolved,
            facts=Facts(user=CurrentUser(user_name="jane@x")),
            address=Address(host="https://fake", attributes={}),
            repository=None,
            environment={},
            embedded=Embedded(home=tmp_path / "home"),
            client=fake_workspace(tmp_path, **options),
            target="dev",
        )

    return make
