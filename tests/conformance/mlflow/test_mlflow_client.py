"""The unmodified MLflow client with `tracking_uri="databricks"`.

Also the contract with MLflow's server for the pinned version: `tracking_server.py` sets what its
command line has no option for, and these tests fail when a new version stops honouring it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]

MODEL = """
import mlflow
from mlflow.pyfunc import PythonModel

class Upper(PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return [text.upper() for text in model_input]

mlflow.models.set_model(Upper())
"""


def point_at(workspace: Any, name: str, patch: pytest.MonkeyPatch) -> None:
    import mlflow

    patch.setenv("DATABRICKS_HOST", workspace.host(name))
    patch.setenv("DATABRICKS_TOKEN", workspace.token(name))
    patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    patch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    mlflow.set_tracking_uri("databricks")


@pytest.fixture
def client(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import mlflow

    point_at(workspace, "dev", monkeypatch)
    yield mlflow
    if mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def experiment(client: Any) -> Any:
    return client.set_experiment(f"/Shared/exp-{uuid.uuid4().hex[:8]}")


@pytest.mark.recorded
def test_a_missing_experiment_is_none_and_may_be_created(client: Any) -> None:
    name = f"/Shared/new-{uuid.uuid4().hex[:8]}"
    assert client.get_experiment_by_name(name) is None
    made = client.create_experiment(name)
    assert client.get_experiment_by_name(name).experiment_id == made


@pytest.mark.belief
@pytest.mark.parametrize("name", ["relative", "/Nowhere/at/all/x", "/Shared/"])
def test_an_experiment_needs_an_existing_folder(client: Any, name: str) -> None:
    with pytest.raises(client.MlflowException, match=r"INVALID_PARAMETER|DOES_NOT_EXIST"):
        client.create_experiment(name)


@pytest.mark.documented
def test_a_run_keeps_parameters_metrics_tags_and_artifacts(client: Any, experiment: Any) -> None:
    with client.start_run() as run:
        client.log_param("depth", 3)
        client.log_metric("loss", 0.5, step=1)
        client.log_metrics({"a": 1.0, "b": 2.0})
        client.set_tag("team", "data")
        client.log_text("hello", "notes/a.txt")
    found = client.get_run(run.info.run_id)
    assert found.data.params == {"depth": "3"}
    assert found.data.metrics == {"loss": 0.5, "a": 1.0, "b": 2.0}
    assert found.data.tags["team"] == "data"
    where = f"dbfs:/databricks/mlflow-tracking/{experiment.experiment_id}/{run.info.run_id}"
    assert found.info.artifact_uri == f"{where}/artifacts"
    listed = client.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="notes")
    assert [one.path for one in listed] == ["notes/a.txt"]
    assert client.artifacts.load_text(f"{found.info.artifact_uri}/notes/a.txt") == "hello"
    rows = client.search_runs(filter_string="metrics.loss < 1", output_format="list")
    assert [one.info.run_id for one in rows] == [run.info.run_id]


@pytest.mark.belief
def test_the_server_lists_the_same_artifacts(workspace: Any, client: Any, experiment: Any) -> None:
    with client.start_run() as run:
        client.log_text("hello", "notes/a.txt")
    listed = workspace.client("dev").experiments.list_artifacts(run_id=run.info.run_id)
    assert [(one.path, one.is_dir) for one in listed] == [("notes", True)]


@pytest.mark.documented
def test_artifacts_take_signed_addresses_when_the_files_api_is_not_used(
    client: Any, experiment: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_DATABRICKS_SDK_FOR_RUN_ARTIFACTS", "true")
    with client.start_run() as run:
        client.log_text("signed", "b.txt")
    got = client.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="b.txt", dst_path=str(tmp_path)
    )
    assert Path(got).read_text() == "signed"


@pytest.mark.documented
def test_a_model_from_code_is_logged_and_loaded(
    client: Any, experiment: Any, tmp_path: Path
) -> None:
    code = tmp_path / "upper.py"
    code.write_text(MODEL)
    made = client.pyfunc.log_model(
        name="upper", python_model=str(code), pip_requirements=["mlflow"], input_example=["a"]
    )
    assert client.pyfunc.load_model(made.model_uri).predict(["b"]) == ["B"]
    logged = client.get_logged_model(made.model_id)
    assert logged.status == "READY"
    assert "/logged_models/" in logged.artifact_location
    found = client.search_logged_models(output_format="list")
    assert [one.model_id for one in found] == [made.model_id]


@pytest.mark.documented
def test_a_trace_keeps_its_spans_tags_and_feedback(client: Any, experiment: Any) -> None:
    @client.trace
    def outer(x: int) -> int:
        with client.start_span("inner", span_type="TOOL") as span:
            span.set_outputs(x)
        return x + 1

    outer(1)
    trace_id = client.get_last_active_trace_id()
    client.set_trace_tag(trace_id, "checked", "yes")
    client.log_feedback(trace_id=trace_id, name="good", value=True)
    trace = client.get_trace(trace_id)
    assert [span.name for span in trace.data.spans] == ["outer", "inner"]
    assert trace.info.tags["checked"] == "yes"
    assert [one.name for one in trace.info.assessments] == ["good"]
    found = client.search_traces(
        locations=[experiment.experiment_id],
        filter_string="tags.checked = 'yes'",
        return_type="list",
    )
    assert [one.info.trace_id for one in found] == [trace_id]


@pytest.mark.documented
def test_evaluation_with_a_code_scorer(client: Any, experiment: Any) -> None:
    from mlflow.genai.scorers import scorer

    @scorer
    def exact(outputs: int, expectations: dict[str, int]) -> bool:
        return outputs == expectations["sum"]

    done = client.genai.evaluate(
        data=[
            {"inputs": {"x": 1}, "expectations": {"sum": 2}},
            {"inputs": {"x": 2}, "expectations": {"sum": 9}},
        ],
        predict_fn=lambda x: x + 1,
        scorers=[exact],
    )
    assert done.metrics["exact/mean"] == 0.5
    linked = client.search_traces(
        locations=[experiment.experiment_id], run_id=done.run_id, return_type="list"
    )
    assert len(linked) == 2


@pytest.mark.belief
def test_an_experiment_is_unknown_in_the_other_workspaces(
    workspace: Any, client: Any, experiment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client.start_run() as run:
        pass
    point_at(workspace, "prod", monkeypatch)
    assert client.get_experiment_by_name(experiment.name) is None
    with pytest.raises(client.MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        client.get_run(run.info.run_id)
    elsewhere = client.search_runs(experiment_ids=[experiment.experiment_id], output_format="list")
    assert elsewhere == []


@pytest.mark.belief
def test_traces_are_not_searched_by_their_spans(client: Any, experiment: Any) -> None:
    with pytest.raises(client.MlflowException, match="spans lie in artifacts"):
        client.search_traces(
            locations=[experiment.experiment_id], filter_string="span.name = 'inner'"
        )
