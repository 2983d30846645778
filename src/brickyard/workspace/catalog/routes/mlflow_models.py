"""Registered models as MLflow's Unity Catalog registry client calls them (`databricks-uc`).

The same state as `models` of Unity Catalog, in MLflow's words: names are full names, tags and
aliases belong to the model. Follows the protobuf messages of MLflow's client. Unset fields are left
out: the client takes an empty string for a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.catalog.routes.mlflow_versions import show_version
from brickyard.workspace.catalog.routes.shown import present
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Json, Route

BASE = "/api/2.0/mlflow/unity-catalog/registered-models"
FILES_API = BASE + ":is-databricks-sdk-models-artifact-repository-enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateModel:
    name: str
    description: str | None = None
    tags: list[Tag] = field(default_factory=list)
    deployment_job_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateModel:
    name: str
    new_name: str | None = None
    description: str | None = None
    deployment_job_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlias:
    name: str
    alias: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropAlias:
    name: str
    alias: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTag:
    name: str
    key: str
    value: str = ""


def create(call: Call) -> Json:
    want = call.read(CreateModel)
    made = call.engines.catalog.models.create(
        call.principal,
        call.workspace,
        want.name,
        comment=want.description,
        tags={tag.key: tag.value for tag in want.tags},
        deployment_job_id=want.deployment_job_id,
    )
    return {"registered_model": show(made, {})}


def fetch(call: Call) -> Json:
    models = call.engines.catalog.models
    found = models.get(call.principal, call.workspace, call.query("name"))
    return {"registered_model": show(found, models.aliases(found))}


def search(call: Call) -> Json:
    models = call.engines.catalog.models
    found = models.everywhere(call.principal, call.workspace)
    return call.page(
        "registered_models",
        found,
        lambda one: show(one, models.aliases(one)),
        default_size=100,
    )


def update(call: Call) -> Json:
    want = call.read(UpdateModel)
    models = call.engines.catalog.models
    changed = models.change(
        call.principal,
        call.workspace,
        want.name,
        new_name=want.new_name,
        comment=want.description,
        deployment_job_id=want.deployment_job_id,
    )
    return {"registered_model": show(changed, models.aliases(changed))}


def drop(call: Call) -> Json:
    call.engines.catalog.models.drop(call.principal, call.workspace, call.read(Named).name)
    return {}


def set_alias(call: Call) -> Json:
    want = call.read(SetAlias)
    call.engines.catalog.versions.set_alias(
        call.principal, call.workspace, want.name, want.alias, want.version
    )
    return {}


def drop_alias(call: Call) -> Json:
    want = call.read(DropAlias)
    call.engines.catalog.versions.set_alias(
        call.principal, call.workspace, want.name, want.alias, None
    )
    return {}


def fetch_by_alias(call: Call) -> Json:
    found = call.engines.catalog.versions.get(
        call.principal, call.workspace, call.query("name"), f"@{call.query('alias')}"
    )
    return {"model_version": show_version(found)}


def set_tag(call: Call) -> Json:
    want = call.read(SetTag)
    call.engines.catalog.models.set_tag(
        call.principal, call.workspace, want.name, want.key, want.value
    )
    return {}


def drop_tag(call: Call) -> Json:
    want = call.read(SetTag)
    call.engines.catalog.models.set_tag(call.principal, call.workspace, want.name, want.key, None)
    return {}


def takes_files_api(call: Call) -> Json:
    """Makes clients move model files through the Files API, not through cloud credentials."""
    return {"is_databricks_sdk_models_artifact_repository_enabled": True}


def show(found: Securable, aliases: Mapping[str, int]) -> dict[str, Any]:
    tags = found.details.get("tags") or {}
    return present(
        {
            "name": found.full_name,
            "creation_timestamp": found.created_at,
            "last_updated_timestamp": found.updated_at,
            "user_id": found.owner,
            "description": found.comment,
            "deployment_job_id": found.details.get("deployment_job_id"),
            "aliases": [{"alias": name, "version": str(at)} for name, at in aliases.items()],
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
    )


ROUTES = (
    Route("POST", BASE + "/create", create),
    Route("GET", BASE + "/get", fetch),
    Route("GET", BASE + "/search", search),
    Route("PATCH", BASE + "/update", update),
    Route("DELETE", BASE + "/delete", drop),
    Route("POST", BASE + "/alias", set_alias),
    Route("GET", BASE + "/alias", fetch_by_alias),
    Route("DELETE", BASE + "/alias", drop_alias),
    Route("POST", BASE + "/set-tag", set_tag),
    Route("DELETE", BASE + "/delete-tag", drop_tag),
    Route("GET", FILES_API, takes_files_api),
)
