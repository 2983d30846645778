"""Lakebase projects, by the official SDK: what comes with them, changes, deletions, rights."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import AlreadyExists, BadRequest, NotFound, PermissionDenied
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.postgres import (
    Branch,
    BranchSpec,
    Catalog,
    CatalogCatalogSpec,
    Database,
    DatabaseDatabaseSpec,
    Endpoint,
    EndpointSpec,
    EndpointType,
    PostgresAPI,
    Project,
    ProjectDefaultEndpointSettings,
    ProjectSpec,
    Role,
    RoleAttributes,
    RoleIdentityType,
    RoleRoleSpec,
    SyncedTable,
    SyncedTableSyncedTableSpec,
)
from lake_place import Furnished


@pytest.fixture
def api(furnished: Furnished) -> PostgresAPI:
    return furnished.client.postgres


@pytest.fixture
def project(api: PostgresAPI) -> Iterator[str]:
    id = f"shop-{uuid.uuid4().hex[:8]}"
    made = api.create_project(Project(spec=ProjectSpec(display_name="Shop")), id).wait()
    assert made.name == f"projects/{id}"
    yield made.name
    api.delete_project(made.name, purge=True).wait()


def branch(api: PostgresAPI, project: str, id: str, **spec: Any) -> Branch:
    spec = spec or {"no_expiry": True}
    return api.create_branch(project, Branch(spec=BranchSpec(**spec)), id).wait()


def refused(asked: Any, *arguments: Any, error: type[Exception], match: str, **more: Any) -> None:
    with pytest.raises(error, match=match):
        asked(*arguments, **more)


@pytest.mark.documented
def test_a_project_comes_with_a_branch_an_endpoint_a_database_and_a_role(
    api: PostgresAPI, project: str, furnished: Furnished
) -> None:
    found = api.get_project(project)
    status, me = found.status, furnished.client.current_user.me().user_name
    assert (status.display_name, status.pg_version, status.owner) == ("Shop", 17, me)
    assert status.default_branch == f"{project}/branches/production"
    assert status.history_retention_duration.seconds == 604800
    assert status.enable_pg_native_login is False
    assert found.spec is None
    assert found.name in {one.name for one in api.list_projects()}

    main = api.get_branch(status.default_branch)
    assert (main.status.default, main.status.is_protected) == (True, False)
    assert (main.status.current_state.value, main.parent) == ("READY", project)
    primary = api.get_endpoint(f"{main.name}/endpoints/primary")
    assert primary.status.endpoint_type is EndpointType.ENDPOINT_TYPE_READ_WRITE
    assert primary.status.hosts.host.endswith(".invalid")
    assert primary.status.suspend_timeout_duration.seconds == 86400
    databases, roles = list(api.list_databases(main.name)), list(api.list_roles(main.name))
    assert [one.status.postgres_database for one in databases] == ["databricks_postgres"]
    assert [one.status.postgres_role for one in roles] == [me]
    assert databases[0].status.role == roles[0].name
    for gone, name in ((api.delete_branch, main.name), (api.delete_endpoint, primary.name)):
        with pytest.raises(BadRequest, match="Cannot delete") as caught:
            gone(name)
        assert caught.value.get_error_info()[0].metadata == {
            "declarative_context": "MANAGED_BY_PARENT"
        }


@pytest.mark.documented
def test_an_update_changes_what_its_mask_names(api: PostgresAPI, project: str) -> None:
    settings = ProjectDefaultEndpointSettings(autoscaling_limit_min_cu=2)
    spec = ProjectSpec(display_name="Other", default_endpoint_settings=settings)
    mask = FieldMask(["spec.default_endpoint_settings.autoscaling_limit_min_cu"])
    said = ProjectDefaultEndpointSettings(autoscaling_limit_max_cu=4)
    first = ProjectSpec(default_endpoint_settings=said)
    whole = FieldMask(["spec.default_endpoint_settings"])
    api.update_project(project, Project(spec=first), whole).wait()
    changed = api.update_project(project, Project(spec=spec), mask).wait()
    compute = changed.status.default_endpoint_settings
    assert (compute.autoscaling_limit_min_cu, compute.autoscaling_limit_max_cu) == (2, 4)
    assert changed.status.display_name == "Shop"
    named = api.update_project(project, Project(spec=spec), FieldMask(["spec.display_name"])).wait()
    assert named.status.display_name == "Other"
    assert api.get_project(project) == named
    for paths in (["name"], ["spec.pg_version"]):
        sent = Project(spec=ProjectSpec(pg_version=16))
        refused(
            api.update_project, project, sent, FieldMask(paths), error=BadRequest, match="pg_|mask"
        )


@pytest.mark.documented
def test_a_branch_has_the_databases_and_roles_of_its_source(api: PostgresAPI, project: str) -> None:
    main = f"{project}/branches/production"
    made = branch(api, project, "work", ttl=None, no_expiry=True)
    assert (made.status.source_branch, made.status.default) == (main, False)
    assert [one.status.postgres_database for one in api.list_databases(made.name)] == [
        "databricks_postgres"
    ]
    assert [one.endpoint_id for one in api.list_endpoints(made.name)] == ["primary"]
    again = Branch(spec=BranchSpec(is_protected=True))
    refused(api.create_branch, project, again, "work", error=AlreadyExists, match="such id")
    taken = api.create_branch(project, again, "work", replace_existing=True).wait()
    assert (taken.uid, taken.status.is_protected) == (made.uid, True)
    refused(api.delete_branch, made.name, error=BadRequest, match="protected branch")
    refused(api.delete_project, project, purge=True, error=BadRequest, match="protected branch")
    free = Branch(spec=BranchSpec(is_protected=False))
    api.update_branch(made.name, free, FieldMask(["spec.is_protected"])).wait()
    child = branch(api, project, "child", source_branch=made.name)
    refused(api.delete_branch, made.name, error=BadRequest, match="made of it")
    api.delete_branch(child.name, purge=True).wait()
    refused(api.undelete_branch, child.name, error=NotFound, match="branch")

    api.delete_branch(made.name).wait()
    for gone in (made.name, f"{made.name}/endpoints/primary"):
        refused(api.get_endpoint, gone, error=NotFound, match="branch id not found")
    assert made.name not in {one.name for one in api.list_branches(project)}
    trashed = {one.name: one for one in api.list_branches(project, show_deleted=True)}
    assert trashed[made.name].status.current_state.value == "DELETED"
    api.undelete_branch(made.name).wait()
    assert api.get_branch(made.name).uid == made.uid
    for purge in (False, True):
        api.delete_branch(made.name, purge=purge).wait()
    refused(api.undelete_branch, made.name, error=NotFound, match="branch")


@pytest.mark.documented
def test_roles_own_databases(api: PostgresAPI, project: str) -> None:
    main = f"{project}/branches/production"
    role = Role(spec=RoleRoleSpec(attributes=RoleAttributes(createdb=True)))
    owner = api.create_role(main, role, role_id="app-owner").wait()
    assert owner.status.auth_method.value == "PG_PASSWORD_SCRAM_SHA_256"
    assert (owner.status.attributes.createdb, owner.status.attributes.createrole) == (True, False)
    group = RoleRoleSpec(identity_type=RoleIdentityType.GROUP, postgres_role="users")
    generated = api.create_role(main, Role(spec=group)).wait()
    assert generated.status.auth_method.value == "LAKEBASE_OAUTH_V1"
    spec = DatabaseDatabaseSpec(role=owner.name, postgres_database="orders")
    made = api.create_database(main, Database(spec=spec), database_id="orders").wait()
    assert (made.status.postgres_database, made.status.role) == ("orders", owner.name)
    nobodys = Database(spec=DatabaseDatabaseSpec(role=f"{main}/roles/nobody"))
    refused(api.create_database, main, nobodys, error=NotFound, match="role id not found")
    for one in (Database(spec=spec), Database(spec=DatabaseDatabaseSpec(role=""))):
        refused(api.create_database, main, one, error=BadRequest, match="exists|role")
    refused(api.create_role, main, role, role_id="app-owner", error=BadRequest, match="exists")
    refused(api.create_role, main, role, role_id="a_b", error=BadRequest, match="role_id")

    renamed = Database(spec=DatabaseDatabaseSpec(role="", postgres_database="orders2"))
    mask = FieldMask(["spec.postgres_database"])
    after = api.update_database(made.name, renamed, mask).wait()
    assert (after.status.postgres_database, after.status.role) == ("orders2", owner.name)
    refused(api.delete_role, owner.name, error=BadRequest, match="owns databases")
    api.delete_role(owner.name, reassign_owned_to=generated.name).wait()
    assert api.get_database(made.name).status.role == generated.name
    api.delete_database(made.name).wait()
    refused(api.get_database, made.name, error=NotFound, match="database id not found")


@pytest.mark.documented
def test_a_branch_has_one_endpoint_to_write_to(api: PostgresAPI, project: str) -> None:
    main = f"{project}/branches/production"
    writing = EndpointSpec(endpoint_type=EndpointType.ENDPOINT_TYPE_READ_WRITE)
    reading = EndpointSpec(
        endpoint_type=EndpointType.ENDPOINT_TYPE_READ_ONLY, autoscaling_limit_max_cu=2
    )
    refused(
        api.create_endpoint,
        main,
        Endpoint(spec=writing),
        "second",
        error=BadRequest,
        match="read-write endpoint",
    )
    made = api.create_endpoint(main, Endpoint(spec=reading), "readers").wait()
    assert made.status.hosts.read_only_host == made.status.hosts.host
    assert made.status.autoscaling_limit_max_cu == 2
    wide = EndpointSpec(
        endpoint_type=EndpointType.ENDPOINT_TYPE_READ_ONLY,
        autoscaling_limit_min_cu=1,
        autoscaling_limit_max_cu=40,
    )
    mask = FieldMask(["spec.autoscaling_limit_min_cu", "spec.autoscaling_limit_max_cu"])
    refused(
        api.update_endpoint, made.name, Endpoint(spec=wide), mask, error=BadRequest, match="16 more"
    )
    api.delete_endpoint(made.name).wait()
    refused(api.get_endpoint, made.name, error=NotFound, match="endpoint id not found")


@pytest.mark.documented
def test_a_project_comes_back_unless_it_is_purged(api: PostgresAPI) -> None:
    id = f"shop-{uuid.uuid4().hex[:8]}"
    made = api.create_project(Project(spec=ProjectSpec()), id).wait()
    refused(
        api.create_project, Project(spec=ProjectSpec()), id, error=AlreadyExists, match="workspace"
    )
    operation = api.delete_project(made.name)
    operation.wait()
    assert api.get_operation(operation.name()).done
    refused(api.get_project, made.name, error=NotFound, match="project id not found")
    assert made.name not in {one.name for one in api.list_projects()}
    trashed = {one.name: one for one in api.list_projects(show_deleted=True)}
    assert trashed[made.name].purge_time.ToSeconds() > trashed[made.name].delete_time.ToSeconds()
    api.undelete_project(made.name).wait()
    assert api.get_project(made.name).uid == made.uid
    api.delete_project(made.name).wait()
    api.delete_project(made.name, purge=True).wait()
    refused(api.undelete_project, made.name, error=NotFound, match="project")
    refused(api.get_operation, f"{made.name}/operations/none", error=NotFound, match="operation")


@pytest.mark.documented
@pytest.mark.parametrize(
    ("id", "spec", "said"),
    [
        ("", {}, "project_id"),
        ("Shop", {}, "project_id"),
        ("fine", {"display_name": ""}, "display_name"),
        ("fine", {"history_retention_duration": "60s"}, "history_retention_duration"),
        ("fine", {"pg_version": "new"}, "pg_version"),
    ],
)
def test_what_a_project_cannot_have_is_refused(
    furnished: Furnished, id: str, spec: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadRequest, match=said):
        furnished.client.api_client.do(
            "POST", "/api/2.0/postgres/projects", query={"project_id": id}, body={"spec": spec}
        )


@pytest.mark.documented
def test_a_branchs_database_is_shown_in_unity_catalog(
    api: PostgresAPI, project: str, furnished: Furnished
) -> None:
    client, main = furnished.client, f"{project}/branches/production"
    name = f"pg_{furnished.suffix}"
    spec = CatalogCatalogSpec(branch=main, postgres_database="orders")
    refused(api.create_catalog, Catalog(spec=spec), name, error=NotFound, match="orders")
    spec.create_database_if_missing = True
    made = api.create_catalog(Catalog(spec=spec), name).wait()
    assert (made.name, made.status.project) == (f"catalogs/{name}", project)
    assert api.get_catalog(made.name) == made
    assert "orders" in {one.status.postgres_database for one in api.list_databases(main)}
    assert client.catalogs.get(name).catalog_type.value == "MANAGED_ONLINE_CATALOG"
    refused(client.database.get_database_catalog, name, error=NotFound, match="not registered")

    table = f"{name}.fresh.copied"
    wanted = SyncedTableSyncedTableSpec(
        source_table_full_name=furnished.source, primary_key_columns=["id"]
    )
    synced = api.create_synced_table(SyncedTable(spec=wanted), table).wait()
    assert (synced.name, synced.status.project) == (f"synced_tables/{table}", project)
    assert synced.status.detailed_state.value == "SYNCED_TABLE_ONLINE"
    assert api.get_synced_table(synced.name) == synced
    assert client.tables.get(table).table_id == synced.uid
    api.delete_synced_table(synced.name).wait()
    refused(client.tables.get, table, error=NotFound, match="copied")
    client.schemas.delete(f"{name}.fresh")
    api.delete_catalog(made.name).wait()
    refused(client.catalogs.get, name, error=NotFound, match=name)


@pytest.mark.documented
def test_a_project_is_its_makers_until_it_is_shared(
    api: PostgresAPI, project: str, furnished: Furnished, somebody: Any
) -> None:
    robot: WorkspaceClient = somebody()
    main = f"{project}/branches/production"
    refused(robot.postgres.get_project, project, error=PermissionDenied, match="permission")
    assert project not in {one.name for one in robot.postgres.list_projects()}
    entry = AccessControlRequest(
        service_principal_name=robot.current_user.me().user_name,
        permission_level=PermissionLevel.CAN_USE,
    )
    id = project.removeprefix("projects/")
    furnished.client.permissions.update("database-projects", id, access_control_list=[entry])
    assert robot.postgres.get_branch(main).name == main
    for asked in (robot.postgres.delete_project, robot.postgres.undelete_project):
        refused(asked, project, error=PermissionDenied, match="CAN_MANAGE")
    refused(
        robot.postgres.create_branch,
        project,
        Branch(spec=BranchSpec(no_expiry=True)),
        "mine",
        error=PermissionDenied,
        match="CAN_MANAGE",
    )
    refused(
        robot.postgres.generate_database_credential,
        f"{main}/endpoints/primary",
        error=PermissionDenied,
        match="No PostgreSQL runs",
    )
    operation = api.update_project(
        project, Project(spec=ProjectSpec(display_name="x")), FieldMask(["spec.display_name"])
    )
    refused(
        robot.postgres.get_operation,
        operation.name(),
        error=PermissionDenied,
        match="did not start",
    )
