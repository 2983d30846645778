"""Instance pools as they are kept: settings that no machine stands behind.

body: the settings of the request with the service's defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.compute.ids import pool_id
from brickyard.workspace.compute.owned import Owned
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
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND: Final = "instance-pools"
CREATE: Final = "allow-instance-pool-create"
ATTACH, MANAGE = "CAN_ATTACH_TO", "CAN_MANAGE"
TABLE: Final = document_table("compute_pools")
IDLE_MINUTES: Final = 60
LONGEST_NAME: Final = 100
# What an edit replaces; the rest of a pool is fixed.
EDITABLE: Final = (
    "custom_tags",
    "idle_instance_autotermination_minutes",
    "instance_pool_name",
    "max_capacity",
    "min_idle_instances",
    "node_type_flexibility",
    "remote_disk_throughput",
    "total_initial_remote_disk_size",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What create and edit take."""

    instance_pool_name: str
    node_type_id: str = ""
    aws_attributes: dict[str, Any] | None = None
    azure_attributes: dict[str, Any] | None = None
    custom_tags: dict[str, str] | None = None
    disk_spec: dict[str, Any] | None = None
    enable_elastic_disk: bool | None = None
    gcp_attributes: dict[str, Any] | None = None
    idle_instance_autotermination_minutes: int | None = None
    max_capacity: int | None = None
    min_idle_instances: int | None = None
    node_type_flexibility: dict[str, Any] | None = None
    preloaded_docker_images: Sequence[dict[str, Any]] | None = None
    preloaded_spark_versions: Sequence[str] | None = None
    remote_disk_throughput: int | None = None
    total_initial_remote_disk_size: int | None = None


FIELDS: Final = tuple(one.name for one in fields(Shape))


class Pools:
    def __init__(
        self, store: Store, identity: IdentityEngine, permissions: PermissionsEngine
    ) -> None:
        kept = Documents(store, TABLE, "Instance pool", taken=invalid)
        self._identity = identity
        self._kept = Owned(kept, permissions, KIND)

    def create(
        self, principal: Principal, workspace: WorkspaceInfo, given: Mapping[str, Any]
    ) -> Document:
        """A new pool. Raises INVALID_PARAMETER_VALUE, for a name in use too, and
        PERMISSION_DENIED but for administrators and who is entitled to."""
        self._identity.require_entitlement(principal, workspace, CREATE)
        body = _checked(given)
        name = str(body["instance_pool_name"])
        return self._kept.add(principal, workspace, name, body, id=pool_id(), unique_name=True)

    def get(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str = ATTACH
    ) -> Document:
        return self._kept.get(principal, workspace, id, level)

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Document]:
        return self._kept.visible(principal, workspace)

    def edit(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, given: Mapping[str, Any]
    ) -> None:
        """Replace what can be; what the request leaves out goes back to the service's default."""
        self.get(principal, workspace, id, MANAGE)
        wanted = _checked(given)
        name = str(wanted["instance_pool_name"])
        self._kept.require_free(workspace, id, name, invalid)

        def replaced(now: Document) -> Mapping[str, Any]:
            if wanted["node_type_id"] != now.body["node_type_id"]:
                raise invalid(
                    f"The node type of an instance pool cannot be changed: {id} has"
                    f" {now.body['node_type_id']}"
                )
            fixed = {field: item for field, item in now.body.items() if field not in EDITABLE}
            return {**fixed, **{field: wanted[field] for field in EDITABLE if field in wanted}}

        self._kept.change(workspace, id, replaced, name=name)

    def delete(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """Remove a pool; clusters that name it keep doing so, as on Databricks."""
        self.get(principal, workspace, id, MANAGE)
        self._kept.remove(workspace, id)


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    want = decode(dict(given), Shape)
    if not 1 <= len(want.instance_pool_name) <= LONGEST_NAME:
        raise invalid(f"instance_pool_name must have 1 to {LONGEST_NAME} characters")
    if not want.node_type_id:
        raise invalid("Missing required field: node_type_id")
    for name in ("min_idle_instances", "max_capacity", "idle_instance_autotermination_minutes"):
        if int(given.get(name) or 0) < 0:
            raise invalid(f"{name} must not be negative")
    if want.max_capacity and (want.min_idle_instances or 0) > want.max_capacity:
        raise invalid("min_idle_instances must not be above max_capacity")
    kept = {name: given[name] for name in FIELDS if given.get(name) is not None}
    kept.setdefault("idle_instance_autotermination_minutes", IDLE_MINUTES)
    kept.setdefault("enable_elastic_disk", False)
    return kept
