"""A project and what is in it as the API shows them: what is said and defaulted, as the `status`.

The `spec` is not shown, as the real service doesn't: what applies is in the status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from brickyard.workspace.kernel.clock import instant
from brickyard.workspace.lakebase.contents import default_branch, endpoint_host, postgres_name
from brickyard.workspace.lakebase.projects import RETENTION_MS, Found
from brickyard.workspace.lakebase.specs import READ_WRITE, moment, seconds

SUSPEND: Final = "86400s"
COMPUTE: Final[Mapping[str, Any]] = {
    "autoscaling_limit_min_cu": 1,
    "autoscaling_limit_max_cu": 1,
    "suspend_timeout_duration": SUSPEND,
}
PG_VERSION: Final = 17
RETENTION: Final = "604800s"
BRANCH_LIMIT_BYTES: Final = 8 * 1024**4
NO_LSN: Final = "0/0"


def show(found: Found) -> dict[str, Any]:
    one, name = found.object, found.name
    kind = name.kind
    gone = one.get("deleted_ms")
    times = (
        {"delete_time": instant(gone), "purge_time": instant(gone + RETENTION_MS)} if gone else {}
    )
    status = {kind.id_field: name.id, **STATUS[kind.word](found)}
    shown = {
        "name": str(name),
        kind.id_field: name.id,
        "uid": one["uid"],
        "create_time": instant(one["created_ms"]),
        "update_time": instant(one["updated_ms"]),
    }
    if name.below:
        shown["parent"] = name.parent
    if kind.word == "project":
        shown |= times
    elif kind.word == "branch":
        status |= times
    elif kind.word in ("database", "role"):
        del shown["uid"]
    return {**shown, "status": _present(status)}


def _project(found: Found) -> dict[str, Any]:
    spec, name = found.object["spec"], found.name
    return {
        "display_name": spec.get("display_name", name.id),
        "pg_version": spec.get("pg_version", PG_VERSION),
        "history_retention_duration": spec.get("history_retention_duration", RETENTION),
        "enable_pg_native_login": spec.get("enable_pg_native_login", False),
        "default_branch": f"{name}/{default_branch(found.project)}",
        "default_endpoint_settings": _compute(spec.get("default_endpoint_settings") or {}, COMPUTE),
        "custom_tags": spec.get("custom_tags"),
        "budget_policy_id": spec.get("budget_policy_id"),
        "owner": found.project.creator,
        "branch_logical_size_limit_bytes": BRANCH_LIMIT_BYTES,
        "synthetic_storage_size_bytes": 0,
    }


def _branch(found: Found) -> dict[str, Any]:
    one, spec = found.object, found.object["spec"]
    origin = ("source_branch", "source_branch_lsn", "source_branch_time")
    return {
        "current_state": "DELETED" if one.get("deleted_ms") else "READY",
        "state_change_time": instant(one.get("deleted_ms") or one["created_ms"]),
        "default": found.name.below == default_branch(found.project),
        "is_protected": spec.get("is_protected", False),
        "logical_size_bytes": 0,
        "expire_time": _expire_time(one),
        **{name: one.get(name) for name in origin},
    }


def _expire_time(one: Mapping[str, Any]) -> str | None:
    spec = one["spec"]
    if "ttl" in spec:
        made = moment(instant(one["created_ms"]), "create_time")
        ends = made + timedelta(seconds=seconds(spec["ttl"], "ttl"))
        return instant(int(ends.timestamp() * 1000))
    return str(spec["expire_time"]) if "expire_time" in spec else None


def _endpoint(found: Found) -> dict[str, Any]:
    one, spec = found.object, found.object["spec"]
    settings = found.project.body["root"]["spec"].get("default_endpoint_settings") or {}
    group = spec.get("group") or {"min": 1, "max": 1}
    readable = bool(group.get("enable_readable_secondaries", False))
    host = endpoint_host(one["uid"])
    hosts = {"host": host}
    if spec["endpoint_type"] != READ_WRITE:
        hosts["read_only_host"] = host
    elif readable and group["max"] > 1:
        hosts["read_only_host"] = host.replace(".", "-ro.", 1)
    return {
        "endpoint_type": spec["endpoint_type"],
        "current_state": "IDLE" if spec.get("disabled") else "ACTIVE",
        "disabled": spec.get("disabled", False),
        **_compute(spec, _compute(settings, COMPUTE)),
        "settings": spec.get("settings") or {},
        "hosts": hosts,
        "group": {**group, "enable_readable_secondaries": readable},
    }


def _database(found: Found) -> dict[str, Any]:
    spec = found.object["spec"]
    return {"postgres_database": postgres_name(found.name, spec), "role": spec.get("role")}


def _role(found: Found) -> dict[str, Any]:
    spec = found.object["spec"]
    attributes = spec.get("attributes") or {}
    identity = spec.get("identity_type")
    method = "LAKEBASE_OAUTH_V1" if identity else "PG_PASSWORD_SCRAM_SHA_256"
    return {
        "postgres_role": postgres_name(found.name, spec),
        "identity_type": identity or "IDENTITY_TYPE_UNSPECIFIED",
        "auth_method": spec.get("auth_method") or method,
        "membership_roles": spec.get("membership_roles"),
        "attributes": {
            name: bool(attributes.get(name)) for name in ("bypassrls", "createdb", "createrole")
        },
    }


STATUS: Final[Mapping[str, Callable[[Found], dict[str, Any]]]] = {
    "project": _project,
    "branch": _branch,
    "endpoint": _endpoint,
    "database": _database,
    "role": _role,
}


def _compute(said: Mapping[str, Any], otherwise: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a compute, with those that nothing was said of as they are by default."""
    known = (*COMPUTE, "pg_settings", "no_suspension")
    merged = {**otherwise, **{name: said[name] for name in known if said.get(name) is not None}}
    if said.get("no_suspension"):
        merged.pop("suspend_timeout_duration", None)
    return {name: value for name, value in merged.items() if name != "no_suspension"}


def _present(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if value is not None}
