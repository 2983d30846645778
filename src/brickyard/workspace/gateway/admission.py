"""Who may ask which endpoint, and what holds for it: remembered until the database changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import md5
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.gateway.journal import fields_of
from brickyard.workspace.gateway.upstreams import Upstream
from brickyard.workspace.kernel import Principal, Store, WorkspaceInfo
from brickyard.workspace.serving.ai_gateway import Rules, rules
from brickyard.workspace.serving.config import Entity
from brickyard.workspace.serving.records import Endpoint

if TYPE_CHECKING:
    from brickyard.workspace.serving.engine import ServingEngine

REMEMBERED: Final = 4096
Key = tuple[str, str, str, Principal]
Resolve = Callable[[Endpoint, Entity, WorkspaceInfo], Upstream | None]


@dataclass(frozen=True, slots=True)
class Served:
    """A served entity, as usage and payload tables know it."""

    entity: Entity
    id: str
    about: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Admitted:
    """An endpoint that somebody may ask. Upstreams are resolved when first asked."""

    principal: Principal
    workspace: WorkspaceInfo
    endpoint: Endpoint
    rules: Rules
    served: dict[str, Served]
    upstreams: dict[str, Upstream | None] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)  # by served entity, for its records

    def tell(self, entity: str) -> str:
        """What the record of each request to a served entity says of it, and of who asked."""
        served = self.served.get(entity)
        return fields_of(
            {
                "workspace": self.workspace.name,
                "workspace_id": self.workspace.id,
                "endpoint": self.endpoint.name,
                "entity": entity,
                "entity_id": served.id if served else "",
                "requester": self.principal.user_name,
                "tracked": self.rules.tracks_usage,
            }
        )


class Admission:
    """Belongs to the event loop."""

    def __init__(self, store: Store, serving: ServingEngine, resolve: Resolve) -> None:
        self._store = store
        self._serving = serving
        self._resolve = resolve
        self._age = -1
        self._known: dict[Key, Admitted] = {}

    def forget(self) -> None:
        self._known.clear()

    async def admit(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, level: str
    ) -> Admitted:
        """Raises RESOURCE_DOES_NOT_EXIST and PERMISSION_DENIED."""
        age = self._store.age
        if age != self._age or len(self._known) >= REMEMBERED:
            self._known.clear()
            self._age = age
        key = (workspace.name, name, level, principal)
        found = self._known.get(key)
        if found is None:
            found = await asyncio.to_thread(self._look, principal, workspace, name, level)
            if age == self._age:
                self._known[key] = found
        return found

    async def upstream(
        self, admitted: Admitted, entity: Entity, workspace: WorkspaceInfo
    ) -> Upstream | None:
        """What is behind a served entity; None: the offline model. Raises ApiError."""
        if entity.name not in admitted.upstreams:
            admitted.upstreams[entity.name] = await asyncio.to_thread(
                self._resolve, admitted.endpoint, entity, workspace
            )
        return admitted.upstreams[entity.name]

    def _look(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, level: str
    ) -> Admitted:
        endpoint = self._serving.find(principal, workspace, name, level)
        config = endpoint.active
        return Admitted(
            principal=principal,
            workspace=workspace,
            endpoint=endpoint,
            rules=rules(
                endpoint.name,
                endpoint.settings,
                config.auto_capture if config else None,
                tracked=endpoint.is_provided,
            ),
            served={
                one.name: _served(endpoint, one, workspace)
                for one in (config.entities if config else ())
            },
        )


def _served(endpoint: Endpoint, entity: Entity, workspace: WorkspaceInfo) -> Served:
    parts = (endpoint.id, entity.name, entity.entity_name, entity.entity_version)
    id = md5("/".join(parts).encode(), usedforsecurity=False).hexdigest()
    config = endpoint.active
    about = {
        "served_entity_id": id,
        "workspace_id": str(workspace.id),
        "created_by": entity.creator,
        "endpoint_name": endpoint.name,
        "endpoint_id": endpoint.id,
        "served_entity_name": entity.name,
        "entity_type": _kind(entity),
        "entity_name": _name(entity),
        "entity_version": entity.entity_version or None,
        "endpoint_config_version": config.version if config else 1,
        "task": entity.task or None,
        "provider": (entity.external_model or {}).get("provider"),
        "compute_type": entity.workload_type if entity.is_local else None,
        "change_ms": entity.creation_timestamp or endpoint.created_ms,
        **entity.provisioned,
    }
    return Served(entity=entity, id=id, about=about)


def _kind(entity: Entity) -> str:
    if entity.external_model is not None:
        return "EXTERNAL_MODEL"
    return "CUSTOM_MODEL" if entity.is_local else "FOUNDATION_MODEL"


def _name(entity: Entity) -> str:
    model = entity.external_model or entity.foundation_model or {}
    return str(entity.entity_name or model.get("name") or entity.name)
