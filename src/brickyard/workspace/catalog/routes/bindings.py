"""Workspace bindings, as catalog.WorkspaceBindingsAPI of the SDK calls them, for catalogs.

Two generations of the same: `bindings/{type}/{name}` with a mode per workspace, and
`workspace-bindings/catalogs/{name}` with workspace ids alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from brickyard.workspace.catalog.bindings import Binding, Mode
from brickyard.workspace.kernel import Call, Json, Route, invalid

BASE = "/api/2.1/unity-catalog"
BINDINGS = BASE + "/bindings/{securable_type}/{securable_name}"
CATALOG = BASE + "/workspace-bindings/catalogs/{name}"
PREFIX = "BINDING_TYPE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedBinding:
    workspace_id: int
    binding_type: Literal["BINDING_TYPE_READ_WRITE", "BINDING_TYPE_READ_ONLY"] = (
        "BINDING_TYPE_READ_WRITE"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateBindings:
    add: list[WantedBinding] = field(default_factory=list)
    remove: list[WantedBinding] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCatalogBindings:
    assign_workspaces: list[int] = field(default_factory=list)
    unassign_workspaces: list[int] = field(default_factory=list)


def fetch(call: Call) -> Json:
    catalogs = call.engines.catalog.catalogs
    listed = catalogs.bindings(call.principal, call.workspace, _catalog(call))
    return call.page("bindings", listed, _show)


def update(call: Call) -> Json:
    want = call.read(UpdateBindings)
    listed = call.engines.catalog.catalogs.bind(
        call.principal,
        call.workspace,
        _catalog(call),
        [Binding(workspace_id=one.workspace_id, mode=_mode(one)) for one in want.add],
        [one.workspace_id for one in want.remove],
    )
    return {"bindings": [_show(one) for one in listed]}


def fetch_ids(call: Call) -> Json:
    catalogs = call.engines.catalog.catalogs
    return _ids(catalogs.bindings(call.principal, call.workspace, call.path["name"]))


def update_ids(call: Call) -> Json:
    want = call.read(UpdateCatalogBindings)
    listed = call.engines.catalog.catalogs.bind(
        call.principal,
        call.workspace,
        call.path["name"],
        [Binding(workspace_id=id, mode="READ_WRITE") for id in want.assign_workspaces],
        want.unassign_workspaces,
    )
    return _ids(listed)


def _catalog(call: Call) -> str:
    kind = call.path["securable_type"]
    if kind.lower() != "catalog":
        raise invalid(f"Only catalogs have workspace bindings here, not {kind!r}")
    return call.path["securable_name"]


def _mode(wanted: WantedBinding) -> Mode:
    plain = wanted.binding_type.removeprefix(PREFIX)
    return next(mode for mode in get_args(Mode) if mode == plain)


def _show(one: Binding) -> dict[str, Any]:
    return {"workspace_id": one.workspace_id, "binding_type": PREFIX + one.mode}


def _ids(listed: Iterable[Binding]) -> Json:
    return {"workspaces": [one.workspace_id for one in listed]}


ROUTES = (
    Route("GET", BINDINGS, fetch),
    Route("PATCH", BINDINGS, update),
    Route("GET", CATALOG, fetch_ids),
    Route("PATCH", CATALOG, update_ids),
)
