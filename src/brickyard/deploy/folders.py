"""The bundle's permissions on the deployment's own folders: applied by `deploy`, checked before.

Folders below another one of the deployment are left to inherit. `/Workspace/Shared` is everybody's
and stays so; volumes have grants instead of permissions. As the official CLI does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from brickyard.deploy.http import ApiFailure, Json
from brickyard.deploy.project import Project
from brickyard.resources import PRINCIPALS, rank_of
from brickyard.values import Diagnostic, warning

NAMES: Final = ("root_path", "artifact_path", "file_path", "state_path", "resource_path")
FOLDER_LEVELS: Final = {"CAN_MANAGE": "CAN_MANAGE", "CAN_RUN": "CAN_RUN", "CAN_VIEW": "CAN_READ"}
BUNDLE_LEVELS: Final = {"CAN_READ": "CAN_VIEW"}
ACL: Final = "/api/2.0/permissions/directories/{}"
FILED: Final = ("alerts", "dashboards")
MANUAL: Final = "https://docs.databricks.com/dev-tools/bundles/permissions"


def share_folders(project: Project) -> None:
    """Make the permissions of the bundle those of its folders."""
    entries = [
        {"permission_level": FOLDER_LEVELS.get(str(one.get("level")), "CAN_READ"), **_who(one)}
        for one in declared_permissions(project)
    ]
    for path in _folders(project) if entries else ():
        folder = project.files.status(path)
        if folder is not None:
            body = {"access_control_list": entries}
            project.workspace.call("PUT", ACL.format(folder["object_id"]), body=body)


def make_resource_folder(project: Project) -> None:
    """Make the folder in which dashboards and alerts lie that name no other."""
    if any(project.resolved.tree.get(f"resources.{kind}") for kind in FILED):
        project.files.make_folder(project.path("resource_path"))


def check_folders(project: Project) -> tuple[Diagnostic, ...]:
    """A warning for each folder that more people may use than the bundle says."""
    declared = declared_permissions(project)
    if not declared or project.client is None:
        return ()
    found = []
    for path in _folders(project):
        held = _permissions(project, path)
        extra = [one for one in held if not _is_declared(one, declared)]
        if extra:
            found.append(_undeclared(path, extra))
    return tuple(found)


def _folders(project: Project) -> Iterator[str]:
    root = project.path("root_path")
    for name in NAMES:
        path = project.path(name)
        is_inside = name != "root_path" and path.startswith(f"{root.rstrip('/')}/")
        if path and not is_inside and not path.startswith(("/Volumes/", "/Workspace/Shared/")):
            yield path


def _permissions(project: Project, path: str) -> list[Json]:
    """Who may do what with the folder, or with the one above it that is there; none if unknown."""
    while (folder := project.files.status(path)) is None:
        path = path.rpartition("/")[0]
        if not path:
            return []
    try:
        got = project.workspace.get(ACL.format(folder["object_id"]))
    except ApiFailure as failure:
        if failure.is_forbidden:
            return []
        raise
    found = []
    for entry in got.get("access_control_list") or ():
        levels = [str(one.get("permission_level")) for one in entry.get("all_permissions") or ()]
        highest = max(
            (BUNDLE_LEVELS.get(level, level) for level in levels), key=rank_of, default=""
        )
        if highest and entry.get("group_name") != "admins":
            found.append({"level": highest, **_who(entry)})
    return found


def _is_declared(held: Json, declared: Iterable[Mapping[str, Any]]) -> bool:
    who = _who(held)
    return any(
        _who(one) == who and rank_of(str(one.get("level"))) >= rank_of(held["level"])
        for one in declared
    )


def _undeclared(path: str, extra: Iterable[Json]) -> Diagnostic:
    lines = "\n".join(
        f"- level: {one['level']}, {name}: {value}"
        for one in extra
        for name, value in _who(one).items()
    )
    detail = (
        f'The following permissions apply to the workspace folder at "{path}" but are not'
        f" configured in the bundle:\n{lines}\n\n"
        "Add them to your bundle permissions or remove them from the folder.\n"
        f"See {MANUAL}"
    )
    return warning(
        "deploy/folder-permissions",
        "workspace folder has permissions not configured in bundle",
        detail,
        is_explained=True,
    )


def declared_permissions(project: Project) -> tuple[Json, ...]:
    """The entries of the top-level `permissions` of the bundle."""
    found = project.resolved.tree.get("permissions")
    plain = found.plain() if found is not None else None
    return tuple(e for e in plain if isinstance(e, dict)) if isinstance(plain, list) else ()


def _who(entry: Mapping[str, Any]) -> Json:
    return {name: entry[name] for name in PRINCIPALS if entry.get(name)}
