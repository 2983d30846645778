"""Whose identity something runs with, when its settings say `run_as`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.kernel import Principal, WorkspaceInfo, denied, invalid

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine


def run_as_of(settings: Mapping[str, Any], owner: str) -> str:
    """The user name of that identity: the owner's when nothing is said."""
    given = settings.get("run_as") or {}
    return str(given.get("user_name") or given.get("service_principal_name") or owner)


def require_run_as(
    identity: IdentityEngine,
    principal: Principal,
    workspace: WorkspaceInfo,
    settings: Mapping[str, Any],
    what: str,
) -> None:
    """Only oneself, unless an admin says otherwise; and the identity must exist.

    `what` is the kind of object, as messages name it.
    """
    given = settings.get("run_as")
    if not given:
        return
    names = [n for n in (given.get("user_name"), given.get("service_principal_name")) if n]
    if len(names) != 1:
        raise invalid("run_as needs exactly one of user_name and service_principal_name")
    if names[0] != principal.user_name and not principal.is_admin:
        raise denied(
            f"User {principal.user_name} may not set run_as to {names[0]}: only a workspace "
            f"admin can let a {what} run as someone else"
        )
    identity.principal(names[0], workspace.name)
