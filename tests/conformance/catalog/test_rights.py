"""Grants and workspace bindings are enforced for every caller, whatever the route."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.catalog import (
    CatalogIsolationMode,
    DataSourceFormat,
    PermissionsChange,
    Privilege,
    TableType,
    VolumeOperation,
    VolumeType,
    WorkspaceBinding,
    WorkspaceBindingBindingType,
)

EVERYTHING = ("SELECT", "MODIFY", "READ_VOLUME", "WRITE_VOLUME", "MANAGE", "BROWSE")


def grant(client: Any, kind: str, name: str, who: Any, *add: Privilege) -> None:
    changes = [PermissionsChange(principal=who.user_name, add=list(add))]
    client.grants.update(kind, name, changes=changes)


@pytest.fixture
def prod_schema(metastore: Any) -> str:
    made = metastore.client("prod").schemas.create(f"s{uuid.uuid4().hex[:8]}", "prod")
    return str(made.full_name)


# -- bindings ---------------------------------------------------------------------------------


@pytest.mark.documented
@pytest.mark.parametrize("workspace", ["dev", "staging"])
def test_prod_is_read_only_elsewhere_even_for_the_owner(
    metastore: Any, prod_schema: str, workspace: str
) -> None:
    name = prod_schema.partition(".")[2]
    inside = metastore.client("prod", metastore.deployer("prod"))
    volume = inside.volumes.create("prod", name, "v", VolumeType.MANAGED)
    table = inside.tables.create("t", "prod", name, TableType.MANAGED, DataSourceFormat.DELTA, "")
    client = metastore.client(workspace)
    assert client.tables.get(table.full_name).name == "t"
    refused = rf"'prod' is bound to workspace '{workspace}' as read-only .*from workspace 'prod'"
    for write in (
        lambda: client.schemas.create("s2", "prod"),
        lambda: client.schemas.delete(prod_schema, force=True),
        lambda: client.schemas.update(prod_schema, comment="c"),
        lambda: client.volumes.create("prod", name, "w", VolumeType.MANAGED),
        lambda: client.volumes.delete(volume.full_name),
        lambda: client.tables.delete(table.full_name),
        lambda: client.tables.create(
            "u", "prod", name, TableType.MANAGED, DataSourceFormat.DELTA, ""
        ),
        lambda: client.registered_models.create(catalog_name="prod", schema_name=name, name="m"),
        lambda: client.catalogs.update("prod", isolation_mode=CatalogIsolationMode.OPEN),
        lambda: grant(client, "catalog", "prod", metastore.owner, Privilege.SELECT),
        lambda: client.temporary_volume_credentials.generate_temporary_volume_credentials(
            volume_id=volume.volume_id, operation=VolumeOperation.WRITE_VOLUME
        ),
    ):
        with pytest.raises(PermissionDenied, match=refused):
            write()
    where = metastore.workspaces[workspace]
    catalog = metastore.catalog
    with pytest.raises(Exception, match=refused):
        catalog.authorize(metastore.owner, where, "MODIFY", "table", f"{prod_schema}.missing")
    modes = {one.name: one.mode for one in catalog.mounts(metastore.owner, where)}
    assert modes.pop("samples", "ro") == "ro"  # comes a moment after the start
    assert modes == {"prod": "ro", workspace: "rw"} | {
        name: mode for name, mode in modes.items() if name.startswith("cat")
    }


@pytest.mark.documented
def test_an_unbound_catalog_cannot_be_reached(metastore: Any) -> None:
    client = metastore.client("dev")
    for reach in (
        lambda: client.catalogs.get("staging"),
        lambda: list(client.schemas.list("staging")),
        lambda: client.schemas.get("staging.default"),
        lambda: client.schemas.create("s", "staging"),
        lambda: client.tables.get("staging.default.t"),
    ):
        with pytest.raises(PermissionDenied, match=r"'staging' is not accessible .*'dev'"):
            reach()


@pytest.mark.documented
def test_bindings_are_shown_in_both_ways(metastore: Any) -> None:
    ids = {name: info.id for name, info in metastore.workspaces.items()}
    client = metastore.client("dev")
    listed = client.workspace_bindings.get_bindings("catalog", "prod")
    assert {one.workspace_id: one.binding_type for one in listed} == {
        ids["prod"]: WorkspaceBindingBindingType.BINDING_TYPE_READ_WRITE,
        ids["dev"]: WorkspaceBindingBindingType.BINDING_TYPE_READ_ONLY,
        ids["staging"]: WorkspaceBindingBindingType.BINDING_TYPE_READ_ONLY,
    }
    assert set(client.workspace_bindings.get("prod").workspaces) == set(ids.values())


@pytest.mark.belief
def test_bindings_change_only_where_the_catalog_is_writable(metastore: Any) -> None:
    ids = {name: info.id for name, info in metastore.workspaces.items()}
    unlock = [WorkspaceBinding(ids["dev"], WorkspaceBindingBindingType.BINDING_TYPE_READ_WRITE)]
    with pytest.raises(PermissionDenied, match="read-only"):
        metastore.client("dev").workspace_bindings.update_bindings("catalog", "prod", add=unlock)
    with pytest.raises(PermissionDenied, match="not accessible"):
        metastore.client("dev").workspace_bindings.update_bindings("catalog", "staging", add=unlock)
    name = f"cat{uuid.uuid4().hex[:8]}"
    client = metastore.client("dev")
    client.catalogs.create(name)
    client.catalogs.update(name, isolation_mode=CatalogIsolationMode.ISOLATED)
    with pytest.raises(PermissionDenied, match="not accessible"):
        metastore.client("prod").catalogs.get(name)
    with pytest.raises(InvalidParameterValue, match="writable from no workspace"):
        client.workspace_bindings.update(name, unassign_workspaces=[ids["dev"]])
    read_only = WorkspaceBinding(ids["prod"], WorkspaceBindingBindingType.BINDING_TYPE_READ_ONLY)
    client.workspace_bindings.update_bindings("catalog", name, add=[read_only])
    assert metastore.client("prod").catalogs.get(name).name == name
    with pytest.raises(InvalidParameterValue, match="not attached"):
        client.workspace_bindings.update(name, assign_workspaces=[4711])
    client.catalogs.delete(name, force=True)


# -- grants -----------------------------------------------------------------------------------


@pytest.mark.documented
def test_rights_come_step_by_step(metastore: Any) -> None:
    owner, somebody = metastore.client(), metastore.somebody()
    name = f"cat{uuid.uuid4().hex[:8]}"
    owner.catalogs.create(name)
    owner.schemas.create("s", name)
    owner.tables.create("t", name, "s", TableType.MANAGED, DataSourceFormat.DELTA, "")
    client = metastore.client("dev", somebody)
    table = f"{name}.s.t"
    assert name not in {one.name for one in client.catalogs.list()}
    with pytest.raises(PermissionDenied, match=f"USE CATALOG on Catalog '{name}'"):
        client.tables.get(table)
    grant(owner, "table", table, somebody, Privilege.SELECT)
    grant(owner, "catalog", name, somebody, Privilege.USE_CATALOG)
    with pytest.raises(PermissionDenied, match=rf"USE SCHEMA on Schema '{name}\.s'"):
        client.tables.get(table)
    assert list(client.schemas.list(name)) == []
    grant(owner, "schema", f"{name}.s", somebody, Privilege.USE_SCHEMA)
    assert client.tables.get(table).name == "t"
    assert [one.full_name for one in client.schemas.list(name)] == [f"{name}.s"]
    with pytest.raises(PermissionDenied, match=f"MANAGE on Table '{table}'"):
        client.tables.delete(table)
    with pytest.raises(PermissionDenied, match=r"CREATE VOLUME on Schema"):
        client.volumes.create(name, "s", "v", VolumeType.MANAGED)
    can = metastore.catalog.can
    dev = metastore.workspaces["dev"]
    assert can(somebody, dev, "SELECT", "table", table)
    assert not can(somebody, dev, "MODIFY", "table", table)
    assert {m.name: m.mode for m in metastore.catalog.mounts(somebody, dev)}[name] == "ro"
    grant(owner, "schema", f"{name}.s", somebody, Privilege.ALL_PRIVILEGES)
    assert can(somebody, dev, "MODIFY", "table", table)
    assert not can(somebody, dev, "MANAGE", "table", table)
    assert {m.name: m.mode for m in metastore.catalog.mounts(somebody, dev)}[name] == "rw"
    owner.catalogs.delete(name, force=True)


@pytest.mark.documented
def test_who_makes_a_thing_owns_it_and_may_give_it_away(metastore: Any, schema: str) -> None:
    owner, somebody = metastore.client(), metastore.somebody()
    grant(owner, "schema", f"dev.{schema}", somebody, Privilege.CREATE_VOLUME)
    client = metastore.client("dev", somebody)
    made = client.volumes.create("dev", schema, "mine", VolumeType.MANAGED)
    assert made.owner == somebody.user_name
    client.volumes.update(made.full_name, owner=metastore.owner.user_name)
    with pytest.raises(PermissionDenied, match="MANAGE on Volume"):
        client.volumes.delete(made.full_name)
    with pytest.raises(NotFound, match="Could not find principal"):
        owner.volumes.update(made.full_name, owner="nobody@nowhere")


@pytest.mark.documented
def test_grants_are_shown_direct_and_effective(metastore: Any, schema: str) -> None:
    owner, somebody = metastore.client(), metastore.somebody()
    name = f"dev.{schema}"
    grant(owner, "schema", name, somebody, Privilege.SELECT, Privilege.USE_SCHEMA)
    got = owner.grants.get("schema", name).privilege_assignments
    assert [(one.principal, {p.value for p in one.privileges}) for one in got] == [
        (somebody.user_name, {"SELECT", "USE_SCHEMA"})
    ]
    changes = [PermissionsChange(principal=somebody.user_name, remove=[Privilege.SELECT])]
    owner.grants.update("schema", name, changes=changes)
    effective = owner.grants.get_effective("schema", name).privilege_assignments
    inherited = {
        (one.principal, held.privilege.value, held.inherited_from_name)
        for one in effective
        for held in one.privileges
    }
    assert (somebody.user_name, "USE_SCHEMA", None) in inherited
    assert ("account users", "SELECT", "dev") in inherited
    assert not any(who == somebody.user_name and what == "SELECT" for who, what, _ in inherited)


@pytest.mark.documented
def test_what_cannot_be_granted(metastore: Any, schema: str) -> None:
    owner, somebody = metastore.client(), metastore.somebody()
    with pytest.raises(BadRequest, match="not applicable"):
        grant(owner, "schema", f"dev.{schema}", somebody, Privilege.CREATE_CATALOG)
    changes = [PermissionsChange(principal="nobody", add=[Privilege.SELECT])]
    with pytest.raises(NotFound, match="Could not find principal with name nobody"):
        owner.grants.update("schema", f"dev.{schema}", changes=changes)
    # `admins` is another group in every workspace, so the shared metastore does not know it.
    changes = [PermissionsChange(principal="admins", add=[Privilege.SELECT])]
    with pytest.raises(NotFound, match="Could not find principal"):
        owner.grants.update("schema", f"dev.{schema}", changes=changes)
    with pytest.raises(PermissionDenied, match="MANAGE"):
        grant(
            metastore.client("dev", somebody), "schema", f"dev.{schema}", somebody, Privilege.SELECT
        )


@pytest.mark.documented
def test_a_group_carries_its_members(metastore: Any, schema: str) -> None:
    from brickyard.workspace.identity import directory
    from brickyard.workspace.identity.records import Group, new_id

    somebody = metastore.somebody()
    group = Group(id=new_id(), display_name=f"g{uuid.uuid4().hex[:6]}", workspace="dev")
    with metastore.identity.write() as tx:
        directory.add_group(tx, group)
        directory.set_members(tx, group.id, [somebody.id])
    changes = [PermissionsChange(principal=group.display_name, add=[Privilege.CREATE_VOLUME])]
    metastore.client().grants.update("schema", f"dev.{schema}", changes=changes)
    client = metastore.client("dev", somebody)
    assert client.volumes.create("dev", schema, "g", VolumeType.MANAGED).name == "g"


@pytest.mark.belief
def test_deployers_write_where_they_belong(metastore: Any) -> None:
    robot = metastore.deployer("staging")
    client = metastore.client("staging", robot)
    name = f"s{uuid.uuid4().hex[:8]}"
    assert client.schemas.create(name, "staging").owner == robot.user_name
    with pytest.raises(PermissionDenied, match="read-only"):
        client.schemas.create(name, "prod")
    modes = {
        one.name: one.mode
        for one in metastore.catalog.mounts(robot, metastore.workspaces["staging"])
    }
    assert {"prod": "ro", "staging": "rw"}.items() <= modes.items()
    assert "dev" not in modes


@pytest.mark.belief
def test_everybody_reads_prod_and_nobody_else_writes_it(metastore: Any) -> None:
    somebody, prod = metastore.somebody(), metastore.workspaces["prod"]
    can = metastore.catalog.can
    assert can(somebody, prod, "SELECT", "schema", "prod.default")
    assert not can(somebody, prod, "MODIFY", "schema", "prod.default")
    assert can(metastore.deployer("prod"), prod, "MODIFY", "schema", "prod.default")


@pytest.mark.belief
def test_what_was_read_and_written_is_kept(metastore: Any) -> None:
    catalog, dev = metastore.catalog, metastore.workspaces["dev"]
    catalog.record_access(metastore.owner, dev, "prod.default.T", "read", "run:7")
    catalog.record_access(metastore.owner, dev, "dev.default.t", "write", "run:7")
    catalog.record_access(metastore.owner, dev, "dev.default.t", "write", "run:70")
    found = catalog.accesses(source="run:7")
    assert [(one.full_name, one.mode) for one in found] == [
        ("prod.default.t", "read"),
        ("dev.default.t", "write"),
    ]
    assert len(catalog.accesses(source="run:7*", mode="write")) == 2
    assert catalog.accesses(full_name="prod.default.t", workspace="prod") == []
