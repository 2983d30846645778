"""Cluster policies as they are kept: rules as JSON text, for administrators to write.

body: `definition`, and of the request `description`, `libraries`, `max_clusters_per_user`,
`policy_family_id`, `policy_family_definition_overrides`. A cluster is held to the policy that it
names when it is made and changed; `max_clusters_per_user` is kept only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.compute.families import FAMILIES
from brickyard.workspace.compute.ids import policy_id
from brickyard.workspace.compute.owned import Owned
from brickyard.workspace.compute.rules import applied, read_definition
from brickyard.workspace.kernel import (
    Document,
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
)
from brickyard.workspace.kernel.decode import decode

if TYPE_CHECKING:
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND: Final = "cluster-policies"
USE: Final = "CAN_USE"
TABLE: Final = document_table("compute_policies")
LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What create and edit take."""

    name: str
    definition: str | None = None
    description: str | None = None
    libraries: Sequence[dict[str, Any]] | None = None
    max_clusters_per_user: int | None = None
    policy_family_id: str | None = None
    policy_family_definition_overrides: str | None = None


class Policies:
    def __init__(self, store: Store, permissions: PermissionsEngine) -> None:
        kept = Documents(store, TABLE, "Cluster policy", taken=invalid)
        self._permissions = permissions
        self._kept = Owned(kept, permissions, KIND)

    def create(
        self, principal: Principal, workspace: WorkspaceInfo, given: Mapping[str, Any]
    ) -> Document:
        """A new policy. Raises PERMISSION_DENIED but for administrators."""
        self._permissions.require_admin(principal, "write cluster policies")
        body = _checked(given)
        name = str(body.pop("name"))
        return self._kept.add(principal, workspace, name, body, id=policy_id(), unique_name=True)

    def get(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> Document:
        return self._kept.get(principal, workspace, id, USE)

    def applied(
        self, principal: Principal, workspace: WorkspaceInfo, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The settings of a cluster with what their policy puts in; raises for what it refuses."""
        policy = self.get(principal, workspace, str(settings["policy_id"]))
        rules = read_definition("definition", policy.body["definition"])
        with_defaults = bool(settings.get("apply_policy_default_values"))
        return applied(settings, rules, with_defaults=with_defaults)

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Document]:
        return self._kept.visible(principal, workspace)

    def edit(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, given: Mapping[str, Any]
    ) -> None:
        """Replace the whole policy but its id."""
        self.get(principal, workspace, id)
        self._permissions.require_admin(principal, "write cluster policies")
        body = _checked(given)
        name = str(body.pop("name"))
        self._kept.require_free(workspace, id, name, invalid)
        self._kept.change(workspace, id, lambda now: body, name=name)

    def delete(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        self.get(principal, workspace, id)
        self._permissions.require_admin(principal, "write cluster policies")
        self._kept.remove(workspace, id)


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    want = decode(dict(given), Shape)
    if not 1 <= len(want.name) <= LONGEST_NAME:
        raise invalid(f"name must have 1 to {LONGEST_NAME} characters")
    if want.max_clusters_per_user is not None and want.max_clusters_per_user < 1:
        raise invalid("max_clusters_per_user must be positive")
    kept = {
        one.name: given[one.name] for one in fields(Shape) if given.get(one.name) not in (None, "")
    }
    if want.policy_family_id:
        kept["definition"] = _of_family(want)
    elif want.policy_family_definition_overrides:
        raise invalid("policy_family_definition_overrides needs a policy_family_id")
    else:
        read_definition("definition", want.definition or "")
    return kept


def _of_family(want: Shape) -> str:
    """The rules of a family with those that the policy overrides."""
    family = FAMILIES.get(str(want.policy_family_id))
    if family is None:
        raise invalid(
            f"Policy family {want.policy_family_id} does not exist; there are {', '.join(FAMILIES)}"
        )
    if want.definition:
        raise invalid("A policy has a definition or a policy_family_id, not both")
    over = want.policy_family_definition_overrides
    rules = read_definition("policy_family_definition_overrides", over) if over else {}
    return json.dumps({**family.rules, **rules})
