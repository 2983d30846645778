"""Catalogs, as catalog.CatalogsAPI of the SDK calls them.

Not emulated: foreign and shared catalogs, predictive optimisation, encryption settings. A
`storage_root` is refused: there is one place for managed data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Json, Route, invalid

BASE = "/api/2.1/unity-catalog/catalogs"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCatalog:
    name: str
    comment: str | None = None
    properties: dict[str, str] | None = None
    options: dict[str, str] | None = None
    storage_root: str | None = None
    connection_name: str | None = None
    share_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCatalog:
    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None
    properties: dict[str, str] | None = None
    options: dict[str, str] | None = None
    isolation_mode: Literal["OPEN", "ISOLATED"] | None = None


def create(call: Call) -> Json:
    want = call.read(CreateCatalog)
    if want.storage_root:
        raise invalid("storage_root is not supported: the metastore places managed data itself")
    if want.connection_name or want.share_name:
        raise invalid("Foreign and shared catalogs are not supported: create a standard catalog")
    made = call.engines.catalog.catalogs.create(
        call.principal,
        call.workspace,
        want.name,
        comment=want.comment,
        properties=want.properties,
        options=want.options,
    )
    return show(call, made)


def fetch(call: Call) -> Json:
    catalogs = call.engines.catalog.catalogs
    return show(call, catalogs.get(call.principal, call.workspace, call.path["name"]))


def browse(call: Call) -> Json:
    found = call.engines.catalog.catalogs.visible(
        call.principal, call.workspace, unbound=call.flag("include_unbound")
    )
    return call.page("catalogs", found, lambda one: show(call, one))


def update(call: Call) -> Json:
    want = call.read(UpdateCatalog)
    changed = call.engines.catalog.catalogs.change(
        call.principal,
        call.workspace,
        call.path["name"],
        new_name=want.new_name,
        owner=want.owner,
        comment=want.comment,
        properties=want.properties,
        options=want.options,
        isolation_mode=want.isolation_mode,
    )
    return show(call, changed)


def drop(call: Call) -> Json:
    call.engines.catalog.catalogs.drop(
        call.principal, call.workspace, call.path["name"], force=call.flag("force")
    )
    return {}


def show(call: Call, found: Securable) -> dict[str, Any]:
    folder = call.engines.catalog.metastore.path(found)
    details = shown.present(
        {key: found.details.get(key) for key in ("isolation_mode", "properties", "options")}
    )
    return {
        **shown.securable(found),
        **details,
        "catalog_type": "MANAGED_ONLINE_CATALOG"
        if "database" in found.details
        else "MANAGED_CATALOG",
        "securable_type": "CATALOG",
        "storage_location": folder.as_uri(),
    }


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", BASE + "/{name}", fetch),
    Route("PATCH", BASE + "/{name}", update),
    Route("DELETE", BASE + "/{name}", drop),
)
