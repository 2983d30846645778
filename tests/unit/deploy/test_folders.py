"""The bundle's permissions on its folders: applied by a deploy, compared by `validate`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fake_workspace import ROOT, MakeProject
from test_deploy import deployed, world

from brickyard.deploy import Project
from brickyard.deploy.folders import check_folders
from brickyard.values import value_of

MINE = {"level": "CAN_MANAGE", "user_name": "jane@x"}


def with_settings(project: Project, **settings: Any) -> Project:
    changes = {tuple(name.split("__")): value_of(value) for name, value in settings.items()}
    tree = project.resolved.tree.put_all(changes)
    return replace(project, resolved=replace(project.resolved, tree=tree))


def set_acl(project: Project, *entries: dict[str, str]) -> None:
    """Somebody shares the folder by other means."""
    path = "/api/2.0/permissions/directories/1"
    project.workspace.call("PUT", path, body={"access_control_list": list(entries)})


def test_folders_outside_the_root_get_the_permissions_too(make_project: MakeProject) -> None:
    project = with_settings(
        make_project({}),
        permissions=[MINE, {"level": "CAN_VIEW", "group_name": "users"}],
        workspace__artifact_path="/Workspace/elsewhere",
        workspace__state_path="/Workspace/Shared/state",
    )
    (project.root / "main.py").write_text("print(1)")
    project.files.write("/Workspace/elsewhere/x", b"")
    deployed(project)
    puts = [c for c in project.workspace.calls if c.startswith("PUT")]  # type: ignore[attr-defined]
    assert puts == ["PUT /api/2.0/permissions/directories/1"] * 2
    assert world(project)["acls"]["directories/1"] == [
        {"permission_level": "CAN_MANAGE", "user_name": "jane@x"},
        {"permission_level": "CAN_READ", "group_name": "users"},
    ]
    assert check_folders(project) == ()


def test_whoever_the_bundle_does_not_name_is_a_warning(make_project: MakeProject) -> None:
    project = with_settings(make_project({}), permissions=[MINE])
    assert check_folders(project) == ()  # nothing there to compare with
    deployed(project)
    set_acl(
        project,
        {"user_name": "jane@x", "permission_level": "CAN_MANAGE"},
        {"group_name": "admins", "permission_level": "CAN_MANAGE"},
        {"group_name": "devs", "permission_level": "CAN_READ"},
    )
    (found,) = check_folders(project)
    assert found.summary == "workspace folder has permissions not configured in bundle"
    assert f'"{ROOT}"' in found.detail
    assert "- level: CAN_VIEW, group_name: devs\n" in found.detail
    assert "admins" not in found.detail
    higher = with_settings(project, permissions=[MINE, {"level": "CAN_RUN", "group_name": "devs"}])
    assert check_folders(higher) == ()


def test_without_permissions_or_a_workspace_nothing_is_compared(make_project: MakeProject) -> None:
    assert check_folders(make_project({})) == ()
    offline = replace(with_settings(make_project({}), permissions=[MINE]), client=None)
    assert check_folders(offline) == ()
