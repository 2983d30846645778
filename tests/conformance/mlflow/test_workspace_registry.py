"""The workspace registry of models, through the SDK and MLflow's own client."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, NotFound, PermissionDenied
from databricks.sdk.service.ml import (
    ModelTag,
    RegisteredModelAccessControlRequest,
    RegisteredModelPermissionLevel,
)

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


@pytest.fixture
def name() -> str:
    return f"model {uuid.uuid4().hex[:8]}"


@pytest.mark.documented
def test_a_model_is_kept_renamed_and_deleted(workspace: Any, name: str) -> None:
    client = workspace.client("dev")
    registry = client.model_registry
    made = registry.create_model(
        name, description="one", tags=[ModelTag(key="team", value="a")]
    ).registered_model
    assert (made.name, made.description) == (name, "one")
    got = registry.get_model(name).registered_model_databricks
    assert (got.name, got.user_id) == (name, workspace.user("dev"))
    assert got.permission_level.value == "CAN_MANAGE"
    assert [(one.key, one.value) for one in got.tags] == [("team", "a")]
    assert registry.update_model(name, description="two").registered_model.description == "two"
    registry.set_model_tag(name, "team", "b")
    registry.delete_model_tag(name, "team")
    renamed = registry.rename_model(name, new_name=name + "!").registered_model
    after = registry.get_model(renamed.name).registered_model_databricks
    assert (after.id, after.description, after.tags) == (got.id, "two", [])
    assert name + "!" in {one.name for one in registry.list_models()}
    assert [one.name for one in registry.search_models(filter=f"name = '{name}!'")] == [name + "!"]
    with pytest.raises(DatabricksError, match="already exists"):
        registry.create_model(name + "!")
    staging = workspace.client("staging").model_registry
    with pytest.raises(NotFound):
        staging.get_model(name + "!")
    registry.delete_model(name + "!")
    for gone in (registry.get_model, registry.delete_model):
        with pytest.raises(NotFound):
            gone(name + "!")
    with pytest.raises(NotFound):
        registry.get_permissions(got.id)


@pytest.mark.documented
def test_mlflow_registers_a_version_moves_it_and_loads_it(
    workspace: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from mlflow import MlflowClient

    class Twice(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: list[str]) -> list[str]:
            return [2 * one for one in model_input]

    for key, value in workspace.environment("dev").items():
        if key.startswith("DATABRICKS_"):
            monkeypatch.setenv(key, value)
    mlflow.set_tracking_uri("databricks")
    mlflow.set_registry_uri("databricks")
    mlflow.set_experiment(f"/Shared/registry_{uuid.uuid4().hex[:8]}")
    logged = mlflow.pyfunc.log_model(
        name="twice", python_model=Twice(), pip_requirements=[], registered_model_name=name
    )
    assert int(logged.registered_model_version) == 1
    client = MlflowClient()
    moved = client.transition_model_version_stage(name, "1", "Production")
    assert moved.current_stage == "Production"
    assert [one.version for one in client.get_latest_versions(name, ["Production"])] == ["1"]
    loaded = mlflow.pyfunc.load_model(f"models:/{name}/Production")
    assert loaded.predict(["a"]) == ["aa"]
    sdk = workspace.client("dev").model_registry
    stage = sdk.transition_stage(name, "1", "Archived", archive_existing_versions=False)
    assert stage.model_version_databricks.current_stage == "Archived"
    sdk.delete_model_version(name, "1")
    sdk.delete_model(name)


@pytest.mark.documented
def test_a_model_is_for_those_who_have_a_permission(
    workspace: Any, name: str, somebody: Callable[..., WorkspaceClient]
) -> None:
    registry, other = workspace.client("dev").model_registry, somebody()
    theirs = other.model_registry
    registry.create_model(name)
    id = registry.get_model(name).registered_model_databricks.id
    with pytest.raises(PermissionDenied):
        theirs.get_model(name)
    assert name not in {one.name for one in theirs.list_models()}

    def allow(level: RegisteredModelPermissionLevel) -> None:
        entry = RegisteredModelAccessControlRequest(
            service_principal_name=str(other.current_user.me().user_name), permission_level=level
        )
        registry.update_permissions(id, access_control_list=[entry])

    allow(RegisteredModelPermissionLevel.CAN_READ)
    assert theirs.get_model(name).registered_model_databricks.permission_level.value == "CAN_READ"
    assert name in {one.name for one in theirs.list_models()}
    with pytest.raises(PermissionDenied):
        theirs.update_model(name, description="theirs")
    allow(RegisteredModelPermissionLevel.CAN_EDIT)
    theirs.update_model(name, description="theirs")
    version = registry.create_model_version(name, "s3://somewhere/model").model_version.version
    with pytest.raises(PermissionDenied):
        theirs.transition_stage(name, version, "Staging", False)
    allow(RegisteredModelPermissionLevel.CAN_MANAGE_STAGING_VERSIONS)
    theirs.transition_stage(name, version, "Staging", False)
    with pytest.raises(PermissionDenied):
        theirs.transition_stage(name, version, "Production", False)
    with pytest.raises(PermissionDenied):
        theirs.delete_model(name)
    registry.delete_model(name)


@pytest.mark.belief
def test_a_version_comes_from_what_its_maker_may_read(
    workspace: Any, name: str, somebody: Callable[..., WorkspaceClient]
) -> None:
    client, other = workspace.client("dev"), somebody()
    path = f"/Users/{workspace.user('dev')}/source-{uuid.uuid4().hex[:8]}"
    experiment = client.experiments.create_experiment(path).experiment_id
    other.model_registry.create_model(name)
    hidden = f"dbfs:/databricks/mlflow-tracking/{experiment}/x/artifacts/model"
    with pytest.raises(PermissionDenied):
        other.model_registry.create_model_version(name, hidden)
    for outside in ("/etc", "file:///etc"):
        with pytest.raises(DatabricksError, match="no place of this workspace's artifacts"):
            other.model_registry.create_model_version(name, outside)
    other.model_registry.delete_model(name)
