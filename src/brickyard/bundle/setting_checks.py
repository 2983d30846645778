"""Checks of what stands beside the resources: engine, paths, who may manage it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.values import Diagnostic, Value, error, recommendation, warning

FOLDERS: Final = ("root_path", "file_path", "resource_path", "state_path")
PRINCIPALS: Final = ("user_name", "service_principal_name")


def check_settings(draft: Draft) -> Draft:
    """Runs every check. Reads: everything but `resources`."""
    return draft.noting(*_engine(draft), *_volumes(draft), *_shared(draft), *_deployer(draft))


def _engine(draft: Draft) -> Iterator[Diagnostic]:
    engine = draft.tree.get("bundle.engine")
    if engine is not None and engine.text not in {"", "direct"}:
        yield warning(
            "bundle/engine",
            "only the direct engine is known",
            f"`{engine.text}` is ignored. Remove `bundle.engine`, or write `direct`.",
            path="bundle.engine",
            at=engine.locations,
        )
    linked = draft.tree.get("presets.source_linked_deployment")
    if linked is not None and linked.data is True:
        yield warning(
            "bundle/source-linked",
            "source-linked deployment is available only in the Databricks Workspace",
            "The files are uploaded. Remove `presets.source_linked_deployment`.",
            path="presets.source_linked_deployment",
            at=linked.locations,
        )


def _volumes(draft: Draft) -> Iterator[Diagnostic]:
    for name in FOLDERS:
        path = draft.tree.get(("workspace", name))
        if path is not None and path.text.startswith("/Volumes/"):
            yield error(
                "bundle/volume-path",
                f"workspace.{name} {path.text} starts with /Volumes. /Volumes can only be used with"
                " workspace.artifact_path.",
                "Only `artifact_path` can. Choose a folder below /Workspace.",
                path=f"workspace.{name}",
                at=path.locations,
            )


def _shared(draft: Draft) -> Iterator[Diagnostic]:
    root = draft.tree.get("workspace.root_path")
    if root is None or not root.text.startswith("/Workspace/Shared/"):
        return
    for entry in _permissions(draft):
        group, level = entry.child("group_name"), entry.child("level")
        if group is not None and group.data == "users" and level and level.data == "CAN_MANAGE":
            return
    yield warning(
        "bundle/shared-root",
        f"the bundle root path {root.text} is writable by all workspace users",
        f"{root.text} is shared by all users. Say so with `permissions: [{{group_name: users,"
        " level: CAN_MANAGE}]`, or choose a folder of your own.",
        path="workspace.root_path",
        at=root.locations,
    )


def _deployer(draft: Draft) -> Iterator[Diagnostic]:
    """EPERM5 of the official CLI."""
    entries = _permissions(draft)
    if not entries:
        return
    names = {draft.facts.user.user_name, *draft.facts.user.groups}
    for entry in entries:
        level = entry.child("level")
        if level is None or level.data != "CAN_MANAGE":
            continue
        for name in (*PRINCIPALS, "group_name"):
            held = entry.child(name)
            if held is not None and held.text in names:
                return
    yield recommendation(
        "bundle/deployer-permission",
        "permissions section should explicitly include the current deployment identity"
        f" '{draft.facts.user.user_name}' or one of its groups",
        f"Add {draft.facts.user.user_name} with level CAN_MANAGE to `permissions`, so that the next"
        " deployment by them or by others works.",
        path="permissions",
        at=draft.tree.items["permissions"].locations,
    )


def _permissions(draft: Draft) -> tuple[Value, ...]:
    given = draft.tree.get("permissions")
    return given.elements if given is not None else ()
