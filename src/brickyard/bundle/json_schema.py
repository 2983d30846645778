"""The JSON schema of `databricks.yml`, for editors: completion, and a first check while typing.

Made from the catalogue of fields that the loader checks against, in the official schema's form:
every type is a definition under its official name (`schema_names`), a `${…}` may stand for any
number or boolean, and a `${var.…}` for one word of several, a whole list or a map; what a service
or the loader fills in is no field to write. Unknown keys are refused everywhere but at the top,
where people keep their anchors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from brickyard.bundle.schema import Schema, schema
from brickyard.bundle.schema_names import LONG, definition_name, note_of
from brickyard.resources import TYPES
from brickyard.resources.declaration import On

Json = dict[str, Any]

NAME: Final = r"(\.\p{L}+([-_]*[\p{L}\p{N}]+)*(\[[0-9]+\])*)+"
WHOLE: Final = ("var",)
ANYWHERE: Final = ("resources", "bundle", "workspace", "artifacts", "var")
BASIC: Final = {"int": "integer", "int64": "integer", "float": "number", "bool": "boolean"}
# Fields the loader knows that nobody writes: found out by us, or obsolete.
NOT_WRITTEN: Final[Mapping[str, frozenset[str]]] = {
    "ArtifactFile": frozenset({"patched", "remote_path"}),
    "Bundle": frozenset({"target", "environment", "mode", "force", "terraform"}),
    "Git": frozenset({"actual_branch", "bundle_root_path", "commit", "inferred"}),
    "Root": frozenset({"definitions"}),  # the top takes any key
    "Variable": frozenset({"value"}),
    "Workspace": frozenset({"azure_resource_id", "current_user", "snapshot_path"}),
    "apps.AppResourceUcSecurable": frozenset({"securable_kind"}),
    "apps.GitSource": frozenset({"git_repository", "resolved_commit"}),
    "catalog.AwsSqsQueue": frozenset({"managed_resource_id"}),
    "catalog.AzureQueueStorage": frozenset({"managed_resource_id"}),
    "catalog.GcpPubsub": frozenset({"managed_resource_id"}),
    "database.DatabaseInstanceRef": frozenset({"effective_lsn", "uid"}),
    "jobs.GitSource": frozenset({"git_snapshot", "job_source"}),
    "ml.UcTraceLocation": frozenset({"effective_table_prefix"}),
    "resources.job_runs": frozenset({"idempotency_token", "resolved_job_id"}),
    "resources.jobs": frozenset({"deployment", "edit_mode", "format"}),
    "resources.pipelines": frozenset({"deployment", "dry_run"}),
    "resources.volumes": frozenset({"volume_path"}),
    "sql.AlertV2Evaluation": frozenset({"last_evaluated_at", "state"}),
}
FROM_SERVICE: Final = frozenset({"id", "url", "modified_status"})
# Where such a name is a field of the request all the same.
TAKEN: Final[Mapping[str, frozenset[str]]] = {
    "resources.dashboards": frozenset(
        {"create_time", "dashboard_id", "lifecycle_state", "path", "update_time"}
    ),
    "resources.external_locations": frozenset({"url"}),
    "resources.genie_spaces": frozenset({"etag"}),
    "resources.pipelines": frozenset({"id"}),
    "resources.sql_warehouses": frozenset({"creator_name"}),
}
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "Bundle": ("name",),
    "Script": ("content",),
    "ArtifactFile": ("source",),
    "resources.external_locations": ("url",),
}
# What a request of one API needs and a bundle may leave out: defaults, a policy, another field.
OPTIONAL: Final[Mapping[str, frozenset[str]]] = {
    "resources.clusters": frozenset({"spark_version"}),
    "resources.genie_spaces": frozenset({"warehouse_id"}),
    "resources.volumes": frozenset({"volume_type"}),
}
# Types that the loader reads as plain words, where the schema has a name or says more.
NAMED: Final[Mapping[tuple[str, str], str]] = {
    ("Bundle", "engine"): "EngineType",
    ("Experimental", "scripts"): "{Command}",
    ("Target", "mode"): "Mode",
    ("Target", "variables"): "{TargetVariable}",
    ("Variable", "type"): "VariableType",
    ("postgres.ProjectDefaultEndpointSettings", "suspend_timeout_duration"): "Duration",
    ("resources.postgres_branches", "expire_time"): "Time",
    ("resources.postgres_branches", "source_branch_time"): "Time",
    ("resources.postgres_branches", "ttl"): "Duration",
    ("resources.postgres_endpoints", "suspend_timeout_duration"): "Duration",
    ("resources.postgres_projects", "history_retention_duration"): "Duration",
    ("resources.secrets", "expire_time"): "Time",
}
WORDS: Final = frozenset(
    {"string", "ArtifactType", "Command", "Duration", "Executable", "Mode", "Time", "VariableType"}
)
ENGINES: Final = ("direct", "terraform")


def json_schema() -> Json:
    """The schema of the whole file; every type is a definition of its own."""
    known = schema()
    fields = dict(_written("Root", known.structures["Root"]))
    return {
        "$defs": _definitions(fields, known),
        "type": "object",
        "properties": _properties("Root", fields),
        "additionalProperties": {},
    }


def _definitions(top: Mapping[str, str], known: Schema) -> Json:
    """Every type in reach of the top, in folders as the parts of its name say."""
    found: dict[str, Json] = {}
    waiting = [_kind("Root", field, kind) for field, kind in top.items()]
    while waiting:
        kind = waiting.pop()
        name = _name(kind)
        if name in found:
            continue
        found[name], below = _definition(kind, known)
        waiting += below
    folders: Json = {}
    for name in sorted(found):
        *parents, last = name.split("/")
        folder = folders
        for parent in parents:
            folder = folder.setdefault(parent, {})
        folder[last] = found[name]
    return folders


def _definition(kind: str, known: Schema) -> tuple[Json, list[str]]:
    """The schema of one type, and the types that it refers to."""
    if kind.startswith("["):
        item = kind[1:-1]
        return _or_reference({"type": "array", "items": _reference(item)}, WHOLE), [item]
    if kind.startswith("{"):
        held = kind[1:-1]
        shape: Json = {"type": "object", "additionalProperties": _reference(held)}
        return _or_reference(shape, WHOLE), [held]
    if kind in WORDS:
        return {"type": "string"}, []
    if kind in BASIC:
        return _or_reference({"type": BASIC[kind]}, ANYWHERE), []
    if kind == "EngineType":
        return _or_reference({"type": "string", "enum": list(ENGINES)}, WHOLE), []
    if kind in known.enumerations:
        words = list(known.enumerations[kind])
        return _or_reference({"type": "string", "enum": words}, WHOLE), []
    name = "Variable" if kind == "TargetVariable" else kind
    return _structure(kind, known.structures[name], known) if name in known.structures else ({}, [])


def _structure(name: str, fields: Mapping[str, str], known: Schema) -> tuple[Json, list[str]]:
    written = dict(_written("Variable" if name == "TargetVariable" else name, fields))
    needed = {*known.required.get(name, ()), *REQUIRED.get(name, ())}
    required = sorted((needed - OPTIONAL.get(name, frozenset())) & written.keys())
    shape: Json = {
        "type": "object",
        "properties": _properties(name, written),
        "additionalProperties": False,
    }
    below = [_kind(name, field, kind) for field, kind in written.items()]
    if not written:
        del shape["properties"]
    if name == "Variable":
        return shape, below
    if name == "TargetVariable":  # any value may be written in place of the map
        return {"anyOf": [shape, {}]}, below
    return _or_reference(shape | ({"required": required} if required else {}), WHOLE), below


def _written(name: str, fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The fields that a person writes."""
    left_out = NOT_WRITTEN.get(name, frozenset())
    kind = TYPES.get(name.removeprefix("resources."))
    if kind is not None and name.startswith("resources."):
        given = {field.path for field in kind.fields if field.on is On.OUTPUT_ONLY}
        left_out = left_out | FROM_SERVICE | given
    left_out = left_out - TAKEN.get(name, frozenset())
    return ((field, kind) for field, kind in fields.items() if field not in left_out)


def _properties(structure: str, fields: Mapping[str, str]) -> Json:
    return {
        field: _reference(_kind(structure, field, kind)) | note_of(structure, field)
        for field, kind in sorted(fields.items())
    }


def _kind(structure: str, field: str, kind: str) -> str:
    """What a field holds, as definitions are named."""
    structure = "Variable" if structure == "TargetVariable" else structure
    if field in LONG.get(structure, frozenset()):
        return "int64"
    return NAMED.get((structure, field), kind)


def _reference(kind: str) -> Json:
    return {"$ref": f"#/$defs/{_name(kind)}"}


def _name(kind: str) -> str:
    return kind if kind == "int64" else definition_name(kind)


def _or_reference(shape: Json, roots: tuple[str, ...]) -> Json:
    patterns = [rf"\$\{{({root}{NAME})\}}" for root in roots]
    return {"oneOf": [shape, *({"type": "string", "pattern": pattern} for pattern in patterns)]}
