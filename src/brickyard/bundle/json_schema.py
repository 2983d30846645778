"""The JSON schema of `databricks.yml`, for editors: completion, and a first check while typing.

Made from the catalogue of fields that the loader checks against. As in the official schema, a
`${…}` may stand for any number or boolean, and a `${var.…}` for one word of several, a whole list
or a map; what a service or the loader fills in is no field to write. Unknown keys are refused
everywhere but at the top, where people keep their anchors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from brickyard.bundle.schema import Schema, schema
from brickyard.resources import TYPES
from brickyard.resources.declaration import On

Json = dict[str, Any]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
NAME: Final = r"(\.\p{L}+([-_]*[\p{L}\p{N}]+)*(\[[0-9]+\])*)+"
WHOLE: Final = ("var",)
ANYWHERE: Final = ("resources", "bundle", "workspace", "artifacts", "var")
BASIC: Final = {"int": "integer", "float": "number", "bool": "boolean"}
# Fields the loader knows that nobody writes: found out by us, or obsolete.
NOT_WRITTEN: Final[Mapping[str, frozenset[str]]] = {
    "Bundle": frozenset({"target", "environment", "mode", "force", "terraform"}),
    "Git": frozenset({"actual_branch", "bundle_root_path", "commit", "inferred"}),
    "Workspace": frozenset({"current_user", "snapshot_path"}),
    "Variable": frozenset({"value"}),
    "ArtifactFile": frozenset({"patched", "remote_path"}),
}
FROM_SERVICE: Final = frozenset({"id", "url", "modified_status"})
# Where such a name is a field of the request all the same.
TAKEN: Final[Mapping[str, frozenset[str]]] = {"resources.external_locations": frozenset({"url"})}
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
ENGINES: Final = ("terraform", "direct")
# A target may say what a variable is in short: any value in place of a map.
SHORT: Final = {("Target", "variables"): "{any}"}
OLD_NAMES: Final[Mapping[str, str]] = {"environments": "{Target}"}


def json_schema() -> Json:
    """The schema of the whole file; every structure is a definition of its own."""
    known = schema()
    top = {**known.structures["Root"], **OLD_NAMES}
    definitions = {
        name: _structure(name, known.structures[name], known)
        for name in sorted(_reachable(top.values(), known))
    }
    return {
        "$schema": DIALECT,
        "title": "Databricks bundle",
        "type": "object",
        "properties": {name: _type(kind, known) for name, kind in sorted(top.items())},
        "additionalProperties": {},
        "definitions": definitions,
    }


def _reachable(kinds: Any, known: Schema) -> set[str]:
    found: set[str] = set()
    waiting = [kind.strip("[]{}") for kind in kinds]
    while waiting:
        name = waiting.pop()
        if name in found or name not in known.structures:
            continue
        found.add(name)
        fields = dict(_written(name, known.structures[name]))
        waiting += [kind.strip("[]{}") for kind in fields.values()]
    return found


def _structure(name: str, fields: Mapping[str, str], known: Schema) -> Json:
    written = dict(_written(name, fields))
    needed = {*known.required.get(name, ()), *REQUIRED.get(name, ())} - OPTIONAL.get(
        name, frozenset()
    )
    required = sorted(needed & written.keys())
    shape: Json = {
        "type": "object",
        "properties": {
            field: _type(SHORT.get((name, field), kind), known)
            for field, kind in sorted(written.items())
        },
        "additionalProperties": False,
    }
    if name == "Bundle":
        shape["properties"]["engine"] = _words(ENGINES)
    if name == "Variable":
        return shape
    return _or_reference(shape | ({"required": required} if required else {}), WHOLE)


def _written(name: str, fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The fields that a person writes."""
    left_out = NOT_WRITTEN.get(name, frozenset())
    kind = TYPES.get(name.removeprefix("resources."))
    if kind is not None and name.startswith("resources."):
        given = {field.path for field in kind.fields if field.on is On.OUTPUT_ONLY}
        left_out = left_out | (FROM_SERVICE - TAKEN.get(name, frozenset())) | given
    return ((field, kind) for field, kind in fields.items() if field not in left_out)


def _type(kind: str, known: Schema) -> Json:
    if kind.startswith("["):
        return _or_reference({"type": "array", "items": _type(kind[1:-1], known)}, WHOLE)
    if kind.startswith("{"):
        held = _type(kind[1:-1], known)
        return _or_reference({"type": "object", "additionalProperties": held}, WHOLE)
    if kind == "string":
        return {"type": "string"}
    if kind in BASIC:
        return _or_reference({"type": BASIC[kind]}, ANYWHERE)
    if kind in known.enumerations:
        return _words(known.enumerations[kind])
    if kind in known.structures:
        return {"$ref": f"#/definitions/{kind}"}
    return {}


def _words(words: Sequence[str]) -> Json:
    return _or_reference({"type": "string", "enum": list(words)}, WHOLE)


def _or_reference(shape: Json, roots: tuple[str, ...]) -> Json:
    pattern = rf"\$\{{({'|'.join(roots)}){NAME}\}}"
    return {"anyOf": [shape, {"type": "string", "pattern": pattern}]}
