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
WORDS: Final = {
    "user_name": "user name",
    "group_name": "group",
    "service_principal_name": "service principal name",
}
OWNED: Final = ("jobs", "pipelines", "sql_warehouses")


def apply_permissions(draft: Draft) -> Draft:
    """The bundle's permissions on every resource. Reads: `permissions`. Writes: those below."""
    given = draft.tree.get("permissions")
    entries = given.elements if given is not None else ()
    for index, entry in enumerate(entries):
        wanted = entry.child("level")
        if wanted is None or wanted.data not in TOP_LEVELS:
            return draft.noting(_no_such_level(entry, wanted, index))
    if not entries:
        return draft
    found: list[Diagnostic] = []
    changes: dict[Path, Value] = {}
    for kind, levels in LEVELS.items():
        for key, value in draft.each(kind):
            path = ("resources", kind, key, "permissions")
            old = value.child("permissions") or Value((), value.locations)
            added = []
            for entry in entries:
                given_level = entry.items["level"]
                level = levels[TOP_LEVELS.index(given_level.text)]
                if not level:
                    continue
                twice = _held_already(entry, old, kind)
                if twice:
                    found.append(_left_out(twice, entry, value, show(path)))
                else:
                    added.append(entry.put("level", given_level.with_data(level)))
            if added:
                changes[path] = old.with_data((*old.elements, *added))
    return draft.putting(changes, found)


def _no_such_level(entry: Value, level: Value | None, index: int) -> Diagnostic:
    return error(
        "bundle/permission-level",
        f"invalid permission level: {level.plain() if level is not None else ''}, allowed values:"
        f" [{', '.join(TOP_LEVELS)}]",
        "Write one of them; finer levels belong to a resource.",
        path=f"permissions[{index}].level",
        at=(level or entry).locations,
    )


def _held_already(entry: Value, held: Value, kind: str) -> str:
    """What is said when the resource names one of the principals itself; nothing otherwise."""
    for name, words in WORDS.items():
        mine = entry.child(name)
        for other in held.elements:
            theirs = other.child(name)
            if mine is not None and mine.data and theirs is not None and theirs.data == mine.data:
                return f"'{kind}' already has permissions set for '{mine.plain()}' {words}"
    return ""


def _left_out(summary: str, entry: Value, value: Value, path: str) -> Diagnostic:
    return warning(
        "bundle/permission-twice",
        summary,
        "The bundle's own permission is left out there. Remove one of both.",
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
    """The deployer keeps control of what it deploys. Writes: every `permissions` there is.

    Where nobody is named, nobody's permissions are managed.
    """
    user = draft.facts.user
    name = "service_principal_name" if user.is_service_principal else "user_name"
    me = (name, user.user_name)
    changes: dict[Path, Value] = {}
    without: list[Path] = []
    for kind in LEVELS:
        for key, value in draft.each(kind):
            old = value.child("permissions")
            at: Path = ("resources", kind, key, "permissions")
            if old is not None and not old.data:
                without.append(at)
            if old is None or not old.elements or kind == "secret_scopes":
                continue
            changes[at] = old.with_data(_with_owner(old, me, has_owner=kind in OWNED))
    tree = draft.tree
    for at in without:
        tree = tree.drop(at)
    return draft.having(tree).putting(changes)


def _with_owner(old: Value, me: tuple[str, str], *, has_owner: bool) -> tuple[Value, ...]:
    """The entries, one for each principal with its highest level, and the deployer among them."""
    entries = list(old.elements)
    mine = [at for at, entry in enumerate(entries) if me[1] in _people(entry)]
    levels = {_level(entries[at]) for at in mine}
    is_owned = any(_level(entry) == "IS_OWNER" for entry in entries)
    if "IS_OWNER" not in levels:
        managing = [at for at in mine if _level(entries[at]) == "CAN_MANAGE"]
        if has_owner and not is_owned:
            owner = value_of("IS_OWNER", old.locations)
            if managing:
                entries[managing[-1]] = entries[managing[-1]].put("level", owner)
            else:
                entries.append(value_of({"level": "IS_OWNER", me[0]: me[1]}, old.locations))
        elif not managing:
            entries.append(value_of({"level": "CAN_MANAGE", me[0]: me[1]}, old.locations))
    best: dict[tuple[str, str], Value] = {}
    for entry in entries:
        who = _principal(entry)
        level = entry.child("level")
        if not who[1] or level is None or not level.text:
            continue  # nobody, or nothing
        if who not in best or rank_of(level.text) > rank_of(_level(best[who])):
            named = value_of(who[1], entry.items[who[0]].locations)
            best[who] = entry.with_data({"level": level, who[0]: named})
    return tuple(best.values())


def _people(entry: Value) -> tuple[str, ...]:
    """The user or the service principal of an entry."""
    for name in ("user_name", "service_principal_name"):
        part = entry.child(name)
        if part is not None and part.text:
            return (part.text,)
    return ()


def _level(entry: Value) -> str:
    level = entry.child("level")
    return level.text if level is not None else ""
