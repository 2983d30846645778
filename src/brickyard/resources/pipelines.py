"""Declarative pipelines. `cascade_on_destroy` is the bundle's own: it says how to delete."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import (
    Call,
    Field,
    Json,
    Lookup,
    On,
    Prefix,
    Read,
    ResourceType,
    Tags,
)

BASE: Final = "/api/2.0/pipelines"
ONE: Final = BASE + "/{id}"
FIXED: Final = (
    "storage",
    "ingestion_definition.connection_name",
    "ingestion_definition.ingestion_gateway_id",
    "ingestion_definition.ingest_from_uc_foreign_catalog",
    "gateway_definition.connection_id",
    "gateway_definition.connection_name",
    "gateway_definition.gateway_storage_catalog",
    "gateway_definition.gateway_storage_schema",
)
FILLED_IN: Final = (
    "storage",
    "clusters[*].node_type_id",
    "clusters[*].driver_node_type_id",
    "clusters[*].enable_local_disk_encryption",
    "event_log.catalog",
    "event_log.schema",
)


def spec_of(got: Json) -> Json:
    """The configuration inside an answer of pipelines/get."""
    beside = {name: got[name] for name in ("parameters", "run_as") if got.get(name)}
    spec = {name: item for name, item in (got.get("spec") or {}).items() if name != "id"}
    return spec | beside


def record_of(got: Json) -> Json:
    """The whole pipeline, flat."""
    spec = got.get("spec") or {}
    return {**spec, **{name: item for name, item in got.items() if name not in ("spec", "name")}}


def cascade_is_kept(
    path: str, old: object, new: object, remote: object, record: Json
) -> tuple[str, str] | None:
    """How to delete is only recorded: a change of it is an update that calls nothing."""
    if path != "cascade_on_destroy" or old == new:
        return None
    return "update", "custom"


PIPELINES: Final = ResourceType(
    key="pipelines",
    title="Pipeline",
    service="pipelines",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=ONE, configuration=spec_of, record=record_of),
    update=(
        Call(
            method="PUT",
            path=ONE,
            fields=None,
            unless_only=("cascade_on_destroy",),
        ),
    ),
    delete=Call(method="DELETE", path=ONE, query={"cascade": "{cascade_on_destroy}"}),
    id=lambda sent, got: str(got["pipeline_id"]),
    lookup=Lookup(
        path=BASE,
        items="statuses",
        id="pipeline_id",
        name="name",
        query={"filter": "name LIKE '{pattern}'", "max_results": "100"},
        also=("deployment.metadata_file_path",),
        is_marked=True,
    ),
    fields=(
        *(
            Field(
                "deployment.version_id",
                on,
                "written by the deployment itself",
                reason="managed by the deployment metadata service",
            )
            for on in (On.IGNORE_LOCAL, On.IGNORE_REMOTE)
        ),
        Field("run_as", On.IGNORE_REMOTE, "sent, not returned", reason="input_only"),
        Field("allow_duplicate_names", On.IGNORE_REMOTE, "not returned", reason="input_only"),
        Field("ingestion_definition.source_type", On.OUTPUT_ONLY, "the connection decides it"),
        *(Field(name, On.SERVER_DEFAULT, "the service fills it in") for name in FILLED_IN),
        Field("cascade_on_destroy", On.NOT_READ, "the bundle's own"),
        *(Field(name, On.RECREATE, "fixed at creation") for name in FIXED),
    ),
    decides=cascade_is_kept,
    unsent=("cascade_on_destroy",),
    parents={"catalog": "catalogs.name", "schema": "schemas.name"},
    url="pipelines/{id}",
    prefix=Prefix.PLAIN,
    tags=Tags.MAP,
    loses_data="all streaming tables and materialized views the pipeline made",
    keeps_data=lambda recorded: recorded.get("cascade_on_destroy") is False,
    permissions="/pipelines/",
)
