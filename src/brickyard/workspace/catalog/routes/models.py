"""Registered models and their versions, as `models` of Unity Catalog shows them.

RegisteredModelsAPI and ModelVersionsAPI of the SDK. New versions come through MLflow's registry
routes: this API has no way to create one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.catalog.metastore import ID
from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.catalog.versions import ModelVersion
from brickyard.workspace.kernel import Call, Json, Reply, Route, invalid

BASE = "/api/2.1/unity-catalog/models"
MODEL = BASE + "/{full_name}"
ALIAS = MODEL + "/aliases/{alias}"
VERSION = MODEL + "/versions/{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateModel:
    catalog_name: str
    schema_name: str
    name: str
    comment: str | None = None
    storage_location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateModel:
    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlias:
    version_num: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateVersion:
    comment: str = ""


def create(call: Call) -> Json:
    want = call.read(CreateModel)
    if want.storage_location:
        raise invalid("storage_location is not supported: the metastore places model files itself")
    made = call.engines.catalog.models.create(
        call.principal,
        call.workspace,
        f"{want.catalog_name}.{want.schema_name}.{want.name}",
        comment=want.comment,
    )
    return show(call, made)


def fetch(call: Call) -> Json:
    models = call.engines.catalog.models
    found = models.get(call.principal, call.workspace, call.path["full_name"])
    return show(call, found, models.aliases(found) if call.flag("include_aliases") else {})


def browse(call: Call) -> Json:
    """Models of a schema, or of the whole metastore when neither catalog nor schema is given."""
    models = call.engines.catalog.models
    catalog, schema = call.query("catalog_name"), call.query("schema_name")
    if bool(catalog) != bool(schema):
        raise invalid("Give both catalog_name and schema_name, or neither")
    if catalog:
        found = models.visible(call.principal, call.workspace, f"{catalog}.{schema}")
    else:
        found = models.everywhere(call.principal, call.workspace)
    return call.page("registered_models", found, lambda one: show(call, one))


def update(call: Call) -> Json:
    want = call.read(UpdateModel)
    changed = call.engines.catalog.models.change(
        call.principal,
        call.workspace,
        call.path["full_name"],
        new_name=want.new_name,
        owner=want.owner,
        comment=want.comment,
    )
    return show(call, changed)


def drop(call: Call) -> Json:
    call.engines.catalog.models.drop(call.principal, call.workspace, call.path["full_name"])
    return {}


def set_alias(call: Call) -> Json:
    version = call.read(SetAlias).version_num
    full_name, alias = call.path["full_name"], call.path["alias"]
    catalog = call.engines.catalog
    catalog.versions.set_alias(call.principal, call.workspace, full_name, alias, version)
    found = catalog.models.get(call.principal, call.workspace, full_name)
    return _alias(found.full_name, alias, version)


def drop_alias(call: Call) -> Json:
    call.engines.catalog.versions.set_alias(
        call.principal, call.workspace, call.path["full_name"], call.path["alias"], None
    )
    return {}


def fetch_by_alias(call: Call) -> Json:
    return _version(call, f"@{call.path['alias']}")


def versions(call: Call) -> Json:
    found = call.engines.catalog.versions.visible(
        call.principal, call.workspace, call.path["full_name"]
    )
    return call.page("model_versions", found, show_version)


def fetch_version(call: Call) -> Json:
    return _version(call, call.path["version"])


def update_version(call: Call) -> Json:
    changed = call.engines.catalog.versions.change(
        call.principal,
        call.workspace,
        call.path["full_name"],
        call.path["version"],
        comment=call.read(UpdateVersion).comment,
    )
    return show_version(changed)


def drop_version(call: Call) -> Json | Reply:
    call.engines.catalog.versions.drop(
        call.principal, call.workspace, call.path["full_name"], call.path["version"]
    )
    return {}


def show(call: Call, found: Securable, aliases: Mapping[str, int] | None = None) -> dict[str, Any]:
    pointing = [_alias(found.full_name, name, at) for name, at in (aliases or {}).items()]
    return {
        **shown.inside_schema(found),
        **({"aliases": pointing} if pointing else {}),
        "storage_location": call.engines.catalog.metastore.path(found).as_uri(),
    }


def show_version(one: ModelVersion) -> dict[str, Any]:
    catalog, schema, name = one.full_name.split(".")
    return shown.present(
        {
            "id": one.id,
            "model_name": name,
            "catalog_name": catalog,
            "schema_name": schema,
            "version": one.version,
            "status": one.status,
            "comment": one.comment,
            "source": one.source,
            "run_id": one.run_id,
            "run_workspace_id": one.run_workspace_id,
            "storage_location": one.path.as_uri(),
            "aliases": [_alias(one.full_name, alias, one.version) for alias in one.aliases] or None,
            "metastore_id": ID,
            "created_at": one.created_at,
            "created_by": one.created_by,
            "updated_at": one.updated_at,
            "updated_by": one.updated_by,
        }
    )


def _version(call: Call, version: str) -> Json:
    found = call.engines.catalog.versions.get(
        call.principal, call.workspace, call.path["full_name"], version
    )
    return show_version(found)


def _alias(full_name: str, alias: str, version: int) -> dict[str, Any]:
    catalog, schema, name = full_name.split(".")
    return {
        "alias_name": alias,
        "version_num": version,
        "model_name": name,
        "catalog_name": catalog,
        "schema_name": schema,
    }


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", MODEL, fetch),
    Route("PATCH", MODEL, update),
    Route("DELETE", MODEL, drop),
    Route("PUT", ALIAS, set_alias),
    Route("GET", ALIAS, fetch_by_alias),
    Route("DELETE", ALIAS, drop_alias),
    Route("GET", MODEL + "/versions", versions),
    Route("GET", VERSION, fetch_version),
    Route("PATCH", VERSION, update_version),
    Route("DELETE", VERSION, drop_version),
)
