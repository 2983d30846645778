"""Notification destinations: who alerts and jobs would tell. Kept, without their secrets.

Follows settings.NotificationDestinationsAPI of the SDK. Nothing is sent from here, so what would
let somebody send (addresses of webhooks, tokens, keys) is not kept; answers only say that it was
given, as those of the real service do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import (
    Document,
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
)

if TYPE_CHECKING:
    from brickyard.workspace.permissions.engine import PermissionsEngine

TABLE: Final = document_table("alerts_destinations")
TYPES: Final = {
    "email": "EMAIL",
    "generic_webhook": "WEBHOOK",
    "microsoft_teams": "MICROSOFT_TEAMS",
    "pagerduty": "PAGERDUTY",
    "slack": "SLACK",
}
# What each kind is told with; all of it but addresses of email is secret.
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("addresses",),
    "generic_webhook": ("password", "url", "username"),
    "microsoft_teams": ("app_id", "auth_secret", "channel_url", "tenant_id", "url"),
    "pagerduty": ("integration_key",),
    "slack": ("channel_id", "oauth_token", "url"),
}
OPEN: Final = "addresses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    id: str
    name: str
    type: str
    config: Mapping[str, Any]  # as it is answered


class Destinations:
    """Administrators make them; everybody may name them."""

    def __init__(self, store: Store, permissions: PermissionsEngine) -> None:
        self._documents = Documents(store, TABLE, "Notification destination")
        self._permissions = permissions

    def create(
        self, principal: Principal, workspace: WorkspaceInfo, name: Any, config: Any
    ) -> Destination:
        self._permissions.require_admin(principal, "create notification destinations")
        body = _checked(config)
        made = self._documents.add(workspace.name, _name(name), body, creator=principal.user_name)
        return _destination(made)

    def get(self, workspace: WorkspaceInfo, id: str) -> Destination:
        return _destination(self._documents.get(workspace.name, id))

    def all(self, workspace: WorkspaceInfo) -> list[Destination]:
        return [_destination(one) for one in self._documents.all(workspace.name)]

    def update(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, name: Any, config: Any
    ) -> Destination:
        """Another name, or another configuration; what is not given stays."""
        self._permissions.require_admin(principal, "change notification destinations")
        body = _checked(config) if config else None
        changed = self._documents.change(
            workspace.name,
            id,
            lambda one: body if body is not None else one.body,
            name=_name(name) if name else "",
        )
        return _destination(changed)

    def drop(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        self._permissions.require_admin(principal, "delete notification destinations")
        self._documents.remove(workspace.name, id)


def _name(given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise invalid("display_name is required")
    return given


def _checked(config: Any) -> dict[str, Any]:
    """What is kept of a configuration. Raises INVALID_PARAMETER_VALUE."""
    given = config if isinstance(config, dict) else {}
    kinds = [kind for kind in TYPES if isinstance(given.get(kind), dict)]
    if len(kinds) != 1:
        raise invalid(f"config names exactly one of {', '.join(TYPES)}")
    (kind,) = kinds
    said = {name: given[kind][name] for name in FIELDS[kind] if given[kind].get(name)}
    if not said:
        raise invalid(f"config.{kind} says nothing: give {' or '.join(FIELDS[kind])}")
    kept = {
        (name if name == OPEN else f"{name}_set"): (value if name == OPEN else True)
        for name, value in said.items()
    }
    return {"kind": kind, "config": {kind: kept}}


def _destination(one: Document) -> Destination:
    return Destination(
        id=one.id, name=one.name, type=TYPES[one.body["kind"]], config=one.body["config"]
    )
