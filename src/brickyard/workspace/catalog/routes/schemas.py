"""Unity Catalog schemas, as catalog.SchemasAPI of the SDK calls them.

Names are lower-cased on create, as the real catalog does. Not emulated: predictive optimisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Json, Route, invalid

BASE = "/api/2.1/unity-catalog/schemas"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSchema:
    catalog_name: str
    name: str
    comment: str | None = None
    properties: dict[str, str] | None = None
    storage_root: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSchema:
    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None
    properties: dict[str, str] | None = None


def create(call: Call) -> Json:
    want = call.read(CreateSchema)
    if want.storage_root:
        raise invalid("storage_root is not supported: the metastore places managed data itself")
    made = call.engines.catalog.schemas.create(
        call.principal,
        call.workspace,
        want.catalog_name,
        want.name,
        comment=want.comment,
        properties=want.properties,
    )
    return show(made)


def fetch(call: Call) -> Json:
    schemas = call.engines.catalog.schemas
    return show(schemas.get(call.principal, call.workspace, call.path["full_name"]))


def browse(call: Call) -> Json:
    found = call.engines.catalog.schemas.visible(
        call.principal, call.workspace, call.query("catalog_name")
    )
    return call.page("schemas", found, show)


def update(call: Call) -> Json:
    want = call.read(UpdateSchema)
    changed = call.engines.catalog.schemas.change(
        call.principal,
        call.workspace,
        call.path["full_name"],
        new_name=want.new_name,
        owner=want.owner,
        comment=want.comment,
        properties=want.properties,
    )
    return show(changed)


def drop(call: Call) -> Json:
    call.engines.catalog.schemas.drop(
        call.principal, call.workspace, call.path["full_name"], force=call.flag("force")
    )
    return {}


def show(found: Securable) -> dict[str, Any]:
    properties = {"properties": found.details.get("properties")}
    return {
        **shown.securable(found),
        **shown.present(properties),
        "catalog_name": found.catalog_name,
        "catalog_type": "MANAGED_CATALOG",
        "schema_id": found.id,
    }


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", BASE + "/{full_name}", fetch),
    Route("PATCH", BASE + "/{full_name}", update),
    Route("DELETE", BASE + "/{full_name}", drop),
)
