"""Secrets of Unity Catalog, as catalog.SecretsUcAPI of the SDK calls them.

A value comes back only when it is asked for by `include_value`, from somebody with READ_SECRET.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from brickyard.workspace.catalog.metastore import ID
from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Json, Route, invalid

BASE = "/api/2.1/unity-catalog/secrets"
CHANGEABLE: Final = ("value", "comment", "owner", "expire_time")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSecret:
    name: str
    catalog_name: str
    schema_name: str
    value: str
    comment: str | None = None
    owner: str | None = None
    expire_time: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSecret:
    value: str | None = None
    comment: str | None = None
    owner: str | None = None
    expire_time: str | None = None


def create(call: Call) -> Json:
    want = call.read(CreateSecret)
    made = call.engines.catalog.secrets.create(
        call.principal,
        call.workspace,
        f"{want.catalog_name}.{want.schema_name}.{want.name}",
        want.value,
        owner=want.owner or "",
        comment=want.comment,
        expire_time=_checked(want.expire_time),
    )
    return show(made)


def fetch(call: Call) -> Json:
    secrets = call.engines.catalog.secrets
    found = secrets.get(call.principal, call.workspace, call.path["full_name"])
    if not call.flag("include_value"):
        return show(found)
    value = secrets.value(call.principal, call.workspace, found)
    return show(found) | shown.present({"effective_value": value})


def browse(call: Call) -> Json:
    catalog, schema = call.query("catalog_name"), call.query("schema_name")
    if bool(catalog) is not bool(schema):
        raise invalid("catalog_name and schema_name must be given together")
    if call.integer("page_size") < 0:
        raise invalid("page_size must not be negative")
    inside = f"{catalog}.{schema}" if catalog else ""
    found = call.engines.catalog.secrets.visible(call.principal, call.workspace, inside)
    return call.page("secrets", found, show)


def update(call: Call) -> Json:
    want = call.read(UpdateSecret)
    given = {key: getattr(want, key) for key in CHANGEABLE if getattr(want, key) is not None}
    _checked(want.expire_time)
    wanted = {name: given[name] for name in _masked(call, given)}
    changed = call.engines.catalog.secrets.change(
        call.principal, call.workspace, call.path["full_name"], wanted
    )
    return show(changed)


def drop(call: Call) -> Json:
    call.engines.catalog.secrets.drop(call.principal, call.workspace, call.path["full_name"])
    return {}


def show(found: Securable) -> dict[str, Any]:
    return shown.present(
        {
            "name": found.name,
            "catalog_name": found.catalog_name,
            "schema_name": found.schema_name,
            "full_name": found.full_name,
            "comment": found.comment,
            "owner": found.owner,
            "effective_owner": found.owner,
            "expire_time": found.details.get("expire_time"),
            "create_time": _time(found.created_at),
            "created_by": found.created_by,
            "update_time": _time(found.updated_at),
            "updated_by": found.updated_by,
            "metastore_id": ID,
        }
    )


def _masked(call: Call, given: dict[str, Any]) -> list[str]:
    """The fields to change: those of the mask, which must be given, or with `*` all given."""
    mask = call.query("update_mask").strip('"')
    if not mask:
        raise invalid("update_mask is required")
    if mask == "*":
        return list(given)
    known = {name.replace("_", ""): name for name in CHANGEABLE}
    found = []
    for one in mask.split(","):
        name = known.get(one.strip().replace("_", "").lower())  # `expireTime` is JSON's spelling
        if name is None:
            raise invalid(f"update_mask names {one!r}; it may name {', '.join(CHANGEABLE)}")
        if name not in given:
            raise invalid(f"update_mask names {name}, which is not given")
        found.append(name)
    return found


def _checked(time: str | None) -> str | None:
    if time is not None:
        try:
            datetime.fromisoformat(time)
        except ValueError:
            raise invalid(f"expire_time {time!r} is no time, as 2030-01-31T00:00:00Z") from None
    return time


def _time(ms: int) -> str:
    at = datetime.fromtimestamp(ms / 1000, tz=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", BASE + "/{full_name}", fetch),
    Route("PATCH", BASE + "/{full_name}", update),
    Route("DELETE", BASE + "/{full_name}", drop),
)
