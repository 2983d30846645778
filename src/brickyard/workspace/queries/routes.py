"""Saved queries, as sql.QueriesAPI of the SDK calls them."""

from __future__ import annotations

from typing import Any, Final

from brickyard.workspace.kernel import Call, Json, Route
from brickyard.workspace.kernel.clock import instant
from brickyard.workspace.queries.engine import Query

BASE: Final = "/api/2.0/sql/queries"
ONE: Final = BASE + "/{id}"


def create(call: Call) -> Json:
    given = call.fields()
    made = call.engines.queries.create(
        call.principal,
        call.workspace,
        given.get("query") or {},
        renames=given.get("auto_resolve_display_name") is True,
    )
    return show(made)


def browse(call: Call) -> Json:
    found = call.engines.queries.visible(call.principal, call.workspace)
    return call.page("results", found, _listed, default_size=20)


def fetch(call: Call) -> Json:
    return show(call.engines.queries.get(call.principal, call.workspace, call.path["id"]))


def change(call: Call) -> Json:
    given = call.fields()
    changed = call.engines.queries.update(
        call.principal,
        call.workspace,
        call.path["id"],
        given.get("query") or {},
        str(given.get("update_mask") or ""),
        renames=given.get("auto_resolve_display_name") is True,
    )
    return show(changed)


def drop(call: Call) -> Json:
    call.engines.queries.trash(call.principal, call.workspace, call.path["id"])
    return {}


def visualizations(call: Call) -> Json:
    """There are none: nothing here draws."""
    call.engines.queries.get(call.principal, call.workspace, call.path["id"])
    return {}


def show(one: Query) -> dict[str, Any]:
    """The query as it was given, and what the service knows of it."""
    return {
        "run_as_mode": "OWNER",
        "apply_auto_limit": False,
        **one.settings,
        "id": one.id,
        "owner_user_name": one.owner,
        "last_modifier_user_name": one.changed_by,
        "lifecycle_state": "TRASHED" if one.is_trashed else "ACTIVE",
        "create_time": instant(one.created_ms),
        "update_time": instant(one.updated_ms),
    }


def _listed(one: Query) -> dict[str, Any]:
    """A list does not say where its queries lie."""
    return {name: value for name, value in show(one).items() if name != "parent_path"}


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", ONE, fetch),
    Route("PATCH", ONE, change),
    Route("DELETE", ONE, drop),
    Route("GET", ONE + "/visualizations", visualizations),
)
