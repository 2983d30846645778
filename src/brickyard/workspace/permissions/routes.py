"""`/api/2.0/permissions/{type}/{id}`, as iam.PermissionsAPI and its per-service copies call it.

Looking takes any level on the object, changing takes the highest. Objects keyed by id are not
looked up elsewhere: an object has at least its creator's entry for as long as it exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from brickyard.workspace.kernel import Call, Json, Route, denied, invalid, not_found
from brickyard.workspace.permissions.engine import ADMINS, KINDS, Entry, Subject
from brickyard.workspace.permissions.levels import (
    LEVELS,
    SINGULAR,
    highest_manageable,
    levels_of,
)

BASE = "/api/2.0/permissions"
REPOS = "repos"
FILE_TYPES = frozenset({"directories", "notebooks", "files"})
CLAIMED_TYPES = frozenset(
    {"dashboards", "alertsv2"}
)  # objects of other services that lie in a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessControl:
    permission_level: str = ""
    user_name: str | None = None
    group_name: str | None = None
    service_principal_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPermissions:
    access_control_list: Sequence[AccessControl] = ()


def fetch(kind: str, call: Call) -> Json:
    subject, parents = _subject(kind, call)
    engine = call.engines.permissions
    if not engine.level(call.principal, call.workspace, subject.type, subject.id, parents):
        raise denied(
            f"{call.principal.user_name} does not have permission to view"
            f" {subject.type} {subject.id}"
        )
    return _show(call, kind, subject, parents)


def replace(kind: str, call: Call) -> Json:
    subject, parents = _manageable(kind, call)
    entries = _entries(call)
    call.engines.permissions.replace(call.workspace, subject, entries, call.principal)
    return _show(call, kind, subject, parents)


def merge(kind: str, call: Call) -> Json:
    subject, parents = _manageable(kind, call)
    call.engines.permissions.merge(call.workspace, subject, _entries(call), call.principal)
    return _show(call, kind, subject, parents)


def levels(kind: str, call: Call) -> Json:
    subject, _ = _subject(kind, call)
    return {
        "permission_levels": [
            {"permission_level": level, "description": _description(level, subject.type)}
            for level in levels_of(subject.type)
        ]
    }


def _subject(kind: str, call: Call) -> tuple[Subject, tuple[Subject, ...]]:
    """The object and what it inherits from. Whatever exists has an entry: its creator's."""
    if kind == REPOS:  # a Git folder is a folder of the tree, and has its permissions
        kind = "directories"
        call.engines.git.known(call.workspace, call.path["id"])
    subject = Subject(kind, call.path["id"])
    missing = not_found(f"{SINGULAR[kind]} {subject.id} does not exist")
    if kind in FILE_TYPES:
        parents = call.engines.files.ancestors(call.workspace, subject.id)
        if parents is None:
            raise missing
        return subject, tuple(Subject("directories", str(one)) for one in parents)
    if not call.engines.permissions.entries(call.workspace, subject):
        raise missing
    if kind in CLAIMED_TYPES:
        return subject, call.engines.files.folders_above(call.workspace, kind, subject.id)
    if kind == "queries":
        return subject, call.engines.queries.folders_above(call.workspace, subject.id)
    if kind == "genie":
        return subject, call.engines.genie.folders_above(call.workspace, subject.id)
    return subject, ()


def _manageable(kind: str, call: Call) -> tuple[Subject, tuple[Subject, ...]]:
    subject, parents = _subject(kind, call)
    if "CAN_MANAGE" not in levels_of(subject.type):
        call.engines.permissions.require_admin(call.principal, f"share {kind}")
        return subject, parents
    call.engines.permissions.require(
        call.principal, call.workspace, subject.type, subject.id, "CAN_MANAGE", parents
    )
    return subject, parents


def _entries(call: Call) -> list[Entry]:
    found = []
    for one in call.read(SetPermissions).access_control_list:
        named = [(kind, name) for kind in KINDS if (name := getattr(one, kind))]
        if len(named) != 1:
            raise invalid(f"Each entry names exactly one of {', '.join(KINDS)}")
        kind, name = named[0]
        found.append(Entry(kind=kind, name=name, level=one.permission_level))
    return found


def _show(call: Call, kind: str, subject: Subject, parents: Sequence[Subject]) -> Json:
    """Grouped by principal: direct permissions, then what is inherited and from where."""
    engine = call.engines.permissions
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in engine.entries(call.workspace, subject):
        shown = {"permission_level": entry.level, "inherited": False}
        grouped.setdefault((entry.kind, entry.name), []).append(shown)
    inherited = [
        (entry, f"/{parent.type}/{parent.id}")
        for parent in parents
        for entry in engine.entries(call.workspace, parent)
    ]
    top = highest_manageable(subject.type).replace("IS_OWNER", "CAN_MANAGE")
    root = f"/{subject.type}/"
    inherited.append((Entry(kind="group_name", name=ADMINS, level=top), root))
    for entry, origin in inherited:
        shown = {
            "permission_level": entry.level,
            "inherited": True,
            "inherited_from_object": [origin],
        }
        grouped.setdefault((entry.kind, entry.name), []).append(shown)
    return {
        "object_id": f"/{_url_type(kind)}/{subject.id}",
        "object_type": "repo" if kind == REPOS else SINGULAR.get(kind, kind),
        "access_control_list": [
            {kind: name, "all_permissions": permissions}
            for (kind, name), permissions in grouped.items()
        ],
    }


def _url_type(kind: str) -> str:
    return "sql/warehouses" if kind == "warehouses" else kind


def _description(level: str, kind: str) -> str:
    word = level.removeprefix("CAN_").removeprefix("IS_").replace("_", " ").lower()
    return f"Can {word} the {SINGULAR.get(kind, kind)}"


ROUTES = tuple(
    Route(method, f"{BASE}/{path}/{{id}}{rest}", partial(handler, kind))
    for kind in (*LEVELS, REPOS)
    for path in dict.fromkeys((_url_type(kind), kind))  # some clients use the one, some the other
    for method, rest, handler in (
        ("GET", "", fetch),
        ("PUT", "", replace),
        ("PATCH", "", merge),
        ("GET", "/permissionLevels", levels),
    )
)
