"""Why a deployment's folder may be refused, and whom to ask: what a 403 or 404 there means.

The workspace does not tell a missing right from a missing folder, so the bundle's own permissions
are read: whoever they leave out is told so (EPERM1 of the official CLI); whoever they name needs
somebody else to deploy them first (EPERM3).
"""

from __future__ import annotations

from typing import Final

from brickyard.deploy.folders import declared_permissions
from brickyard.deploy.project import Project

MANUAL: Final = "https://docs.databricks.com/dev-tools/bundles/permissions.html"


class NoFolder(Exception):
    """The deployment's folder could not be written."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(text)
        self.path = path


def no_folder(project: Project, path: str) -> NoFolder:
    """The error for `path`, in the official CLI's words."""
    user = project.user
    who = user.display_name if user.is_service_principal else user.user_name
    is_manager, others = _managers(project)
    ask = "For assistance, contact the owners of this project."
    if others:
        ask = (
            "For assistance, users or groups with appropriate permissions may include:"
            f" {', '.join(sorted(others))}."
        )
    more = f"Please refer to {MANUAL} for more on managing permissions."
    if is_manager:
        return NoFolder(
            path,
            f"unable to deploy to {path} as {who}. Cannot apply local deployment permissions.\n"
            f"{ask}\n"
            f"They can redeploy the project to apply the latest set of permissions.\n{more}",
        )
    return NoFolder(
        path,
        f"unable to deploy to {path} as {who}.\n"
        "Please make sure the current user or one of their groups is listed under the permissions"
        f" of this bundle.\n{ask}\n"
        f"They may need to redeploy the bundle to apply the new permissions.\n{more}",
    )


def _managers(project: Project) -> tuple[bool, set[str]]:
    """Whether the deployer may manage the bundle, and the people who may."""
    user = project.user
    others = {project.text("run_as.user_name")} - {"", user.user_name}
    is_manager = False
    for entry in declared_permissions(project):
        if entry.get("level") != "CAN_MANAGE":
            continue
        mine = user.user_name in (entry.get("user_name"), entry.get("service_principal_name"))
        if mine or entry.get("group_name") in user.groups:
            is_manager = True
        else:
            others.add(str(entry.get("user_name") or entry.get("group_name") or ""))
    return is_manager, others - {""}
