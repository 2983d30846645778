"""Catalogs, schemas, volumes, tables and functions, driven by the official SDK."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceConflict,
)
from databricks.sdk.service.catalog import (
    CatalogIsolationMode,
    ColumnInfo,
    ColumnTypeName,
    DataSourceFormat,
    TableType,
    VolumeType,
)


def fresh(stem: str = "x") -> str:
    return f"{stem}{uuid.uuid4().hex[:8]}"


@pytest.mark.documented
def test_a_new_metastore_has_the_three_environments(metastore: Any) -> None:
    names = {one.name for one in metastore.client("dev").catalogs.list()}
    assert {"dev", "prod"} <= names
    assert "staging" not in names
    everything = metastore.client("dev").catalogs.list(include_unbound=True)
    assert {"dev", "staging", "prod"} <= {one.name for one in everything}
    assert metastore.client("dev").schemas.get("dev.default").owner == metastore.owner.user_name
    assert metastore.client("prod").catalogs.get("prod").isolation_mode is (
        CatalogIsolationMode.ISOLATED
    )


@pytest.mark.documented
def test_the_workspace_knows_its_metastore(metastore: Any) -> None:
    client = metastore.client("staging")
    assignment = client.metastores.current()
    assert assignment.default_catalog_name == "staging"
    assert client.metastores.summary().metastore_id == assignment.metastore_id
    assert [one.metastore_id for one in client.metastores.list()] == [assignment.metastore_id]


@pytest.mark.documented
def test_a_catalog_lives_and_goes_with_force(metastore: Any) -> None:
    client, name = metastore.client(), fresh("cat")
    made = client.catalogs.create(name, comment="one")
    assert made.isolation_mode is CatalogIsolationMode.OPEN
    assert client.catalogs.update(name, comment="two", properties={"a": "b"}).comment == "two"
    client.schemas.create("s", name)
    with pytest.raises(BadRequest, match="not empty"):
        client.catalogs.delete(name)
    renamed = fresh("cat")
    assert client.catalogs.update(name, new_name=renamed).name == renamed
    assert client.schemas.get(f"{renamed}.s").catalog_name == renamed
    volume = client.volumes.create(renamed, "s", "v", VolumeType.MANAGED)
    assert folder(volume).is_dir()
    client.catalogs.delete(renamed, force=True)
    assert not folder(volume).exists()
    with pytest.raises(NotFound, match="does not exist"):
        client.catalogs.get(renamed)


@pytest.mark.belief
def test_the_catalog_of_a_workspace_stays(metastore: Any) -> None:
    with pytest.raises(PermissionDenied, match="belongs to workspace"):
        metastore.client().catalogs.delete("dev", force=True)


@pytest.mark.documented
def test_a_schema_is_lower_cased_changed_and_dropped(metastore: Any) -> None:
    client, name = metastore.client(), fresh("Sales")
    made = client.schemas.create(name, "DEV", comment="one", properties={"a": "1"})
    assert made.full_name == f"dev.{name.lower()}"
    with pytest.raises(ResourceConflict, match="already exists") as caught:
        client.schemas.create(name, "dev")
    assert caught.value.error_code == "SCHEMA_ALREADY_EXISTS"
    assert client.schemas.update(made.full_name, comment="two").comment == "two"
    assert client.schemas.get(made.full_name.upper()).properties == {"a": "1"}
    assert made.full_name in {one.full_name for one in client.schemas.list("dev")}
    client.volumes.create("dev", made.name, "v", VolumeType.MANAGED)
    with pytest.raises(BadRequest, match=r"1 volume\(s\)"):
        client.schemas.delete(made.full_name)
    client.schemas.delete(made.full_name, force=True)
    with pytest.raises(NotFound) as gone:
        client.schemas.get(made.full_name)
    assert gone.value.error_code == "SCHEMA_DOES_NOT_EXIST"


@pytest.mark.documented
@pytest.mark.parametrize("name", ["a.b", "a/b", "a b", ""])
def test_names_that_cannot_be(metastore: Any, name: str) -> None:
    with pytest.raises(InvalidParameterValue, match="name"):
        metastore.client().schemas.create(name, "dev")


@pytest.mark.documented
def test_a_missing_parent_is_named(metastore: Any, schema: str) -> None:
    client = metastore.client()
    with pytest.raises(NotFound, match="Catalog 'nowhere' does not exist"):
        client.schemas.create("s", "nowhere")
    with pytest.raises(NotFound, match=r"Schema 'dev.nowhere' does not exist"):
        client.volumes.create("dev", "nowhere", "v", VolumeType.MANAGED)


@pytest.mark.documented
def test_a_volume_is_a_folder(metastore: Any, schema: str) -> None:
    client = metastore.client()
    made = client.volumes.create("dev", schema, "raw", VolumeType.MANAGED, comment="c")
    assert folder(made) == metastore.catalog.volume_path("dev", schema, "raw")
    assert folder(made).is_dir()
    renamed = client.volumes.update(made.full_name, new_name="landing")
    assert renamed.full_name == f"dev.{schema}.landing"
    assert renamed.storage_location == made.storage_location
    assert [one.name for one in client.volumes.list("dev", schema)] == ["landing"]
    client.volumes.delete(renamed.full_name)
    assert not folder(made).exists()
    with pytest.raises(InvalidParameterValue, match="takes no storage_location"):
        client.volumes.create("dev", schema, "m", VolumeType.MANAGED, storage_location="s3://b")
    with pytest.raises(InvalidParameterValue, match="cloud storage"):
        client.volumes.create("dev", schema, "e", VolumeType.EXTERNAL, storage_location="s3://b")


def columns() -> list[ColumnInfo]:
    return [
        ColumnInfo(
            name="id", type_text="bigint", type_name=ColumnTypeName.LONG, position=0, nullable=False
        ),
        ColumnInfo(
            name="price",
            type_text="decimal(10,2)",
            type_name=ColumnTypeName.DECIMAL,
            position=1,
            comment="in EUR",
        ),
    ]


@pytest.mark.documented
def test_a_managed_table_is_a_delta_table_and_shows_what_its_log_says(
    metastore: Any, schema: str
) -> None:
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    client = metastore.client()
    made = client.tables.create(
        "Orders", "dev", schema, TableType.MANAGED, DataSourceFormat.DELTA, "", columns=columns()
    )
    name = f"dev.{schema}.orders"
    assert made.full_name == name
    assert client.tables.exists(name).table_exists
    assert not client.tables.exists(f"{name}2").table_exists
    assert [one.name for one in DeltaTable(str(folder(made))).schema().fields] == ["id", "price"]
    got = client.tables.get(name)
    assert [(c.name, c.type_name, c.nullable, c.comment) for c in got.columns] == [
        ("id", ColumnTypeName.LONG, False, None),
        ("price", ColumnTypeName.DECIMAL, True, "in EUR"),
    ]
    write_deltalake(
        str(folder(made)), pa.table({"other": ["a"]}), mode="overwrite", schema_mode="overwrite"
    )
    assert [c.name for c in client.tables.get(name).columns] == ["other"]
    listed = list(client.tables.list("dev", schema))
    assert [one.full_name for one in listed] == [name]
    bare = next(iter(client.tables.list("dev", schema, omit_columns=True)))
    assert not bare.columns
    summary = list(client.tables.list_summaries("dev", schema_name_pattern=f"{schema[:4]}%"))
    assert name in {one.full_name for one in summary}
    client.tables.delete(name)
    assert not folder(made).exists()
    with pytest.raises(NotFound) as gone:
        client.tables.get(name)
    assert gone.value.error_code == "TABLE_DOES_NOT_EXIST"


@pytest.mark.belief
def test_a_table_elsewhere_is_refused(metastore: Any, schema: str) -> None:
    client = metastore.client()
    prod = (metastore.home.catalog("prod") / "tables" / "stolen").as_uri()
    up = (metastore.home.catalog("dev") / "tables" / ".." / ".." / "prod" / "tables").as_uri()
    for location in (prod, up, "s3://bucket/t", "/etc", "file:///etc/passwd"):
        with pytest.raises(InvalidParameterValue, match="not in an external location"):
            client.tables.create(
                "t", "dev", schema, TableType.EXTERNAL, DataSourceFormat.DELTA, location
            )


@pytest.mark.belief
def test_an_engine_registers_a_table_where_the_catalog_said(metastore: Any, schema: str) -> None:
    client = metastore.client()
    dev = metastore.workspaces["dev"]
    name = f"dev.{schema}.planned"
    place = metastore.catalog.tables.new_location(metastore.owner, dev, name)
    made = client.tables.create(
        "planned", "dev", schema, TableType.EXTERNAL, DataSourceFormat.DELTA, place.as_uri()
    )
    assert folder(made) == place
    with pytest.raises(ResourceConflict, match="already belongs"):
        client.tables.create(
            "twice", "dev", schema, TableType.EXTERNAL, DataSourceFormat.DELTA, place.as_uri()
        )
    client.tables.delete(name)
    assert not place.exists()


@pytest.mark.documented
def test_a_function_is_kept(metastore: Any, schema: str) -> None:
    client = metastore.client()
    described = {
        "name": "Twice",
        "catalog_name": "dev",
        "schema_name": schema,
        "input_params": {"parameters": [{"name": "x", "type_text": "int", "type_name": "INT"}]},
        "data_type": "INT",
        "full_data_type": "INT",
        "routine_body": "SQL",
        "routine_definition": "x * 2",
    }
    base = "/api/2.1/unity-catalog/functions"
    made = client.api_client.do("POST", base, body={"function_info": described})
    assert made["full_name"] == f"dev.{schema}.twice"
    got = client.functions.get(made["full_name"])
    assert got.routine_definition == "x * 2"
    assert [one.name for one in client.functions.list("dev", schema)] == ["twice"]
    client.functions.delete(made["full_name"])
    with pytest.raises(NotFound):
        client.functions.get(made["full_name"])


@pytest.mark.documented
def test_lists_come_in_pages(metastore: Any, schema: str) -> None:
    client = metastore.client()
    for at in range(5):
        client.volumes.create("dev", schema, f"v{at}", VolumeType.MANAGED)
    query = {"catalog_name": "dev", "schema_name": schema, "max_results": 2}
    first = client.api_client.do("GET", "/api/2.1/unity-catalog/volumes", query=query)
    assert len(first["volumes"]) == 2
    assert first["next_page_token"]
    every = client.volumes.list("dev", schema, max_results=2)
    assert [one.name for one in every] == [f"v{at}" for at in range(5)]


@pytest.mark.belief
def test_what_a_kill_leaves_is_swept_at_the_next_start(metastore: Any, schema: str) -> None:
    client = metastore.client()
    kept = folder(client.volumes.create("dev", schema, "kept", VolumeType.MANAGED))
    stray = metastore.home.catalog("dev") / "tables" / "stray"
    stray.mkdir()
    from brickyard.workspace.catalog import folders

    assert folders.orphans(metastore.catalog.metastore) == [stray]
    folders.remove([stray])
    assert kept.is_dir()


def folder(shown: Any) -> Path:
    return Path(urlsplit(shown.storage_location).path)
