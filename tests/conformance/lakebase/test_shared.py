"""What database instances show in Unity Catalog, by the official SDK: catalogs, synced tables."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.errors import (
    AlreadyExists,
    BadRequest,
    NotFound,
    NotImplemented,
    PermissionDenied,
    ResourceConflict,
)
from databricks.sdk.service.database import (
    DatabaseCatalog,
    DatabaseInstance,
    SyncedDatabaseTable,
    SyncedTableSchedulingPolicy,
    SyncedTableSpec,
)
from lake_place import Furnished


def catalog(furnished: Furnished, name: str, **more: Any) -> DatabaseCatalog:
    given = {"database_instance_name": furnished.instance, "database_name": "postgres", **more}
    return DatabaseCatalog(name=f"{name}_{furnished.suffix}", **given)


def synced(furnished: Furnished, name: str, **more: Any) -> SyncedDatabaseTable:
    spec = SyncedTableSpec(
        source_table_full_name=furnished.source,
        primary_key_columns=["id"],
        scheduling_policy=SyncedTableSchedulingPolicy.SNAPSHOT,
    )
    given = {
        "database_instance_name": furnished.instance,
        "logical_database_name": "postgres",
        "spec": spec,
        **more,
    }
    return SyncedDatabaseTable(name=name, **given)


@pytest.mark.documented
def test_a_database_is_shown_as_a_catalog_until_either_is_dropped(furnished: Furnished) -> None:
    client, database = furnished.client, furnished.client.database
    wanted = catalog(furnished, "shop", database_name="shop", create_database_if_not_exists=True)
    with pytest.raises(NotFound, match="shop"):
        database.create_database_catalog(catalog(furnished, "shop", database_name="shop"))
    made = database.create_database_catalog(wanted)
    assert (made.database_name, made.create_database_if_not_exists) == ("shop", None)
    assert database.get_database_catalog(made.name) == made
    shown = client.catalogs.get(made.name)
    assert shown.catalog_type.value == "MANAGED_ONLINE_CATALOG"
    assert [one.name for one in client.schemas.list(made.name)] == ["public"]
    assert made.name in {one.name for one in database.list_database_catalogs(furnished.instance)}
    with pytest.raises(AlreadyExists, match="already registered"):
        database.create_database_catalog(catalog(furnished, "other", database_name="shop"))
    with pytest.raises(NotImplemented):
        database.update_database_catalog(made.name, made, "*")

    database.delete_database_catalog(made.name)
    for gone in (database.get_database_catalog, client.catalogs.get):
        with pytest.raises(NotFound):
            gone(made.name)
    database.create_database_catalog(wanted)
    client.catalogs.delete(made.name)
    with pytest.raises(NotFound):
        database.get_database_catalog(made.name)


@pytest.mark.documented
def test_a_catalog_that_is_not_a_databases_is_none(furnished: Furnished) -> None:
    with pytest.raises(NotFound, match="not registered"):
        furnished.client.database.delete_database_catalog("dev")
    with pytest.raises(NotFound):
        furnished.client.database.create_database_catalog(
            catalog(furnished, "lost", database_instance_name="nowhere")
        )


@pytest.mark.belief
def test_a_synced_table_has_the_rows_of_its_source(furnished: Furnished) -> None:
    client, database = furnished.client, furnished.client.database
    name = f"{furnished.schema}.copied"
    made = database.create_synced_database_table(synced(furnished, name))
    assert made.effective_database_instance_name == furnished.instance
    assert made.effective_logical_database_name == "postgres"
    assert made.data_synchronization_status.detailed_state.value == "SYNCED_TABLE_ONLINE"
    assert made.unity_catalog_provisioning_state.value == "ACTIVE"
    assert database.get_synced_database_table(name) == made
    assert [one.name for one in client.tables.get(name).columns] == ["id", "text"]
    assert furnished.ask(f"SELECT * FROM {name}") == [["1", "one"]]
    listed = database.list_synced_database_tables(furnished.instance)
    assert name in {one.name for one in listed}
    with pytest.raises(ResourceConflict, match="already exists"):
        database.create_synced_database_table(synced(furnished, name))
    with pytest.raises(NotImplemented):
        database.update_synced_database_table(name, made, "*")

    database.delete_synced_database_table(name)
    for gone in (database.get_synced_database_table, client.tables.get):
        with pytest.raises(NotFound):
            gone(name)
    assert client.tables.get(furnished.source).name == "source"
    with pytest.raises(NotFound):
        database.delete_synced_database_table(furnished.source)


@pytest.mark.documented
def test_a_synced_table_in_a_databases_catalog_goes_to_that_database(furnished: Furnished) -> None:
    database = furnished.client.database
    home = database.create_database_catalog(catalog(furnished, "inside"))
    spec = SyncedTableSpec(
        source_table_full_name=furnished.source,
        primary_key_columns=["id"],
        create_database_objects_if_missing=True,
    )
    nowhere = {"database_instance_name": None, "logical_database_name": None}
    name = f"{home.name}.fresh.copied"
    made = database.create_synced_database_table(synced(furnished, name, spec=spec, **nowhere))
    assert made.effective_database_instance_name == furnished.instance
    with pytest.raises(BadRequest, match="postgres"):
        database.create_synced_database_table(
            synced(furnished, f"{home.name}.public.other", logical_database_name="other")
        )
    with pytest.raises(BadRequest, match="not empty"):
        database.delete_database_catalog(home.name)
    database.delete_synced_database_table(name)
    furnished.client.schemas.delete(f"{home.name}.fresh")
    database.delete_database_catalog(home.name)


@pytest.mark.documented
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"logical_database_name": None}, "no database catalog"),
        ({"spec": SyncedTableSpec(primary_key_columns=["id"])}, "source_table_full_name"),
        ({"spec": {"primary_key_columns": ["lost"]}}, "lost"),
        ({"spec": {"primary_key_columns": []}}, "primary_key_columns"),
    ],
)
def test_what_cannot_be_synced_is_refused(
    furnished: Furnished, more: dict[str, Any], said: str
) -> None:
    if isinstance(more.get("spec"), dict):
        spec = SyncedTableSpec(source_table_full_name=furnished.source, **more["spec"])
        more = {"spec": spec}
    with pytest.raises(BadRequest, match=said):
        furnished.client.database.create_synced_database_table(
            synced(furnished, f"{furnished.schema}.wrong", **more)
        )
    assert not furnished.client.tables.exists(f"{furnished.schema}.wrong").table_exists


@pytest.mark.documented
def test_rights_in_unity_catalog_and_on_the_instance_are_asked_for(
    furnished: Furnished, somebody: Any
) -> None:
    robot, client = somebody(), furnished.client
    with pytest.raises(PermissionDenied, match="CREATE"):
        robot.database.create_database_catalog(catalog(furnished, "mine"))
    name = f"{furnished.schema}.theirs"
    with pytest.raises(PermissionDenied):
        robot.database.create_synced_database_table(synced(furnished, name))
    client.database.create_synced_database_table(synced(furnished, name))
    with pytest.raises(PermissionDenied, match="MANAGE"):
        robot.database.delete_synced_database_table(name)
    client.database.delete_synced_database_table(name)
    own = DatabaseInstance(name=f"own-{furnished.suffix}")
    robot.database.create_database_instance(own)
    client.database.delete_database_instance(own.name)
