"""Clusters as they are kept: who may make, see and change which.

body:
- `settings`: what the request said, without the service's defaults
- `state`: RUNNING or TERMINATED
- `started_ms`, `restarted_ms`, `terminated_ms`, `terminated_by`, `is_pinned`, `owner`
- `events`: type, timestamp and details of each, oldest first
- `libraries`: `{library, status}` of each, in the order of asking
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.compute import lifecycle
from brickyard.workspace.compute.ids import cluster_id
from brickyard.workspace.compute.libraries import installed, uninstalled
from brickyard.workspace.compute.owned import Owned
from brickyard.workspace.compute.settings import (
    SIZE,
    check,
    check_size,
    masked,
    read_settings,
)
from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
)

if TYPE_CHECKING:
    from brickyard.workspace.compute.policies import Policies
    from brickyard.workspace.compute.pools import Pools
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND: Final = "clusters"
CREATE: Final = "allow-cluster-create"
ATTACH, RESTART, MANAGE = "CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"
TABLE: Final = document_table("compute_clusters")
Json = Mapping[str, Any]
Edit = Callable[[Json], Json]


class Clusters:
    def __init__(
        self,
        store: Store,
        identity: IdentityEngine,
        permissions: PermissionsEngine,
        pools: Pools,
        policies: Policies,
    ) -> None:
        kept = Documents(store, TABLE, "Cluster", missing=invalid)
        self._kept = Owned(kept, permissions, KIND)
        self._identity = identity
        self._permissions = permissions
        self._pools = pools
        self._policies = policies

    def create(self, principal: Principal, workspace: WorkspaceInfo, given: Json) -> Document:
        """A new cluster, running. Raises INVALID_PARAMETER_VALUE for what cannot be kept, and
        what asking for its policy and pools raises. Without a policy it takes an administrator,
        or somebody entitled to."""
        if not given.get("policy_id"):
            self._identity.require_entitlement(principal, workspace, CREATE)
        settings = self._checked(principal, workspace, given)
        body = lifecycle.created(settings, principal.user_name)
        name = str(settings.get("cluster_name", ""))
        return self._kept.add(principal, workspace, name, body, id=cluster_id())

    def get(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str = ATTACH
    ) -> Document:
        """A cluster, for somebody who has the level on it."""
        return self._kept.get(principal, workspace, id, level)

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Document]:
        return self._kept.visible(principal, workspace)

    def edit(self, principal: Principal, workspace: WorkspaceInfo, id: str, given: Json) -> None:
        """Replace all settings; a running cluster restarts with them."""
        self.get(principal, workspace, id, MANAGE)
        settings = self._checked(principal, workspace, given)
        who = principal.user_name
        self._kept.change(workspace, id, lambda now: lifecycle.edited(now.body, settings, who))

    def update(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        id: str,
        given: Json,
        paths: Iterable[str],
    ) -> None:
        """Set the fields of a mask to what is given, or take them away; the rest stays."""
        seen = self.get(principal, workspace, id, MANAGE).body["settings"]
        settings = self._checked(principal, workspace, masked(seen, given, paths))

        def edit(now: Document) -> Json:
            if now.body["settings"] != seen:
                raise ApiError("RESOURCE_CONFLICT", f"Cluster {id} was changed meanwhile")
            return lifecycle.edited(now.body, settings, principal.user_name)

        self._kept.change(workspace, id, edit)

    def resize(self, principal: Principal, workspace: WorkspaceInfo, id: str, size: Json) -> None:
        """Another number of workers, without a restart. Raises INVALID_STATE unless it runs."""
        check_size(size)
        seen = self.get(principal, workspace, id, MANAGE).body["settings"]
        self._checked(principal, workspace, masked(seen, size, SIZE))
        self._transit(
            principal,
            workspace,
            id,
            MANAGE,
            lambda now: lifecycle.resized(now, size, id, principal.user_name),
        )

    def start(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """Take up a terminated cluster; nothing happens to another."""
        who = principal.user_name
        self._transit(principal, workspace, id, RESTART, lambda now: lifecycle.started(now, who))

    def restart(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """Restart a running cluster; nothing happens to another."""
        who = principal.user_name
        self._transit(principal, workspace, id, RESTART, lambda now: lifecycle.restarted(now, who))

    def terminate(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """Stop a cluster; its settings stay. Nothing happens to one that is stopped."""
        who = principal.user_name
        self._transit(principal, workspace, id, RESTART, lambda now: lifecycle.terminated(now, who))

    def remove(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """Terminate a cluster and forget it."""
        self.get(principal, workspace, id, MANAGE)
        self._kept.remove(workspace, id)

    def pin(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, *, is_pinned: bool
    ) -> None:
        """Raises PERMISSION_DENIED but for administrators."""
        self._permissions.require_admin(principal, "pin clusters")
        who = principal.user_name
        self._transit(
            principal, workspace, id, ATTACH, lambda now: lifecycle.pinned(now, is_pinned, who)
        )

    def change_owner(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, owner: str
    ) -> None:
        """Name another owner, of a terminated cluster. Raises PERMISSION_DENIED but for
        administrators."""
        self._permissions.require_admin(principal, "change a cluster's owner")
        self._transit(principal, workspace, id, ATTACH, lambda now: lifecycle.owned(now, owner, id))
        self._kept.give(workspace, id, owner)

    def install(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, libraries: list[Any]
    ) -> None:
        """Keep that these are wanted."""

        def edit(now: Json) -> Json:
            return {**now, "libraries": installed(now["libraries"], libraries)}

        self._transit(principal, workspace, id, MANAGE, edit)

    def uninstall(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, libraries: list[Any]
    ) -> None:
        """Take libraries away: at once, or of a running cluster with its next restart."""

        def edit(now: Json) -> Json:
            left = uninstalled(now["libraries"], libraries, runs=lifecycle.runs(now))
            return {**now, "libraries": left}

        self._transit(principal, workspace, id, MANAGE, edit)

    def _transit(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str, edit: Edit
    ) -> None:
        """Change the body, for somebody who has the level on the cluster."""
        self.get(principal, workspace, id, level)
        self._kept.change(workspace, id, lambda now: edit(now.body))

    def _checked(
        self, principal: Principal, workspace: WorkspaceInfo, given: Json
    ) -> dict[str, Any]:
        """The settings of a request with what their policy puts in; policy and pools are there,
        and the principal's to use."""
        settings = read_settings(given)
        if settings.get("policy_id"):
            settings = self._policies.applied(principal, workspace, settings)
        check(settings)
        for name in ("instance_pool_id", "driver_instance_pool_id"):
            if settings.get(name):
                self._pools.get(principal, workspace, str(settings[name]))
        return settings
