"""Database instances and their roles, as database.DatabaseAPI of the SDK calls them.

An instance is AVAILABLE at once. Its host is under `.invalid`, which no resolver knows: nothing
listens. Credentials are refused, as there is nothing to log in to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from brickyard.workspace.kernel import ApiError, Call, Document, Fidelity, Json, Route, invalid
from brickyard.workspace.kernel.clock import instant
from brickyard.workspace.lakebase.instances import USUAL_CAPACITY, Parent, Settings, instance_host

BASE: Final = "/api/2.0/database"
INSTANCES: Final = BASE + "/instances"
INSTANCE: Final = INSTANCES + "/{name}"
ROLES: Final = INSTANCES + "/{name}/roles"
NOTHING_RUNS: Final = "kept; no PostgreSQL runs behind it"
VERSION: Final = "PG_VERSION_16"
# What is said of a setting and shown as the setting that applies.
EFFECTIVE: Final = (
    "enable_pg_native_login",
    "enable_readable_secondaries",
    "node_count",
    "retention_window_in_days",
    "stopped",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateInstance:
    name: str
    parent_instance_ref: Parent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAttributes:
    bypassrls: bool = False
    createdb: bool = False
    createrole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRole:
    name: str
    identity_type: Literal["USER", "SERVICE_PRINCIPAL", "GROUP", "PG_ONLY"] = "PG_ONLY"
    membership_role: Literal["DATABRICKS_SUPERUSER"] | None = None
    attributes: RoleAttributes = RoleAttributes()


def create(call: Call) -> Json:
    want = call.read(CreateInstance)
    made = call.engines.lakebase.instances.create(
        call.principal, call.workspace, want.name, call.read(Settings), want.parent_instance_ref
    )
    return {**show(call, made), **_tags(made)}


def browse(call: Call) -> Json:
    found = call.engines.lakebase.instances.visible(call.principal, call.workspace)
    return call.page("database_instances", found, lambda one: show(call, one))


def fetch(call: Call) -> Json:
    found = call.engines.lakebase.instances.get(call.principal, call.workspace, call.path["name"])
    return show(call, found)


def find_by_uid(call: Call) -> Json:
    uid = call.query("uid")
    return show(call, call.engines.lakebase.instances.by_uid(call.principal, call.workspace, uid))


def change(call: Call) -> Json:
    mask = call.query("update_mask")
    if not mask:
        raise invalid("update_mask is required: name the fields to change, or *")
    changed = call.engines.lakebase.instances.change(
        call.principal, call.workspace, call.path["name"], call.read(Settings).said(mask)
    )
    return {**show(call, changed), **_tags(changed)}


def delete(call: Call) -> Json:
    if call.query("purge") and not call.flag("purge"):
        raise ApiError(
            "BAD_REQUEST", "purge=false is not supported: an instance is deleted at once"
        )
    call.engines.lakebase.instances.delete(
        call.principal, call.workspace, call.path["name"], force=call.flag("force")
    )
    return {}


def show(call: Call, one: Document) -> dict[str, Any]:
    body = one.body
    children = call.engines.lakebase.instances.children(call.workspace, one)
    host = instance_host(body["uid"])
    readable = body["enable_readable_secondaries"] and body["node_count"] > 1
    shown = {
        "name": one.name,
        "uid": body["uid"],
        "state": "STOPPED" if body["stopped"] else "AVAILABLE",
        "capacity": body.get("capacity"),  # only when it was said, or a bundle would undo it
        "effective_capacity": body.get("capacity", USUAL_CAPACITY),
        **{f"effective_{name}": body[name] for name in EFFECTIVE},
        "effective_custom_tags": body["custom_tags"] or None,
        "usage_policy_id": body["usage_policy_id"] or None,
        "effective_usage_policy_id": body["usage_policy_id"] or None,
        "creator": one.creator,
        "creation_time": instant(one.created_ms),
        "pg_version": VERSION,
        "read_write_dns": host,
        "read_only_dns": host.replace("instance-", "instance-ro-", 1) if readable else None,
        "parent_instance_ref": _parent(body.get("parent")),
        "child_instance_refs": [{"name": kid.name, "uid": kid.body["uid"]} for kid in children]
        or None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _parent(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {**kept, "effective_lsn": kept.get("lsn", "0/0")} if kept else None


def _tags(one: Document) -> dict[str, Any]:
    """Custom tags are in the answers of a create and an update only."""
    return {"custom_tags": one.body["custom_tags"]} if one.body["custom_tags"] else {}


# -- roles ----------------------------------------------------------------------------------------


def create_role(call: Call) -> Json:
    want = call.read(CreateRole)
    given = want.attributes
    attributes = {name: getattr(given, name) for name in ("bypassrls", "createdb", "createrole")}
    settings: dict[str, Any] = {
        "name": want.name,
        "identity_type": want.identity_type,
        "attributes": attributes,
    }
    if want.membership_role:
        settings["membership_role"] = want.membership_role
    made = call.engines.lakebase.instances.add_role(*_instance(call), want.name, settings)
    return show_role(call, made)


def browse_roles(call: Call) -> Json:
    found = call.engines.lakebase.instances.get(*_instance(call)).body["roles"]
    return call.page("database_instance_roles", found.values(), lambda one: show_role(call, one))


def fetch_role(call: Call) -> Json:
    found = call.engines.lakebase.instances.role(*_instance(call), call.path["role"])
    return show_role(call, found)


def drop_role(call: Call) -> Json:
    instances = call.engines.lakebase.instances
    try:
        instances.drop_role(*_instance(call), call.path["role"])
    except ApiError as failure:
        if failure.code != "NOT_FOUND" or not call.flag("allow_missing"):
            raise
    return {}


def show_role(call: Call, role: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **role,
        "effective_attributes": role["attributes"],
        "instance_name": call.path["name"],
    }


def _instance(call: Call) -> tuple[Any, Any, str]:
    return call.principal, call.workspace, call.path["name"]


# -- logging in -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    instance_names: tuple[str, ...] = ()


def credentials(call: Call) -> Json:
    for name in call.read(Credentials).instance_names:
        call.engines.lakebase.instances.get(call.principal, call.workspace, name, "CAN_USE")
    raise no_postgres()


def no_postgres() -> ApiError:
    return ApiError(
        "FEATURE_DISABLED",
        "No PostgreSQL runs in the embedded workspace, so there is nothing to log in to: connect"
        " to a database on Databricks, or give the program the address of a PostgreSQL of your own",
    )


VIRTUAL = Fidelity.VIRTUAL
ROUTES = (
    Route("POST", INSTANCES, create, VIRTUAL, note=NOTHING_RUNS),
    Route("GET", INSTANCES, browse),
    Route("GET", INSTANCES + ":findByUid", find_by_uid),
    Route("GET", INSTANCE, fetch),
    Route("PATCH", INSTANCE, change, VIRTUAL, note=NOTHING_RUNS),
    Route("DELETE", INSTANCE, delete),
    Route("POST", ROLES, create_role, VIRTUAL, note=NOTHING_RUNS),
    Route("GET", ROLES, browse_roles),
    Route("GET", ROLES + "/{role}", fetch_role),
    Route("DELETE", ROLES + "/{role}", drop_role),
    Route(
        "POST", BASE + "/credentials", credentials, Fidelity.REFUSED, note="no PostgreSQL runs here"
    ),
)
