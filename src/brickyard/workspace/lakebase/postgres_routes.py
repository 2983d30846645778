"""Projects and what is in them, as postgres.PostgresAPI of the SDK calls them: by resource names.

Every change answers an operation that is done. Not emulated: branches do not expire, and data
API, snapshots and change feeds are not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.catalog.tables import TableInfo
from brickyard.workspace.kernel import Call, Fidelity, Json, Route, invalid
from brickyard.workspace.kernel.clock import instant
from brickyard.workspace.lakebase.instance_routes import NOTHING_RUNS, no_postgres
from brickyard.workspace.lakebase.projects import Found
from brickyard.workspace.lakebase.shared import BRANCH, Place, Synced, place_of
from brickyard.workspace.lakebase.shared_routes import READS_SOURCE, SyncedSpec
from brickyard.workspace.lakebase.shown import show
from brickyard.workspace.lakebase.specs import KINDS

BASE: Final = "/api/2.0/postgres"
CATALOGS, SYNCED = "catalogs/", "synced_tables/"
COLLECTIONS: Final = ("branches", "endpoints", "databases", "roles")


# -- projects and what is in them -----------------------------------------------------------------


def create_project(call: Call) -> Json:
    made = call.engines.lakebase.projects.create(
        call.principal, call.workspace, call.query("project_id"), call.fields()
    )
    return _changed(call, made)


def browse_projects(call: Call) -> Json:
    deleted = call.flag("show_deleted")
    found = call.engines.lakebase.projects.visible(call.principal, call.workspace, deleted=deleted)
    return call.page("projects", found, show)


def create(collection: str, call: Call) -> Json:
    made = call.engines.lakebase.projects.add(
        call.principal,
        call.workspace,
        call.path["parent"],
        collection,
        call.query(KINDS[collection].id_field),
        call.fields().get("spec"),
        replace_existing=call.flag("replace_existing"),
    )
    return _changed(call, made)


def browse(collection: str, call: Call) -> Json:
    found = call.engines.lakebase.projects.children(
        call.principal,
        call.workspace,
        call.path["parent"],
        collection,
        deleted=call.flag("show_deleted"),
    )
    return call.page(collection, found, show)


def undelete(call: Call) -> Json:
    found = call.engines.lakebase.projects.undelete(*_named(call))
    return _changed(call, found)


def _changed(call: Call, found: Found) -> Json:
    return call.engines.lakebase.operations.done(
        call.principal, call.workspace, str(found.name), found.name.kind.noun, show(found)
    )


# -- by name --------------------------------------------------------------------------------------


def fetch(call: Call) -> Json:
    lakebase, name = call.engines.lakebase, call.path["name"]
    if "/operations/" in name:
        return lakebase.operations.get(*_named(call))
    if name.startswith(CATALOGS):
        id = name.removeprefix(CATALOGS)
        return show_catalog(
            lakebase.shared.find_catalog(call.principal, call.workspace, id, BRANCH)
        )
    if name.startswith(SYNCED):
        id = name.removeprefix(SYNCED)
        return show_table(lakebase.shared.find_table(call.principal, call.workspace, id, BRANCH))
    return show(lakebase.projects.get(*_named(call)))


def change(call: Call) -> Json:
    if call.path["name"].startswith((CATALOGS, SYNCED)):
        raise invalid("Catalogs and synced tables cannot be changed: delete it and make it anew")
    changed = call.engines.lakebase.projects.change(
        *_named(call), call.fields().get("spec"), call.query("update_mask")
    )
    return _changed(call, changed)


def delete(call: Call) -> Json:
    lakebase, name = call.engines.lakebase, call.path["name"]
    who = (call.principal, call.workspace)
    if name.startswith(CATALOGS):
        lakebase.shared.drop_catalog(*who, name.removeprefix(CATALOGS), BRANCH)
        return lakebase.operations.done(*who, name, "Catalog")
    if name.startswith(SYNCED):
        lakebase.shared.drop_table(*who, name.removeprefix(SYNCED), BRANCH)
        return lakebase.operations.done(*who, name, "SyncedTable")
    gone = lakebase.projects.delete(
        *who, name, purge=call.flag("purge"), heir=call.query("reassign_owned_to")
    )
    return lakebase.operations.done(*who, name, gone.kind.noun)


def _named(call: Call) -> tuple[Any, Any, str]:
    return call.principal, call.workspace, call.path["name"]


# -- in Unity Catalog -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogSpec:
    postgres_database: str
    branch: str
    create_database_if_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCatalog:
    spec: CatalogSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchSyncedSpec(SyncedSpec):
    branch: str = ""
    postgres_database: str = ""
    extra_columns: Sequence[Mapping[str, Any]] = ()
    type_overrides: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSynced:
    spec: BranchSyncedSpec


def create_catalog(call: Call) -> Json:
    id, want = _id(call, "catalog_id"), call.read(CreateCatalog).spec
    made = call.engines.lakebase.shared.add_catalog(
        call.principal,
        call.workspace,
        id,
        Place(kind=BRANCH, home=want.branch, database=want.postgres_database),
        makes_missing=want.create_database_if_missing,
    )
    shown = show_catalog(made)
    return _made(call, shown, "Catalog")


def create_table(call: Call) -> Json:
    id, want = _id(call, "synced_table_id"), call.read(CreateSynced).spec
    makes_missing = want.create_database_objects_if_missing
    made = call.engines.lakebase.shared.add_table(
        call.principal,
        call.workspace,
        Synced(
            name=id,
            kind=BRANCH,
            home=want.branch,
            database=want.postgres_database,
            source=want.source_table_full_name,
            keys=want.primary_key_columns,
            spec=want.checked(),
            makes_missing=makes_missing is None or makes_missing,
        ),
    )
    return _made(call, show_table(made), "SyncedTable")


def show_catalog(found: Securable) -> dict[str, Any]:
    place = place_of(found.details["database"])
    return {
        "name": CATALOGS + found.full_name,
        "catalog_id": found.full_name,
        "uid": found.id,
        "create_time": instant(found.created_at),
        "update_time": instant(found.updated_at),
        "status": {
            "project": _project(place),
            "branch": place.home,
            "postgres_database": place.database,
        },
    }


def show_table(found: TableInfo) -> dict[str, Any]:
    return {
        "name": SYNCED + found.full_name,
        "synced_table_id": found.full_name,
        "uid": found.id,
        "create_time": instant(found.created_at),
        "status": {
            "detailed_state": "SYNCED_TABLE_ONLINE",
            "unity_catalog_provisioning_state": "ACTIVE",
            "project": _project(place_of(found.synced)),
            "message": f"In the embedded workspace, a synced table is {READS_SOURCE}.",
        },
    }


def _project(place: Place) -> str:
    return place.home.partition("/branches/")[0]


def _id(call: Call, field: str) -> str:
    if not call.query(field):
        raise invalid(f"Field '{field}' is required, expected non-default value (not \"\")!")
    return call.query(field)


def _made(call: Call, shown: Mapping[str, Any], type: str) -> Json:
    return call.engines.lakebase.operations.done(
        call.principal, call.workspace, shown["name"], type, shown
    )


# -- logging in -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    endpoint: str


def credentials(call: Call) -> Json:
    endpoint = call.read(Credentials).endpoint
    call.engines.lakebase.projects.get(call.principal, call.workspace, endpoint, "CAN_USE")
    raise no_postgres()


def password(call: Call) -> Json:
    call.engines.lakebase.projects.get(*_named(call), "CAN_MANAGE")
    raise no_postgres()


VIRTUAL, REFUSED = Fidelity.VIRTUAL, Fidelity.REFUSED
NAME: Final = BASE + "/{name...}"
NO_POSTGRES: Final = "no PostgreSQL runs here"
HANDLERS: Final[Mapping[str, tuple[Callable[[str, Call], Json], Fidelity, str]]] = {
    "POST": (create, VIRTUAL, NOTHING_RUNS),
    "GET": (browse, Fidelity.REAL, ""),
}
ROUTES = (
    Route("POST", BASE + "/projects", create_project, VIRTUAL, note=NOTHING_RUNS),
    Route("GET", BASE + "/projects", browse_projects),
    Route("POST", BASE + "/catalogs", create_catalog, VIRTUAL, note=NOTHING_RUNS),
    Route("POST", BASE + "/synced_tables", create_table, VIRTUAL, note=READS_SOURCE),
    Route("POST", BASE + "/credentials", credentials, REFUSED, note=NO_POSTGRES),
    *(
        Route(
            method,
            f"{BASE}/{{parent...}}/{collection}",
            partial(handler, collection),
            fidelity,
            note=note,
        )
        for collection in COLLECTIONS
        for method, (handler, fidelity, note) in HANDLERS.items()
    ),
    Route("POST", NAME + "/undelete", undelete),
    Route("POST", NAME + "/password", password, REFUSED, note=NO_POSTGRES),
    Route("GET", NAME, fetch),
    Route("PATCH", NAME, change, VIRTUAL, note=NOTHING_RUNS),
    Route("DELETE", NAME, delete),
)
