"""Experiments belong to who made them: others need a permission, on every way to the data."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


@pytest.fixture(scope="module")
def stranger(workspace: Any) -> Any:
    """A client of a service principal that nobody has given anything."""
    from databricks.sdk import WorkspaceClient

    admin = workspace.client("dev")
    made = admin.service_principals.create(display_name=f"stranger-{uuid.uuid4().hex[:6]}")
    secret = admin.service_principal_secrets_proxy.create(made.id).secret
    return WorkspaceClient(
        host=workspace.host("dev"),
        client_id=made.application_id,
        client_secret=secret,
        auth_type="oauth-m2m",
    )


@pytest.fixture
def experiment(workspace: Any) -> str:
    name = f"/Users/{workspace.user('dev')}/acl-{uuid.uuid4().hex[:8]}"
    return str(workspace.client("dev").experiments.create_experiment(name).experiment_id)


def allow(workspace: Any, who: Any, experiment: str, level: str) -> None:
    from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

    name = who.current_user.me().user_name
    entry = AccessControlRequest(
        service_principal_name=name, permission_level=PermissionLevel(level)
    )
    workspace.client("dev").permissions.update(
        "experiments", experiment, access_control_list=[entry]
    )


@pytest.mark.documented
def test_a_stranger_neither_sees_nor_changes_an_experiment(
    workspace: Any, stranger: Any, experiment: str
) -> None:
    from databricks.sdk.errors import PermissionDenied

    run = workspace.client("dev").experiments.create_run(experiment_id=experiment).run
    api = stranger.experiments
    for refused in (
        lambda: api.get_experiment(experiment),
        lambda: api.create_run(experiment_id=experiment),
        lambda: api.get_run(run.info.run_id),
        lambda: api.log_metric("m", 1.0, 1, run_id=run.info.run_id),
        lambda: list(api.search_runs(experiment_ids=[experiment])),
        lambda: api.delete_experiment(experiment),
    ):
        with pytest.raises(PermissionDenied):
            refused()
    assert experiment not in [one.experiment_id for one in api.list_experiments()]


@pytest.mark.documented
def test_levels_of_an_experiment(workspace: Any, stranger: Any, experiment: str) -> None:
    from databricks.sdk.errors import PermissionDenied

    api = stranger.experiments
    allow(workspace, stranger, experiment, "CAN_READ")
    assert api.get_experiment(experiment).experiment.experiment_id == experiment
    assert experiment in [one.experiment_id for one in api.list_experiments()]
    with pytest.raises(PermissionDenied):
        api.create_run(experiment_id=experiment)
    allow(workspace, stranger, experiment, "CAN_EDIT")
    assert api.create_run(experiment_id=experiment).run.info.experiment_id == experiment
    with pytest.raises(PermissionDenied):
        api.delete_experiment(experiment)
    allow(workspace, stranger, experiment, "CAN_MANAGE")
    api.delete_experiment(experiment)


@pytest.mark.documented
def test_who_manages_a_folder_manages_the_experiments_in_it(workspace: Any, stranger: Any) -> None:
    name = f"/Shared/open-{uuid.uuid4().hex[:8]}"  # everybody manages /Shared
    made = workspace.client("dev").experiments.create_experiment(name).experiment_id
    assert stranger.experiments.get_experiment(made).experiment.name == name
    assert made in [one.experiment_id for one in stranger.experiments.list_experiments()]
    artifacts = f"/WorkspaceInternal/Mlflow/Artifacts/{made}/Runs/abc"
    stranger.files.upload(f"{artifacts}/notes.txt", io.BytesIO(b"kept"))
    assert [one.name for one in stranger.files.list_directory_contents(artifacts)] == ["notes.txt"]
    stranger.experiments.delete_experiment(made)


@pytest.mark.documented
def test_artifacts_are_closed_where_the_folder_is(
    workspace: Any, stranger: Any, experiment: str
) -> None:
    from databricks.sdk.errors import PermissionDenied

    artifacts = f"/WorkspaceInternal/Mlflow/Artifacts/{experiment}/Runs/abc"
    workspace.client("dev").files.upload(f"{artifacts}/notes.txt", io.BytesIO(b"kept"))
    for act in (
        lambda: list(stranger.files.list_directory_contents(artifacts)),
        lambda: stranger.files.download(f"{artifacts}/notes.txt"),
        lambda: stranger.files.upload(f"{artifacts}/more.txt", io.BytesIO(b"no")),
    ):
        with pytest.raises(PermissionDenied):
            act()


@pytest.mark.belief
def test_an_experiment_is_made_only_where_its_folder_may_be_edited(
    workspace: Any, stranger: Any
) -> None:
    from databricks.sdk.errors import PermissionDenied

    name = f"/Users/{workspace.user('dev')}/not-mine-{uuid.uuid4().hex[:8]}"
    with pytest.raises(PermissionDenied):
        stranger.experiments.create_experiment(name)


@pytest.mark.belief
def test_to_everybody_an_unknown_experiment_does_not_exist(stranger: Any) -> None:
    from databricks.sdk.errors import ResourceDoesNotExist

    with pytest.raises(ResourceDoesNotExist):
        stranger.experiments.get_experiment("987654321")
