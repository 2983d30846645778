"""Permissions of the whole bundle on every resource, and the deployer's own place in them."""

from __future__ import annotations

from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.resources import PRINCIPALS, rank_of
from brickyard.values import Diagnostic, Path, Value, error, show, value_of, warning

# The bundle's level, as each type calls it: manage, view, run.
LEVELS: Final = {
    "jobs": ("CAN_MANAGE", "CAN_VIEW", "CAN_MANAGE_RUN"),
    "pipelines": ("CAN_MANAGE", "CAN_VIEW", "CAN_RUN"),
    "alerts": ("CAN_MANAGE", "CAN_READ", "CAN_RUN"),
    "experiments": ("CAN_MANAGE", "CAN_READ", ""),
    "models": ("CAN_MANAGE", "CAN_READ", ""),
    "dashboards": ("CAN_MANAGE", "CAN_READ", ""),
    "genie_spaces": ("CAN_MANAGE", "CAN_READ", ""),
    "model_serving_endpoints": ("CAN_MANAGE", "CAN_VIEW", "CAN_QUERY"),
    "sql_warehouses": ("CAN_MANAGE", "CAN_VIEW", "CAN_MONITOR"),
    "clusters": ("CAN_MANAGE", "CAN_ATTACH_TO", "CAN_RESTART"),
    "instance_pools": ("CAN_MANAGE", "CAN_ATTACH_TO", ""),
    "apps": ("CAN_MANAGE", "CAN_USE", ""),
    "database_instances": ("CAN_MANAGE", "CAN_USE", ""),
    "postgres_projects": ("CAN_MANAGE", "CAN_USE", ""),
    "vector_search_endpoints": ("CAN_MANAGE", "CAN_USE", ""),
    "secret_scopes": ("MANAGE", "READ", ""),
}
TOP_LEVELS: Final = ("CAN_MANAGE", "CAN_VIEW", "CAN_RUN")
OWNED: Final = ("jobs", "pipelines", "sql_warehouses")


def apply_permissions(draft: Draft) -> Draft:
    """The bundle's permissions on every resource. Reads: `permissions`. Writes: those below."""
    given = draft.tree.get("permissions")
    entries = given.elements if given is not None else ()
    found: list[Diagnostic] = []
    for index, entry in enumerate(entries):
        held_level = entry.child("level")
        if held_level is None or held_level.data not in TOP_LEVELS:
            found.append(
                error(
                    "bundle/permission-level",
                    "no such level for the whole bundle",
                    f"Write one of {', '.join(TOP_LEVELS)}; finer levels belong to a resource.",
                    path=f"permissions[{index}].level",
                    at=(held_level or entry).locations,
                )
            )
    if found or not entries:
        return draft.noting(*found)
    changes: dict[Path, Value] = {}
    for kind, levels in LEVELS.items():
        for key, value in draft.each(kind):
            path = ("resources", kind, key, "permissions")
            old = value.child("permissions") or Value((), value.locations)
            held = {_principal(entry) for entry in old.elements}
            added = []
            for entry in entries:
                given_level = entry.items["level"]
                level = levels[TOP_LEVELS.index(given_level.text)]
                if _principal(entry) in held:
                    found.append(_held_already(entry, value, show(path)))
                elif level:
                    added.append(entry.put("level", given_level.with_data(level)))
            if added:
                changes[path] = old.with_data((*old.elements, *added))
    return draft.putting(changes, found)


def _held_already(entry: Value, value: Value, path: str) -> Diagnostic:
    return warning(
        "bundle/permission-twice",
        "resource gives this principal a permission of its own",
        f"The bundle's one for {_principal(entry)[1]} is left out there. Remove one of both.",
        path=path,
        at=(*entry.locations, *value.key_locations),
    )


def _principal(entry: Value) -> tuple[str, str]:
    for name in PRINCIPALS:
        part = entry.child(name)
        if part is not None and part.data:
            return name, str(part.data)
    return "", ""


def fix_owners(draft: Draft) -> Draft:
    """The deployer keeps control of what it deploys. Writes: every `permissions` there is."""
    user = draft.facts.user
    name = "service_principal_name" if user.is_service_principal else "user_name"
    me = (name, user.user_name)
    changes: dict[Path, Value] = {}
    for kind in LEVELS:
        if kind == "secret_scopes":
            continue
        for key, value in draft.each(kind):
            old = value.child("permissions")
            if old is None or not isinstance(old.data, tuple) or not old.data:
                continue
            made = _with_owner(old, me, has_owner=kind in OWNED)
            changes["resources", kind, key, "permissions"] = old.with_data(made)
    return draft.putting(changes)


def _with_owner(old: Value, me: tuple[str, str], *, has_owner: bool) -> tuple[Value, ...]:
    entries = list(old.elements)
    mine = [entry for entry in entries if _principal(entry) == me]
    owners = [entry for entry in entries if _level(entry) == "IS_OWNER"]
    if not any(_level(entry) == "IS_OWNER" for entry in mine):
        level = "IS_OWNER" if has_owner and not owners else "CAN_MANAGE"
        entries.append(value_of({"level": level, me[0]: me[1]}, old.locations))
    best: dict[tuple[str, str], Value] = {}
    for entry in entries:
        who = _principal(entry)
        if who not in best or rank_of(_level(entry)) > rank_of(_level(best[who])):
            best[who] = entry
    return tuple(best.values())


def _level(entry: Value) -> str:
    level = entry.child("level")
    return level.text if level is not None else ""
