"""Functions, as catalog.FunctionsAPI of the SDK calls them: kept and shown, not run here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Fidelity, Json, Route, invalid

BASE = "/api/2.1/unity-catalog/functions"
NOTE = "the function is kept, nothing calls it yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFunction:
    function_info: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFunction:
    owner: str


def create(call: Call) -> Json:
    want = call.read(CreateFunction).function_info
    lacking = [key for key in ("catalog_name", "schema_name", "name") if not want.get(key)]
    if lacking:
        raise invalid("; ".join(f"function_info.{key} is required" for key in lacking))
    made = call.engines.catalog.functions.create(
        call.principal,
        call.workspace,
        ".".join(str(want[key]) for key in ("catalog_name", "schema_name", "name")),
        want,
        comment=want.get("comment"),
    )
    return show(made)


def fetch(call: Call) -> Json:
    functions = call.engines.catalog.functions
    return show(functions.get(call.principal, call.workspace, call.path["name"]))


def browse(call: Call) -> Json:
    schema = f"{call.query('catalog_name')}.{call.query('schema_name')}"
    found = call.engines.catalog.functions.visible(call.principal, call.workspace, schema)
    return call.page("functions", found, show)


def update(call: Call) -> Json:
    changed = call.engines.catalog.functions.change(
        call.principal, call.workspace, call.path["name"], owner=call.read(UpdateFunction).owner
    )
    return show(changed)


def drop(call: Call) -> Json:
    call.engines.catalog.functions.drop(call.principal, call.workspace, call.path["name"])
    return {}


def show(found: Securable) -> dict[str, Any]:
    return {**found.details, **shown.inside_schema(found), "function_id": found.id}


ROUTES = (
    Route("POST", BASE, create, Fidelity.VIRTUAL, note=NOTE),
    Route("GET", BASE, browse, Fidelity.VIRTUAL, note=NOTE),
    Route("GET", BASE + "/{name}", fetch, Fidelity.VIRTUAL, note=NOTE),
    Route("PATCH", BASE + "/{name}", update, Fidelity.VIRTUAL, note=NOTE),
    Route("DELETE", BASE + "/{name}", drop, Fidelity.VIRTUAL, note=NOTE),
)
