"""What an entry under `environments` of `brickyard.yml` may say: each key, its shape, its meaning.

The file is read with this table, and its JSON schema is made from it. Keys that only describe
(`workloads`) are here too: `environments show` prints them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.values import Diagnostic, Value, did_you_mean, error, warning

Json = dict[str, Any]

CONTROLS: Final = ("moderate", "high", "strict")
ACCESS: Final = ("none", "read", "write", "manage")
TEXT: Final[Json] = {"type": "string"}
LIST: Final[Json] = {"type": "array", "items": {"type": "string"}}
COUNT: Final[Json] = {"type": "integer", "minimum": 0}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Key:
    """`shape` is the JSON schema of the value; `meaning` the sentence that editors show."""

    shape: Json
    meaning: str


APPROVALS: Final[Json] = {"oneOf": [COUNT, _object({"count": COUNT, "by": LIST})]}
PERSONA: Final[Json] = {
    "oneOf": [{"enum": list(ACCESS)}, _object({"access": {"enum": list(ACCESS)}, "members": LIST})]
}
KEYS: Final[Mapping[str, Key]] = {
    "target": Key(TEXT, "Target of the bundle that is deployed; default: the environment's name."),
    "workspace": Key(TEXT, "Host of its workspace; default: the target's, or the embedded one."),
    "catalog": Key(
        TEXT, "Its own catalog: may be read and written; default: the environment's name."
    ),
    "reads": Key(LIST, "Catalogs to read besides its own; default: production's."),
    "writes": Key(LIST, "Catalogs to write, instead of its own."),
    "control": Key({"enum": list(CONTROLS)}, "Level of control: moderate, high or strict."),
    "branches": Key(LIST, "A released commit must be on one of these."),
    "tags": Key(LIST, "A released commit must carry a tag like one of these; * stands for any."),
    "approvals": Key(APPROVALS, "How many must approve a release, and of which personas."),
    "deployer": Key(TEXT, "Who deploys: a service principal's application id, a user or a group."),
    "run_as": Key(TEXT, "Service principal that its jobs, pipelines and apps run as."),
    "personas": Key(
        {"type": ["object", "null"], "additionalProperties": PERSONA},
        "Who works here, and what they may do with its catalog: none, read, write or manage.",
    ),
    "workloads": Key(LIST, "What typically runs here; shown, not checked."),
    "models_from": Key(LIST, "Catalogs that a model version may be copied from; default: none."),
    "without": Key(
        LIST, "Resources of the bundle that its target does without: addresses or patterns."
    ),
    "after": Key(
        TEXT, "Environment a commit must have passed; default: the entry before; empty: none."
    ),
}


def environment_schema() -> Json:
    """The JSON schema of one environment."""
    fields = {name: {**key.shape, "description": key.meaning} for name, key in KEYS.items()}
    return {"type": ["object", "null"], "properties": fields, "additionalProperties": False}


def environment_faults(name: str, tree: Value) -> Iterator[Diagnostic]:
    """What would otherwise be taken for a rule that is not there."""
    path = f"environments.{name}"
    if tree.kind not in {"map", "nil"}:
        yield _fault(tree, "an environment is not a mapping", "Write `prod: {catalog: prod}`.")
    for key, value in tree.items.items():
        if key not in KEYS:
            hint = did_you_mean(key, KEYS)
            yield warning(
                "release/unknown-key",
                "unknown key in brickyard.yml",
                f"`{key}` is not known here and is ignored. {hint}".strip(),
                path=f"{path}.{key}",
                at=value.key_locations,
            )
            continue
        yield from _shape_faults(key, value, KEYS[key].shape)


def _shape_faults(key: str, value: Value, shape: Json) -> Iterator[Diagnostic]:
    if shape is LIST and value.kind not in {"sequence", "nil"}:
        yield _fault(value, f"`{key}` is not a list", f"Write `{key}: [{value.data}]`.")
    elif shape is TEXT and value.kind not in {"string", "nil"}:
        yield _fault(value, f"`{key}` is not a text", f"Write `{key}: <name>`.")
    elif "enum" in shape and value.data not in shape["enum"]:
        known = ", ".join(shape["enum"])
        yield _fault(value, f"`{key}` is unknown", f"It is one of {known}.")
    elif shape is APPROVALS:
        yield from _approval_faults(value)
    elif key == "personas":
        yield from _persona_faults(value)


def _approval_faults(value: Value) -> Iterator[Diagnostic]:
    count = value.get("count") if value.kind == "map" else value
    is_count = count is None or (isinstance(count.data, int) and not isinstance(count.data, bool))
    if not is_count or (count is not None and isinstance(count.data, int) and count.data < 0):
        detail = "Write `approvals: 2` or `approvals: {count: 2, by: [devops]}`."
        yield _fault(value, "`approvals` is not a number", detail)
    by = value.get("by")
    if by is not None:
        yield from _shape_faults("by", by, LIST)


def _persona_faults(value: Value) -> Iterator[Diagnostic]:
    if value.kind not in {"map", "nil"}:
        detail = "Write `personas: {analysts: read}`."
        yield _fault(value, "`personas` is not a mapping", detail)
    for name, persona in value.items.items():
        access = persona.get("access") if persona.kind == "map" else persona
        if access is not None:
            yield from _shape_faults(f"personas.{name}", access, {"enum": list(ACCESS)})
        members = persona.get("members")
        if members is not None:
            yield from _shape_faults("members", members, LIST)


def _fault(tree: Value, summary: str, detail: str) -> Diagnostic:
    return error("release/settings", summary, detail, at=tree.locations)
