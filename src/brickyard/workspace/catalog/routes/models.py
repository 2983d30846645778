"""Registered models and their versions, as `models` of Unity Catalog shows them.

RegisteredModelsAPI and ModelVersionsAPI of the SDK, and MLflow's client with
`MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY`, which makes versions here too and tags in `tags.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from brickyard.workspace.catalog.metastore import ID
from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.catalog.versions import ModelVersion
from brickyard.workspace.kernel import Call, Json, Reply, Route, invalid, now_ms

BASE = "/api/2.1/unity-catalog/models"
MODEL = BASE + "/{full_name}"
ALIAS = MODEL + "/aliases/{alias}"
VERSION = MODEL + "/versions/{version}"
CREDENTIALS = "/api/2.1/unity-catalog/temporary-model-version-credentials"
LIFETIME_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateModel:
    catalog_name: str
    schema_name: str
    name: str
    comment: str | None = None
    storage_location: str | None = None
    tags: list[Tag] = field(default_factory=list)
    deployment_job_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateModel:
    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None
    deployment_job_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlias:
    version_num: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateVersion:
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    dependencies: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVersion:
    catalog_name: str
    schema_name: str
    model_name: str
    source: str | None = None
    run_id: str | None = None
    comment: str | None = None
    tags: list[Tag] = field(default_factory=list)
    model_version_dependencies: Dependencies | None = None
    model_id: str | None = None
    run_tracking_server_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    catalog_name: str
    schema_name: str
    model_name: str
    version: int
    operation: Literal["READ_MODEL_VERSION", "READ_WRITE_MODEL_VERSION"] = "READ_MODEL_VERSION"


def create(call: Call) -> Json:
    want = call.read(CreateModel)
    if want.storage_location:
        raise invalid("storage_location is not supported: the metastore places model files itself")
    made = call.engines.catalog.models.create(
        call.principal,
        call.workspace,
        f"{want.catalog_name}.{want.schema_name}.{want.name}",
        comment=want.comment,
        tags={tag.key: tag.value for tag in want.tags},
        deployment_job_id=want.deployment_job_id,
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
        deployment_job_id=want.deployment_job_id,
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


def create_version(call: Call) -> Json:
    want = call.read(CreateVersion)
    catalog, origin = call.engines.catalog, want.run_tracking_server_id or ""
    needs = want.model_version_dependencies
    made = catalog.versions.create(
        call.principal,
        call.workspace,
        f"{want.catalog_name}.{want.schema_name}.{want.model_name}",
        source=want.source,
        run_id=want.run_id,
        run_workspace_id=int(origin) if origin.isdigit() else None,
        logged_model_id=want.model_id,
        comment=want.comment,
        tags={tag.key: tag.value for tag in want.tags},
        dependencies=needs.dependencies if needs is not None else (),
    )
    catalog.record_access(
        call.principal, call.workspace, made.full_name, "write", "models", kind="model"
    )
    return show_version(made)


def finalize_version(call: Call) -> Json:
    done = call.engines.catalog.versions.finalize(
        call.principal, call.workspace, call.path["full_name"], call.path["version"]
    )
    return show_version(done)


def credentials(call: Call) -> Json:
    """No cloud credentials: files go through presigned addresses of the Files API."""
    want = call.read(Credentials)
    call.engines.catalog.versions.artifacts(
        call.principal,
        call.workspace,
        f"{want.catalog_name}.{want.schema_name}.{want.model_name}",
        want.version,
        write=want.operation == "READ_WRITE_MODEL_VERSION",
    )
    return {"storage_mode": "DEFAULT_STORAGE", "expiration_time": now_ms() + LIFETIME_MS}


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
    job = found.details.get("deployment_job_id")
    return {
        **shown.inside_schema(found),
        **({"aliases": pointing} if pointing else {}),
        **_tags(found.details.get("tags") or {}),
        **({"deployment_job_id": job} if job else {}),
        "storage_location": call.engines.catalog.metastore.path(found).as_uri(),
    }


def show_version(one: ModelVersion) -> dict[str, Any]:
    catalog, schema, name = one.full_name.split(".")
    needs = one.dependencies
    return _tags(one.tags) | shown.present(
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
            "model_id": one.logged_model_id,
            "model_version_dependencies": {"dependencies": needs} if needs else None,
            "storage_location": one.path.as_uri(),
            "aliases": [_alias(one.full_name, alias, one.version) for alias in one.aliases] or None,
            "metastore_id": ID,
            "created_at": one.created_at,
            "created_by": one.created_by,
            "updated_at": one.updated_at,
            "updated_by": one.updated_by,
        }
    )


def _tags(tags: Mapping[str, str]) -> dict[str, Sequence[Mapping[str, str]]]:
    listed = [{"key": key, "value": value} for key, value in tags.items()]
    return {"tags": listed} if listed else {}


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
    Route("POST", BASE + "/versions", create_version),
    Route("PATCH", VERSION + "/finalize", finalize_version),
    Route("POST", CREDENTIALS, credentials),
    Route("GET", MODEL + "/versions", versions),
    Route("GET", VERSION, fetch_version),
    Route("PATCH", VERSION, update_version),
    Route("DELETE", VERSION, drop_version),
)
