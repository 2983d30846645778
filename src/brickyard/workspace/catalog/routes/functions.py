"""Functions, as catalog.FunctionsAPI of the SDK calls them.

The API's own create has no types to analyse against: a body is only found wrong when it is called.
CREATE FUNCTION in SQL checks it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brickyard.workspace.catalog.routes import shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Json, Route, invalid

BASE = "/api/2.1/unity-catalog/functions"
LANGUAGES = ("SQL", "PYTHON")


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
    language = str(want.get("external_language") or want.get("routine_body") or "SQL").upper()
    if language not in LANGUAGES:
        raise invalid(f"function_info: functions in {language} are not supported: SQL or PYTHON")
    if not want.get("routine_definition"):
        raise invalid("function_info.routine_definition is required")
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
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", BASE + "/{name}", fetch),
    Route("PATCH", BASE + "/{name}", update),
    Route("DELETE", BASE + "/{name}", drop),
)
