"""Checks of what stands beside the resources: engine, paths, who may manage it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.values import Diagnostic, Value, error, recommendation, warning

FOLDERS: Final = ("root_path", "file_path", "state_path", "resource_path")
LINKED: Final = "presets.source_linked_deployment"
PRINCIPALS: Final = ("user_name", "service_principal_name")
ENGINE_VARIABLE: Final = "DATABRICKS_BUNDLE_ENGINE"


def check_shared_root(draft: Draft) -> Draft:
    """A root that everybody may write. Reads: `workspace.root_path`, `permissions`."""
    return draft.noting(*_shared(draft))


def check_deployer(draft: Draft) -> Draft:
    """Whether who deploys is among those who may. Reads: `permissions`, user."""
    return draft.noting(*_deployer(draft))


def check_engine(draft: Draft) -> Draft:
    """There is one engine here. Reads: `bundle.engine`."""
    engine = draft.tree.get("bundle.engine")
    if engine is None or engine.text in {"", "direct"}:
        return draft
    if engine.text != "terraform":
        return draft.noting(
            error(
                "bundle/engine",
                f'invalid value "{engine.text}" for bundle.engine (expected "terraform" or'
                ' "direct")',
                "Remove `bundle.engine`, or write `direct`.",
                path="bundle.engine",
                at=engine.locations[:1],
            )
        )
    return draft.noting(
        warning(
            "bundle/engine",
            "the terraform deployment engine is deprecated and will stop working in a future"
            " version of the CLI",
            "Only the direct engine is known here, and it is used: remove `bundle.engine`.",
            path="bundle.engine",
            at=engine.locations[:1],
            is_explained=True,
        )
    )


def check_chosen_engine(draft: Draft) -> Draft:
    """A word that names no engine, where the bundle names none itself. Reads: the environment."""
    chosen = draft.facts.environment.get(ENGINE_VARIABLE, "")
    if chosen in {"", "direct", "terraform"} or draft.text("bundle.engine"):
        return draft
    return draft.noting(
        error(
            "bundle/chosen-engine",
            f'unexpected setting for {ENGINE_VARIABLE}="{chosen}"'
            " (expected 'terraform' or 'direct')",
            f"Unset {ENGINE_VARIABLE}: there is one engine here.",
        )
    )


def link_sources(draft: Draft) -> Draft:
    """Files are always uploaded here. Reads and writes: `presets.source_linked_deployment`."""
    linked = draft.tree.get(LINKED)
    if linked is None or linked.data is not True:
        return draft
    return draft.having(
        draft.tree.put(LINKED, linked.with_data(False)),
        [
            warning(
                "bundle/source-linked",
                "source-linked deployment is available only in the Databricks Workspace",
                "The files are uploaded. Remove `presets.source_linked_deployment`.",
                path=f"targets.{draft.target}.{LINKED}",
                at=linked.locations,
            )
        ],
    )


def check_volumes(draft: Draft) -> Draft:
    """Only artifacts may live in a volume. Reads: `workspace.*_path`."""
    found: list[Diagnostic] = []
    for name in FOLDERS:
        path = draft.tree.get(("workspace", name))
        if path is None or not path.text.startswith("/Volumes/"):
            continue
        found.append(
            error(
                "bundle/volume-path",
                f"workspace.{name} {path.text} starts with /Volumes. /Volumes can only be used with"
                " workspace.artifact_path.",
                "Only `artifact_path` can. Choose a folder below /Workspace.",
                path=f"workspace.{name}",
                at=path.locations,
                is_explained=True,
            )
        )
        if name == "root_path":
            break  # the others lie below it
    return draft.noting(*found)


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
        is_explained=True,
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
    name = draft.facts.user.user_name
    kind = "service_principal_name" if draft.facts.user.is_service_principal else "user_name"
    yield recommendation(
        "bundle/deployer-permission",
        f"""permissions section should explicitly include the current deployment identity '{name}' \
or one of its groups
If it is not included, CAN_MANAGE permissions are only applied if the present identity is used to \
deploy.

Consider using a adding a top-level permissions section such as the following:

  permissions:
    - {kind}: {name}
      level: CAN_MANAGE

See https://docs.databricks.com/dev-tools/bundles/permissions.html to learn more about permission \
configuration.""",
        path="permissions",
        at=draft.tree.items["permissions"].locations,
    )


def _permissions(draft: Draft) -> tuple[Value, ...]:
    given = draft.tree.get("permissions")
    return given.elements if given is not None else ()
