"""Connections, as ConnectionsAPI of the SDK calls them. Secrets of the options never come back.

Not emulated: federated catalogs; a connection of another type than HTTP is kept only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.catalog.connections import HTTP, url_of
from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Json, Route

BASE = "/api/2.1/unity-catalog/connections"
NOTE = "used by http_request; other types than HTTP are kept only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    name: str
    connection_type: str
    options: Mapping[str, Any]
    comment: str | None = None
    properties: Mapping[str, Any] | None = None
    read_only: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    options: Mapping[str, Any] | None = None
    owner: str | None = None
    new_name: str | None = None


def create(call: Call) -> Json:
    want = call.read(Create)
    made = call.engines.catalog.connections.create(
        call.principal,
        call.workspace,
        want.name,
        want.connection_type,
        want.options,
        comment=want.comment,
        properties=want.properties,
        read_only=want.read_only,
    )
    return show(made)


def browse(call: Call) -> Json:
    found = call.engines.catalog.connections.visible(call.principal, call.workspace)
    return call.page("connections", found, show)


def fetch(call: Call) -> Json:
    connections = call.engines.catalog.connections
    return show(connections.get(call.principal, call.workspace, call.path["name"]))


def update(call: Call) -> Json:
    want = call.read(Update)
    changed = call.engines.catalog.connections.change(
        call.principal,
        call.workspace,
        call.path["name"],
        options=want.options,
        owner=want.owner,
        new_name=want.new_name,
    )
    return show(changed)


def drop(call: Call) -> Json:
    call.engines.catalog.connections.drop(call.principal, call.workspace, call.path["name"])
    return {}


def show(found: Securable) -> dict[str, Any]:
    details = found.details
    url = url_of(details["options"]) if details["connection_type"] == HTTP else ""
    return {
        **shown.securable(found),
        **details,
        "connection_id": found.id,
        "securable_type": "CONNECTION",
        "url": url,
        "provisioning_info": {"state": "ACTIVE"},
    }


ROUTES = (
    Route("POST", BASE, create, note=NOTE),
    Route("GET", BASE, browse),
    Route("GET", BASE + "/{name}", fetch),
    Route("PATCH", BASE + "/{name}", update, note=NOTE),
    Route("DELETE", BASE + "/{name}", drop),
)
