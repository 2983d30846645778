"""Owners of objects, as those whose rights count when others use the object.

An owner is a user, a service principal or a group. What a view or a SQL function reads is judged by
its owner's rights, and read under a name that has them: for a group, that of a member.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from brickyard.workspace.identity import directory
from brickyard.workspace.identity.records import Kind
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine


def rights_of(identity: IdentityEngine, owner: str, workspace: WorkspaceInfo) -> Principal | None:
    """Whose rights those of an owner are; None when there is no such principal any more."""
    if identity.is_user(owner) or identity.is_service_principal(owner):
        try:
            return identity.principal(owner, workspace.name)
        except ApiError:  # of the account, but not of this workspace
            return identity.principal(owner)
    if identity.is_group(owner):
        return Principal(
            id=0, user_name=owner, display_name=owner, groups=frozenset({owner}), is_admin=False
        )
    return None


def who_acts_for(
    identity: IdentityEngine, owner: str, workspaces: Iterable[WorkspaceInfo]
) -> tuple[Principal, WorkspaceInfo] | None:
    """An active identity with the owner's rights, in the first of the workspaces that has one."""
    for workspace in workspaces:
        for id in _candidates(identity, owner, workspace):
            try:
                return identity.member(id, workspace.name), workspace
            except ApiError:
                continue
    return None


def _candidates(identity: IdentityEngine, owner: str, workspace: WorkspaceInfo) -> list[int]:
    with identity.look() as tx:
        person = directory.person_named(tx, owner)
        if person is not None:
            return [person.id]
        people = [one for kind in Kind for one in directory.people_of(tx, workspace.name, kind)]
        return [
            one.id for one in people if owner in directory.group_names(tx, one.id, workspace.name)
        ]
