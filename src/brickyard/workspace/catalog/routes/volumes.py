"""Volumes, as catalog.VolumesAPI of the SDK calls them. Their files are the Files API's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Json, Route

BASE = "/api/2.1/unity-catalog/volumes"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVolume:
    catalog_name: str
    schema_name: str
    name: str
    volume_type: str
    storage_location: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateVolume:
    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None


def create(call: Call) -> Json:
    want = call.read(CreateVolume)
    made = call.engines.catalog.volumes.create(
        call.principal,
        call.workspace,
        f"{want.catalog_name}.{want.schema_name}",
        want.name,
        volume_type=want.volume_type,
        storage_location=want.storage_location,
        comment=want.comment,
    )
    return show(call, made)


def fetch(call: Call) -> Json:
    volumes = call.engines.catalog.volumes
    return show(call, volumes.get(call.principal, call.workspace, call.path["name"]))


def browse(call: Call) -> Json:
    schema = f"{call.query('catalog_name')}.{call.query('schema_name')}"
    found = call.engines.catalog.volumes.visible(call.principal, call.workspace, schema)
    return call.page("volumes", found, lambda one: show(call, one))


def update(call: Call) -> Json:
    want = call.read(UpdateVolume)
    changed = call.engines.catalog.volumes.change(
        call.principal,
        call.workspace,
        call.path["name"],
        new_name=want.new_name,
        owner=want.owner,
        comment=want.comment,
    )
    return show(call, changed)


def drop(call: Call) -> Json:
    call.engines.catalog.volumes.drop(call.principal, call.workspace, call.path["name"])
    return {}


def show(call: Call, found: Securable) -> dict[str, Any]:
    return {
        **shown.inside_schema(found),
        "volume_id": found.id,
        "volume_type": found.details["volume_type"],
        "storage_location": call.engines.catalog.metastore.path(found).as_uri(),
    }


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", BASE + "/{name}", fetch),
    Route("PATCH", BASE + "/{name}", update),
    Route("DELETE", BASE + "/{name}", drop),
)
