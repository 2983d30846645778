"""Model versions as MLflow's Unity Catalog registry client calls them (`databricks-uc`).

create -> PENDING_REGISTRATION; the files go through the Files API under `/Models/…`; finalize ->
READY. Temporary credentials answer `DEFAULT_STORAGE`: presigned addresses of the same Files API.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from brickyard.workspace.catalog.routes.shown import present
from brickyard.workspace.catalog.versions import ModelVersion
from brickyard.workspace.kernel import Call, Json, Route, now_ms

BASE = "/api/2.0/mlflow/unity-catalog/model-versions"
LIFETIME_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVersion:
    name: str
    source: str | None = None
    run_id: str | None = None
    description: str | None = None
    run_tracking_server_id: str | None = None
    tags: list[Tag] = field(default_factory=list)
    model_version_dependencies: list[dict[str, Any]] = field(default_factory=list)
    model_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionOf:
    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateVersion:
    name: str
    version: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTag:
    name: str
    version: str
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    name: str
    version: str
    operation: Literal["MODEL_VERSION_OPERATION_READ", "MODEL_VERSION_OPERATION_READ_WRITE"] = (
        "MODEL_VERSION_OPERATION_READ"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitLineage:
    name: str
    version: str
    model_version_lineage_info: dict[str, Any] = field(default_factory=dict)


def create(call: Call) -> Json:
    want = call.read(CreateVersion)
    catalog = call.engines.catalog
    origin = want.run_tracking_server_id or ""
    made = catalog.versions.create(
        call.principal,
        call.workspace,
        want.name,
        source=want.source,
        run_id=want.run_id,
        run_workspace_id=int(origin) if origin.isdigit() else None,
        logged_model_id=want.model_id,
        comment=want.description,
        tags={tag.key: tag.value for tag in want.tags},
        dependencies=want.model_version_dependencies,
    )
    catalog.record_access(
        call.principal, call.workspace, made.full_name, "write", "models", kind="model"
    )
    return {"model_version": show_version(made)}


def finalize(call: Call) -> Json:
    want = call.read(VersionOf)
    done = call.engines.catalog.versions.finalize(
        call.principal, call.workspace, want.name, want.version
    )
    return {"model_version": show_version(done)}


def fetch(call: Call) -> Json:
    found = call.engines.catalog.versions.get(
        call.principal, call.workspace, call.query("name"), call.query("version")
    )
    return {"model_version": show_version(found)}


def search(call: Call) -> Json:
    versions = call.engines.catalog.versions
    found = versions.search(call.principal, call.workspace, call.query("filter"))
    return call.page("model_versions", found, show_version, default_size=10_000)


def update(call: Call) -> Json:
    want = call.read(UpdateVersion)
    changed = call.engines.catalog.versions.change(
        call.principal, call.workspace, want.name, want.version, comment=want.description
    )
    return {"model_version": show_version(changed)}


def drop(call: Call) -> Json:
    want = call.read(VersionOf)
    call.engines.catalog.versions.drop(call.principal, call.workspace, want.name, want.version)
    return {}


def set_tag(call: Call) -> Json:
    want = call.read(SetTag)
    call.engines.catalog.versions.set_tag(
        call.principal, call.workspace, want.name, want.version, want.key, want.value
    )
    return {}


def drop_tag(call: Call) -> Json:
    want = call.read(SetTag)
    call.engines.catalog.versions.set_tag(
        call.principal, call.workspace, want.name, want.version, want.key, None
    )
    return {}


def download_uri(call: Call) -> Json:
    found = call.engines.catalog.versions.get(
        call.principal, call.workspace, call.query("name"), call.query("version")
    )
    return {"artifact_uri": f"dbfs:{found.uri}"}


def credentials(call: Call) -> Json:
    want = call.read(Credentials)
    call.engines.catalog.versions.artifacts(
        call.principal,
        call.workspace,
        want.name,
        want.version,
        write=want.operation.endswith("READ_WRITE"),
    )
    answer = {"storage_mode": "DEFAULT_STORAGE", "expiration_time": now_ms() + LIFETIME_MS}
    return {"credentials": answer}


def emit_lineage(call: Call) -> Json:
    want = call.read(EmitLineage)
    call.engines.catalog.versions.add_lineage(
        call.principal,
        call.workspace,
        want.name,
        want.version,
        want.model_version_lineage_info,
    )
    return {}


def show_version(one: ModelVersion) -> dict[str, Any]:
    return present(
        {
            "name": one.full_name,
            "version": str(one.version),
            "creation_timestamp": one.created_at,
            "last_updated_timestamp": one.updated_at,
            "user_id": one.created_by,
            "description": one.comment,
            "source": one.source,
            "run_id": one.run_id,
            "run_tracking_server_id": str(one.run_workspace_id) if one.run_workspace_id else None,
            "status": one.status,
            "storage_location": f"dbfs:{one.uri}",
            "model_id": one.logged_model_id,
            "aliases": [{"alias": name, "version": str(one.version)} for name in one.aliases],
            "tags": [{"key": key, "value": value} for key, value in one.tags.items()],
        }
    )


ROUTES = (
    Route("POST", BASE + "/create", create),
    Route("POST", BASE + "/finalize", finalize),
    Route("GET", BASE + "/get", fetch),
    Route("GET", BASE + "/search", search),
    Route("PATCH", BASE + "/update", update),
    Route("DELETE", BASE + "/delete", drop),
    Route("POST", BASE + "/set-tag", set_tag),
    Route("DELETE", BASE + "/delete-tag", drop_tag),
    Route("GET", BASE + "/get-download-uri", download_uri),
    Route("POST", BASE + "/generate-temporary-credentials", credentials),
    Route("POST", BASE + "/emit-lineage", emit_lineage),
)
