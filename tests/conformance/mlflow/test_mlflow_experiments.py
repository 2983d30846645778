"""Experiments through the Python SDK, as bundles deploy them, and who may touch them."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


def new_name() -> str:
    return f"/Shared/sdk-{uuid.uuid4().hex[:8]}"


@pytest.mark.documented
def test_an_experiment_from_creation_to_deletion(workspace: Any) -> None:
    api, name = workspace.client("dev").experiments, new_name()
    made = api.create_experiment(name).experiment_id
    api.update_experiment(made, new_name=name + "-renamed")
    found = api.get_experiment(made).experiment
    assert found.name == name + "-renamed"
    assert found.artifact_location == f"dbfs:/databricks/mlflow-tracking/{made}"
    assert made in [one.experiment_id for one in api.list_experiments()]
    api.delete_experiment(made)
    assert api.get_experiment(made).experiment.lifecycle_stage == "deleted"
    api.restore_experiment(made)
    assert api.get_experiment(made).experiment.lifecycle_stage == "active"


@pytest.mark.documented
def test_a_name_is_given_once(workspace: Any) -> None:
    from databricks.sdk.errors import ResourceAlreadyExists

    api, name = workspace.client("dev").experiments, new_name()
    api.create_experiment(name)
    with pytest.raises(ResourceAlreadyExists):
        api.create_experiment(name)


@pytest.mark.documented
def test_the_workspace_prefix_makes_no_difference(workspace: Any) -> None:
    api, name = workspace.client("dev").experiments, new_name()
    made = api.create_experiment("/Workspace" + name).experiment_id
    assert api.get_experiment(made).experiment.name == name
    for asked in (name, "/Workspace" + name):
        assert api.get_by_name(asked).experiment.experiment_id == made


@pytest.mark.documented
def test_an_unknown_experiment_does_not_exist(workspace: Any) -> None:
    from databricks.sdk.errors import ResourceDoesNotExist

    with pytest.raises(ResourceDoesNotExist):
        workspace.client("dev").experiments.get_experiment("987654321")


@pytest.mark.belief
def test_artifacts_of_an_experiment_may_live_in_a_volume_but_not_on_the_server(
    workspace: Any,
) -> None:
    from databricks.sdk.errors import InvalidParameterValue

    api = workspace.client("dev").experiments
    volume = "dbfs:/Volumes/dev/default/runs"
    made = api.create_experiment(new_name(), artifact_location=volume).experiment_id
    assert api.get_experiment(made).experiment.artifact_location == volume
    for location in ("file:///etc", "/etc", "dbfs:/databricks/mlflow-tracking/1"):
        with pytest.raises(InvalidParameterValue, match="artifact_location"):
            api.create_experiment(new_name(), artifact_location=location)


@pytest.mark.recorded
def test_a_search_that_is_not_offered_says_so_in_the_way_clients_fall_back_on(
    workspace: Any,
) -> None:
    url = workspace.host("dev") + "/api/4.0/mlflow/traces/search-long-running"
    request = urllib.request.Request(url, data=b"{}", method="POST")
    request.add_header("Authorization", f"Bearer {workspace.token('dev')}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 404
    assert json.load(refused.value)["error_code"] == "ENDPOINT_NOT_FOUND"


@pytest.mark.belief
def test_a_signed_address_is_worth_nothing_when_changed(workspace: Any) -> None:
    url = workspace.host("dev") + "/api/2.0/brickyard/artifacts?token=abc.def"
    for method in ("GET", "PUT"):
        request = urllib.request.Request(url, data=b"x" if method == "PUT" else None)
        request.method = method
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code == 403
        refused.value.close()


@pytest.mark.documented
def test_a_search_has_a_size_by_default(workspace: Any) -> None:
    api, name = workspace.client("dev").experiments, new_name()
    made = api.create_experiment(name).experiment_id
    found = [one.experiment_id for one in api.search_experiments(filter=f"name = '{name}'")]
    assert found == [made]
    got = workspace.client("dev").api_client.do(
        "GET", "/api/2.0/mlflow/experiments/search", query={"filter": f"name = '{name}'"}
    )
    assert [one["experiment_id"] for one in got["experiments"]] == [made]


@pytest.mark.documented
def test_the_sdk_changes_a_logged_model(workspace: Any) -> None:
    from databricks.sdk.service import ml

    api = workspace.client("dev").experiments
    experiment = api.create_experiment(new_name()).experiment_id
    made = api.create_logged_model(experiment, name="m").model.info.model_id
    api.log_logged_model_params(made, params=[ml.LoggedModelParameter("depth", "3")])
    api.set_logged_model_tags(made, tags=[ml.LoggedModelTag("team", "a"), ml.LoggedModelTag("b")])
    api.delete_logged_model_tag(made, "b")
    api.finalize_logged_model(made, ml.LoggedModelStatus.LOGGED_MODEL_READY)
    found = api.get_logged_model(made).model
    assert found.info.status == ml.LoggedModelStatus.LOGGED_MODEL_READY
    assert [(one.key, one.value) for one in found.data.params] == [("depth", "3")]
    assert [(one.key, one.value) for one in found.info.tags] == [("team", "a")]


@pytest.mark.documented
def test_runs_are_deleted_and_restored_by_their_time(workspace: Any) -> None:
    from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist

    api = workspace.client("dev").experiments
    experiment = api.create_experiment(new_name()).experiment_id
    for began in (1_000, 2_000, 3_000, 4_000):
        api.create_run(experiment_id=experiment, start_time=began)

    def active() -> list[int]:
        found = api.search_runs(experiment_ids=[experiment])
        return sorted(one.info.start_time for one in found)

    assert api.delete_runs(experiment, 3_000, max_runs=1).runs_deleted == 1
    assert active() == [2_000, 3_000, 4_000]
    before = int(time.time() * 1000)
    assert api.delete_runs(experiment, 3_000).runs_deleted == 2
    assert active() == [4_000]
    assert api.restore_runs(experiment, before).runs_restored == 2
    assert active() == [2_000, 3_000, 4_000]
    assert api.restore_runs(experiment, 0).runs_restored == 1
    assert api.delete_runs(experiment, 999).runs_deleted == 0
    for wrong in (0, 10_001):
        with pytest.raises(InvalidParameterValue):
            api.delete_runs(experiment, 3_000, max_runs=wrong)
    with pytest.raises(ResourceDoesNotExist):
        api.delete_runs("987654321", 3_000)


@pytest.mark.belief
def test_other_types_are_refused_and_no_fault_of_the_server(workspace: Any) -> None:
    from databricks.sdk.errors import BadRequest

    client = workspace.client("dev")
    experiment = client.experiments.create_experiment(new_name()).experiment_id
    run = client.experiments.create_run(experiment_id=experiment).run.info.run_id
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    metric = {"run_id": run, "key": "m", "value": 1, "timestamp": 1}
    at = {"experiment_id": experiment}
    for path, body in (
        ("2.0/mlflow/runs/search", {"experiment_ids": [experiment], "max_results": []}),
        ("2.0/mlflow/runs/search", {"experiment_ids": [experiment], "max_results": 2**70}),
        ("2.0/mlflow/logged-models/search", {"experiment_ids": [experiment], "max_results": {}}),
        ("2.0/mlflow/runs/log-metric", {**metric, "value": [1]}),
        ("2.0/mlflow/runs/log-metric", {**metric, "step": {"a": 1}}),
        ("2.0/mlflow/runs/log-batch", {"run_id": run, "metrics": 1}),
        ("2.0/mlflow/runs/log-batch", {"run_id": run, "tags": [1]}),
        ("3.0/mlflow/traces/search", {"locations": [place], "max_results": [None]}),
        ("3.0/mlflow/traces/delete-traces", {**at, "max_timestamp_millis": []}),
        ("3.0/mlflow/traces/delete-traces", {**at, "max_timestamp_millis": 1, "max_traces": [1]}),
    ):
        with pytest.raises(BadRequest):
            client.api_client.do("POST", f"/api/{path}", body=body)
    for path, body in (
        ("2.0/mlflow/runs/search", {"experiment_ids": [experiment], "max_results": None}),
        ("2.0/mlflow/runs/log-metric", {**metric, "step": None}),
        ("2.0/mlflow/runs/log-batch", {"run_id": run, "metrics": None, "tags": None}),
        ("3.0/mlflow/traces/search", {"locations": [place], "max_results": None}),
    ):
        client.api_client.do("POST", f"/api/{path}", body=body)  # null is what is left out
