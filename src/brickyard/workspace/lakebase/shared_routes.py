"""Catalogs of database instances, and tables synced to them, as database.DatabaseAPI calls them.

Neither can be changed, here as on Databricks, which answers 501.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.catalog.tables import TableInfo
from brickyard.workspace.kernel import ApiError, Call, Fidelity, Json, Route
from brickyard.workspace.lakebase.instance_routes import BASE, INSTANCES, NOTHING_RUNS
from brickyard.workspace.lakebase.shared import INSTANCE, Place, Synced, place_of

CATALOGS: Final = BASE + "/catalogs"
SYNCED: Final = BASE + "/synced_tables"
READS_SOURCE: Final = "a view of its source: no PostgreSQL has a copy of it"
NO_CHANGE: Final = "not there on Databricks either"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCatalog:
    name: str
    database_instance_name: str
    database_name: str
    create_database_if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedSpec:
    """Of a synced table; what is only used to make it is not kept."""

    source_table_full_name: str = ""
    primary_key_columns: Sequence[str] = ()
    scheduling_policy: Literal["CONTINUOUS", "SNAPSHOT", "TRIGGERED"] | None = None
    timeseries_key: str | None = None
    create_database_objects_if_missing: bool | None = None
    existing_pipeline_id: str | None = None
    new_pipeline_spec: Mapping[str, Any] | None = None

    def checked(self) -> dict[str, Any]:
        if self.existing_pipeline_id and self.new_pipeline_spec:
            raise ApiError(
                "INVALID_PARAMETER_VALUE",
                "At most one of existing_pipeline_id and new_pipeline_spec may be given",
            )
        kept = {
            "source_table_full_name": self.source_table_full_name,
            "primary_key_columns": list(self.primary_key_columns),
            "scheduling_policy": self.scheduling_policy,
            "timeseries_key": self.timeseries_key,
        }
        return {name: value for name, value in kept.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSynced:
    name: str
    spec: SyncedSpec
    database_instance_name: str = ""
    logical_database_name: str = ""


def create_catalog(call: Call) -> Json:
    want = call.read(CreateCatalog)
    place = Place(kind=INSTANCE, home=want.database_instance_name, database=want.database_name)
    made = call.engines.lakebase.shared.add_catalog(
        call.principal,
        call.workspace,
        want.name,
        place,
        makes_missing=want.create_database_if_not_exists,
    )
    return show_catalog(made)


def fetch_catalog(call: Call) -> Json:
    return show_catalog(call.engines.lakebase.shared.find_catalog(*_named(call), INSTANCE))


def drop_catalog(call: Call) -> Json:
    call.engines.lakebase.shared.drop_catalog(*_named(call), INSTANCE)
    return {}


def browse_catalogs(call: Call) -> Json:
    home = call.engines.lakebase.instances.get(*_named(call)).name
    found = call.engines.lakebase.shared.catalogs(call.principal, call.workspace, INSTANCE, home)
    return call.page("database_catalogs", found, show_catalog)


def show_catalog(found: Securable) -> dict[str, Any]:
    place = place_of(found.details["database"])
    return {
        "name": found.full_name,
        "database_instance_name": place.home,
        "database_name": place.database,
        "uid": found.id,
    }


def create_table(call: Call) -> Json:
    want = call.read(CreateSynced)
    made = call.engines.lakebase.shared.add_table(
        call.principal,
        call.workspace,
        Synced(
            name=want.name,
            kind=INSTANCE,
            home=want.database_instance_name,
            database=want.logical_database_name,
            source=want.spec.source_table_full_name,
            keys=want.spec.primary_key_columns,
            spec=want.spec.checked(),
            makes_missing=bool(want.spec.create_database_objects_if_missing),
        ),
    )
    return show_table(made)


def fetch_table(call: Call) -> Json:
    return show_table(call.engines.lakebase.shared.find_table(*_named(call), INSTANCE))


def drop_table(call: Call) -> Json:
    call.engines.lakebase.shared.drop_table(*_named(call), INSTANCE)
    return {}


def browse_tables(call: Call) -> Json:
    home = call.engines.lakebase.instances.get(*_named(call)).name
    found = call.engines.lakebase.shared.tables(call.principal, call.workspace, INSTANCE, home)
    return call.page("synced_tables", found, show_table)


def show_table(found: TableInfo) -> dict[str, Any]:
    place = place_of(found.synced)
    return {
        "name": found.full_name,
        "effective_database_instance_name": place.home,
        "effective_logical_database_name": place.database,
        "spec": found.synced["spec"],
        "data_synchronization_status": {
            "detailed_state": "SYNCED_TABLE_ONLINE",
            "message": f"In the embedded workspace, a synced table is {READS_SOURCE}.",
        },
        "unity_catalog_provisioning_state": "ACTIVE",
    }


def change_catalog(call: Call) -> Json:
    raise _no_change("Database Catalog is not yet implemented")


def change_table(call: Call) -> Json:
    raise _no_change("Synced Database Table is not yet implemented.")


def _no_change(what: str) -> ApiError:
    return ApiError("NOT_IMPLEMENTED", f"Update {what}", status=501)


def _named(call: Call) -> tuple[Any, Any, str]:
    return call.principal, call.workspace, call.path["name"]


VIRTUAL, REFUSED = Fidelity.VIRTUAL, Fidelity.REFUSED
ROUTES = (
    Route("POST", CATALOGS, create_catalog, VIRTUAL, note=NOTHING_RUNS),
    Route("GET", CATALOGS + "/{name}", fetch_catalog),
    Route("PATCH", CATALOGS + "/{name}", change_catalog, REFUSED, note=NO_CHANGE),
    Route("DELETE", CATALOGS + "/{name}", drop_catalog),
    Route("GET", INSTANCES + "/{name}/catalogs", browse_catalogs),
    Route("POST", SYNCED, create_table, VIRTUAL, note=READS_SOURCE),
    Route("GET", SYNCED + "/{name}", fetch_table),
    Route("PATCH", SYNCED + "/{name}", change_table, REFUSED, note=NO_CHANGE),
    Route("DELETE", SYNCED + "/{name}", drop_table),
    Route("GET", INSTANCES + "/{name}/synced_tables", browse_tables),
)
