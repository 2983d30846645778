"""Apps as objects: made with their service principal, listed, updated, permitted, deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
)
from databricks.sdk.service import apps
from databricks.sdk.service.apps import App, AppAccessControlRequest, AppPermissionLevel
from databricks.sdk.service.jobs import ConditionTask, ConditionTaskOp, Task

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Make = Callable[..., Any]
JOB = apps.AppResourceJobJobPermission
USE = apps.AppResourceSecretSecretPermission


@pytest.fixture(scope="module")
def job(dev: WorkspaceClient) -> Any:
    condition = ConditionTask(op=ConditionTaskOp.EQUAL_TO, left="a", right="a")
    made = dev.jobs.create(name="used", tasks=[Task(task_key="t", condition_task=condition)])
    yield str(made.job_id)
    dev.jobs.delete(made.job_id)


def levels_on_job(client: WorkspaceClient, job: str, who: str) -> set[str]:
    entries = client.jobs.get_permissions(job).access_control_list
    return {
        held.permission_level.value
        for entry in entries
        if entry.service_principal_name == who
        for held in entry.all_permissions
    }


@pytest.mark.recorded
def test_an_app_without_compute_is_stopped_and_says_where_it_will_be(
    dev: WorkspaceClient, make: Make
) -> None:
    made = make(description="first")
    assert made.compute_status.state.value == "STOPPED"
    assert made.app_status.state.value == "UNAVAILABLE"
    assert (made.compute_size.value, made.forward_user_access_token) == ("MEDIUM", True)
    assert made.url.startswith("http://127.0.0.1:")
    assert made.creator == dev.current_user.me().user_name
    assert made.effective_user_api_scopes == ["iam.access-control:read", "iam.current-user:read"]
    assert made.active_deployment is None
    assert dev.apps.get(made.name).as_dict() == made.as_dict()
    assert made.name in {one.name for one in dev.apps.list()}
    robot = dev.service_principals.get(str(made.service_principal_id))
    assert robot.application_id == made.service_principal_client_id
    assert robot.display_name == made.service_principal_name
    with pytest.raises(ResourceAlreadyExists, match="An app with the same name already exists"):
        make(name=made.name)


@pytest.mark.documented
@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "dash-", ""])
def test_names_have_small_letters_numbers_and_dashes(make: Make, name: str) -> None:
    with pytest.raises(InvalidParameterValue, match="App name"):
        make(name=name)


@pytest.mark.recorded
def test_updates_change_the_fields_that_the_mask_names(dev: WorkspaceClient, make: Make) -> None:
    name = make(description="before", user_api_scopes=["sql"]).name
    assert dev.apps.get_update(name).status.state.value == "NOT_UPDATED"
    mask = "description,user_api_scopes,compute_size"
    done = dev.apps.create_update_and_wait(name, mask, app=App(name=name, description="after"))
    assert done.status.state.value == "SUCCEEDED"
    got = dev.apps.get(name)
    assert (got.description, got.user_api_scopes) == ("after", None)
    assert got.compute_size.value == "MEDIUM"  # a default stays
    dev.apps.update(name, App(name=name, user_api_scopes=["sql"]))
    got = dev.apps.get(name)
    assert (got.description, got.user_api_scopes) == ("after", ["sql"])
    assert "sql" in got.effective_user_api_scopes
    with pytest.raises(InvalidParameterValue, match="nonsense"):
        dev.apps.create_update(name, "nonsense", app=App(name=name))


@pytest.mark.recorded
def test_what_an_app_uses_is_granted_to_it_and_taken_back(
    dev: WorkspaceClient, make: Make, job: str
) -> None:
    dev.secrets.create_scope("app-uses")
    dev.secrets.put_secret("app-uses", "key", string_value="hidden")
    uses = [
        apps.AppResource(name="job", job=apps.AppResourceJob(id=job, permission=JOB.CAN_VIEW)),
        apps.AppResource(
            name="secret",
            secret=apps.AppResourceSecret(scope="app-uses", key="key", permission=USE.READ),
        ),
        apps.AppResource(
            name="rows",
            uc_securable=apps.AppResourceUcSecurable(
                securable_full_name="dev.default.app_uses",
                securable_type=apps.AppResourceUcSecurableUcSecurableType.VOLUME,
                permission=apps.AppResourceUcSecurableUcSecurablePermission.WRITE_VOLUME,
            ),
        ),
    ]
    from databricks.sdk.service.catalog import VolumeType

    dev.volumes.create("dev", "default", "app_uses", VolumeType.MANAGED)
    try:
        made = make(resources=uses)
        robot = made.service_principal_client_id
        assert levels_on_job(dev, job, robot) == {"CAN_VIEW"}
        held = {one.principal: one.permission.value for one in dev.secrets.list_acls("app-uses")}
        assert held[robot] == "READ"
        grants = dev.grants.get("volume", "dev.default.app_uses", principal=robot)
        assert [p.value for one in grants.privilege_assignments for p in one.privileges] == [
            "WRITE_VOLUME"
        ]
        dev.apps.create_update_and_wait(made.name, "resources", app=App(name=made.name))
        assert levels_on_job(dev, job, robot) == set()
        assert robot not in {one.principal for one in dev.secrets.list_acls("app-uses")}
        grants = dev.grants.get("volume", "dev.default.app_uses", principal=robot)
        assert not grants.privilege_assignments
    finally:
        dev.volumes.delete("dev.default.app_uses")
        dev.secrets.delete_scope("app-uses")


@pytest.mark.documented
def test_an_app_may_use_a_foundation_model_and_not_manage_it(
    dev: WorkspaceClient, make: Make
) -> None:
    def use(permission: str) -> apps.AppResource:
        level = apps.AppResourceServingEndpointServingEndpointPermission(permission)
        endpoint = apps.AppResourceServingEndpoint("databricks-claude-sonnet-4", level)
        return apps.AppResource(name="model", serving_endpoint=endpoint)

    made = make(resources=[use("CAN_QUERY")])
    assert dev.apps.get(made.name).resources == [use("CAN_QUERY")]
    dev.apps.create_update_and_wait(made.name, "resources", app=App(name=made.name))
    assert not dev.apps.get(made.name).resources
    with pytest.raises(PermissionDenied):
        dev.apps.create(App(name="greedy-app", resources=[use("CAN_MANAGE")]), no_compute=True)


@pytest.mark.documented
def test_nobody_grants_an_app_what_they_may_not_grant(
    dev: WorkspaceClient, job: str, somebody: Any
) -> None:
    other = somebody()
    use = apps.AppResource(name="job", job=apps.AppResourceJob(id=job, permission=JOB.CAN_MANAGE))
    with pytest.raises(PermissionDenied):
        other.apps.create(App(name="greedy-app", resources=[use]), no_compute=True)
    with pytest.raises(NotFound):
        dev.apps.get("greedy-app")
    missing = apps.AppResource(name="no", job=apps.AppResourceJob(id="1", permission=JOB.CAN_VIEW))
    with pytest.raises(NotFound):
        dev.apps.create(App(name="greedy-app", resources=[missing]), no_compute=True)
    twice = [use, use]
    with pytest.raises(InvalidParameterValue, match="another resource with the name job"):
        dev.apps.create(App(name="greedy-app", resources=twice), no_compute=True)


@pytest.mark.documented
def test_others_see_and_change_an_app_by_its_permissions(
    dev: WorkspaceClient, make: Make, somebody: Any
) -> None:
    name, other = make().name, somebody()
    me = other.current_user.me().user_name
    with pytest.raises(PermissionDenied):
        other.apps.get(name)
    assert name not in {one.name for one in other.apps.list()}
    assert [
        one.permission_level.value for one in dev.apps.get_permission_levels(name).permission_levels
    ] == [
        "CAN_USE",
        "CAN_MANAGE",
    ]
    entry = AppAccessControlRequest(
        service_principal_name=me, permission_level=AppPermissionLevel.CAN_USE
    )
    dev.apps.update_permissions(name, access_control_list=[entry])
    assert other.apps.get(name).name == name
    for forbidden in (
        lambda: other.apps.update(name, App(name=name, description="mine")),
        lambda: other.apps.start(name),
        lambda: other.apps.deploy(name, apps.AppDeployment(source_code_path="/Shared")),
        lambda: other.apps.delete(name),
    ):
        with pytest.raises(PermissionDenied):
            forbidden()


@pytest.mark.recorded
def test_a_deleted_app_leaves_nothing_and_its_name_is_free(
    dev: WorkspaceClient, make: Make
) -> None:
    made = make()
    assert dev.apps.delete(made.name).compute_status.state.value == "DELETING"
    for gone in (
        lambda: dev.apps.get(made.name),
        lambda: dev.apps.delete(made.name),
        lambda: dev.apps.get_permissions(made.name),
        lambda: dev.service_principals.get(str(made.service_principal_id)),
    ):
        with pytest.raises(NotFound):
            gone()
    again = make(name=made.name)
    assert again.id != made.id
    assert again.service_principal_client_id != made.service_principal_client_id


@pytest.mark.documented
def test_only_started_apps_are_deployed_and_only_from_folders(
    dev: WorkspaceClient, make: Make
) -> None:
    name = make().name
    with pytest.raises(BadRequest, match="Start the app first"):
        dev.apps.deploy(name, apps.AppDeployment(source_code_path="/Workspace/Shared"))
    with pytest.raises(InvalidParameterValue, match="source_code_path"):
        dev.apps.deploy(name, apps.AppDeployment())
    with pytest.raises(NotFound):
        dev.apps.deploy(name, apps.AppDeployment(source_code_path="/Workspace/Shared/nowhere"))
    with pytest.raises(NotFound):
        dev.apps.get_deployment(name, "0" * 32)
