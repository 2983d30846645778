"""Grants, as catalog.GrantsAPI of the SDK calls them. Registered models go as `function`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from brickyard.workspace.catalog.permissions import Change, Effective
from brickyard.workspace.kernel import Call, Json, Route

BASE = "/api/2.1/unity-catalog"
DIRECT = BASE + "/permissions/{securable_type}/{full_name}"
EFFECTIVE = BASE + "/effective-permissions/{securable_type}/{full_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedChange:
    principal: str
    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePermissions:
    changes: list[WantedChange] = field(default_factory=list)


def fetch(call: Call) -> Json:
    held = call.engines.catalog.permissions.assignments(
        call.principal,
        call.workspace,
        call.path["securable_type"],
        call.path["full_name"],
        only=call.query("principal"),
    )
    return _assignments(held)


def update(call: Call) -> Json:
    """To remove ALL_PRIVILEGES clears what a principal has here, as the service does."""
    want = call.read(UpdatePermissions)
    changes = [
        Change(
            principal=one.principal,
            add=one.add,
            remove=one.remove,
            clears="ALL_PRIVILEGES" in one.remove,
        )
        for one in want.changes
    ]
    held = call.engines.catalog.permissions.change(
        call.principal,
        call.workspace,
        call.path["securable_type"],
        call.path["full_name"],
        changes,
    )
    return _assignments(held)


def effective(call: Call) -> Json:
    found = call.engines.catalog.permissions.effective(
        call.principal,
        call.workspace,
        call.path["securable_type"],
        call.path["full_name"],
        only=call.query("principal"),
    )
    by_principal = sorted(found, key=lambda one: one.principal)
    return {
        "privilege_assignments": [
            {"principal": principal, "privileges": [_effective(one) for one in held]}
            for principal, held in groupby(by_principal, key=lambda one: one.principal)
        ]
    }


def _assignments(held: Mapping[str, Iterable[str]]) -> Json:
    return {
        "privilege_assignments": [
            {"principal": principal, "privileges": sorted(privileges)}
            for principal, privileges in held.items()
        ]
    }


def _effective(one: Effective) -> dict[str, Any]:
    shown = {"privilege": one.privilege}
    if one.inherited_from is not None:
        shown["inherited_from_type"] = one.inherited_from.kind.upper()
        shown["inherited_from_name"] = one.inherited_from.full_name
    return shown


ROUTES = (
    Route("GET", DIRECT, fetch),
    Route("PATCH", DIRECT, update),
    Route("GET", EFFECTIVE, effective),
)
