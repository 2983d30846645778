"""Tags of securables: EntityTagAssignmentsAPI of the SDK, and the two routes by which MLflow's
client tags models and their versions with `MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY`.

Left out: governed tags, whose policies belong to the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.catalog.tags import Entity, entity
from brickyard.workspace.kernel import Call, Json, Route, invalid, not_found

BASE: Final = "/api/2.1/unity-catalog"
ASSIGNMENTS: Final = f"{BASE}/entity-tag-assignments"
OF_ENTITY: Final = ASSIGNMENTS + "/{entity_type}/{entity_name}/tags"
SECURABLE: Final = f"{BASE}/securable-tags/{{securable_type}}/{{full_name}}"
VERSION: Final = f"{BASE}/subentity-tags/{{securable_type}}/{{full_name}}/{{version}}"
# The securable types of these two routes; models are functions there, as in grants.
KINDS: Final[Mapping[str, str]] = {
    "function": "model",
    "registered_model": "model",
    "catalog": "catalog",
    "schema": "schema",
    "table": "table",
    "volume": "volume",
    "prompt": "prompt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    entity_type: str
    entity_name: str
    tag_key: str
    tag_value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    tag_value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    add_tags: list[Tag] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    changes: Changes


def create(call: Call) -> Json:
    want = call.read(Assignment)
    one = entity(want.entity_type, want.entity_name)
    changed = call.engines.catalog.tags.change(
        call.principal, call.workspace, one, add={want.tag_key: want.tag_value}, must=False
    )
    return show(changed, want.entity_type, want.entity_name, want.tag_key, want.tag_value)


def fetch(call: Call) -> Json:
    type_, name, key = call.path["entity_type"], call.path["entity_name"], call.path["tag_key"]
    found, tags = call.engines.catalog.tags.of(call.principal, call.workspace, entity(type_, name))
    if key not in tags:
        raise not_found(f"Tag assignment with tag key {key} does not exist on {found}")
    return show(found, type_, name, key, tags[key])


def browse(call: Call) -> Json:
    type_, name = call.path["entity_type"], call.path["entity_name"]
    found, tags = call.engines.catalog.tags.of(call.principal, call.workspace, entity(type_, name))
    return call.page(
        "tag_assignments",
        sorted(tags.items()),
        lambda tag: show(found, type_, name, tag[0], tag[1]),
    )


def update(call: Call) -> Json:
    type_, name, key = call.path["entity_type"], call.path["entity_name"], call.path["tag_key"]
    value = call.read(Value).tag_value
    changed = call.engines.catalog.tags.change(
        call.principal, call.workspace, entity(type_, name), add={key: value}, must=True
    )
    return show(changed, type_, name, key, value)


def drop(call: Call) -> Json:
    one = entity(call.path["entity_type"], call.path["entity_name"])
    call.engines.catalog.tags.change(
        call.principal, call.workspace, one, add={}, remove=(call.path["tag_key"],), must=True
    )
    return {}


def change_securable(call: Call) -> Json:
    want = call.read(Change).changes
    call.engines.catalog.tags.change(
        call.principal,
        call.workspace,
        Entity(kind=_kind(call), full_name=call.path["full_name"]),
        add={tag.key: tag.value for tag in want.add_tags},
        remove=tuple(want.remove),
    )
    return {}


def change_version(call: Call) -> Json:
    """Only versions of models have tags of their own."""
    want, versions = call.read(Change).changes, call.engines.catalog.versions
    if _kind(call) != "model":
        raise invalid("Only registered models have versions with tags")
    changes: tuple[tuple[str, str | None], ...] = (
        *((key, None) for key in want.remove),
        *((tag.key, tag.value) for tag in want.add_tags),
    )
    for key, value in changes:
        versions.set_tag(
            call.principal,
            call.workspace,
            call.path["full_name"],
            call.path["version"],
            key,
            value,
        )
    return {}


def _kind(call: Call) -> str:
    given = call.path["securable_type"]
    if (kind := KINDS.get(given.lower())) is None:
        raise invalid(f"Securable type {given!r} has no tags here: use one of {', '.join(KINDS)}")
    return kind


def show(found: Securable, type_: str, name: str, key: str, value: str) -> dict[str, Any]:
    at = datetime.fromtimestamp(found.updated_at / 1000, UTC)
    return {
        "entity_type": type_,
        "entity_name": name,
        "tag_key": key,
        "tag_value": value,
        "update_time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "updated_by": found.updated_by,
    }


ROUTES = (
    Route("POST", ASSIGNMENTS, create),
    Route("GET", OF_ENTITY, browse),
    Route("GET", OF_ENTITY + "/{tag_key}", fetch),
    Route("PATCH", OF_ENTITY + "/{tag_key}", update),
    Route("DELETE", OF_ENTITY + "/{tag_key}", drop),
    Route("PATCH", SECURABLE, change_securable),
    Route("PATCH", VERSION, change_version),
)
