"""A workspace that is killed: nothing acknowledged is lost, and no process outlives it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.belief]

BEFORE = """
import mlflow
import pandas as pd
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import OperationFailed
from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput
from mlflow.models import infer_signature

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment("/Shared/sudden")
client = WorkspaceClient()
client.schemas.create("sudden", "dev")
signature = infer_signature(pd.DataFrame({"x": [1.0]}), [2.0])
with mlflow.start_run():
    mlflow.log_metric("kept", 7.0)
mlflow.pyfunc.log_model(
    name="double",
    python_model="double.py",
    registered_model_name="dev.sudden.double",
    signature=signature,
    pip_requirements=["mlflow"],
)
entity = ServedEntityInput(entity_name="dev.sudden.double", entity_version="1")
config = EndpointCoreConfigInput(name="sudden", served_entities=[entity])
try:
    client.serving_endpoints.create_and_wait(name="sudden", config=config)
except OperationFailed as failed:
    said = client.api_client.do("GET", "/api/2.0/serving-endpoints/sudden")
    logged = client.serving_endpoints.logs("sudden", "double-1").logs
    raise SystemExit(f"{failed}: {said}\\n{logged}") from None
"""

AFTER = """
import mlflow
from databricks.sdk import WorkspaceClient

client = WorkspaceClient()
state = client.serving_endpoints.get("sudden").state
assert (state.ready.value, state.config_update.value) == ("READY", "NOT_UPDATING"), state
assert client.serving_endpoints.query("sudden", inputs={"x": [4.0]}).predictions == [8.0]
mlflow.set_tracking_uri("databricks")
found = mlflow.search_runs(experiment_names=["/Shared/sudden"], output_format="list")
assert {run.data.metrics.get("kept") for run in found} == {7.0}, found
"""

MODEL = """
import mlflow
from mlflow.pyfunc import PythonModel

class Double(PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["x"] * 2).tolist()

mlflow.models.set_model(Double())
"""


def test_endpoints_and_runs_survive_a_kill(own_workspace: Any, tmp_path: Path) -> None:
    (tmp_path / "double.py").write_text(MODEL)
    run(own_workspace, BEFORE, tmp_path)
    assert children_of(own_workspace.home)
    own_workspace.kill()
    give_up_at = time.monotonic() + 60
    while children_of(own_workspace.home) and time.monotonic() < give_up_at:
        time.sleep(0.1)
    assert children_of(own_workspace.home) == []
    own_workspace.start()
    run(own_workspace, AFTER, tmp_path)


def run(workspace: Any, script: str, folder: Path) -> None:
    environment = workspace.environment("dev", MLFLOW_DISABLE_TELEMETRY="true")
    # A file: pyspark's Connect client takes `python -c` for its own doctests and exits.
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def children_of(home: Path) -> list[str]:
    """Command lines of MLflow's server and of scorers that work for this data directory."""
    listed = subprocess.run(
        ["ps", "-eo", "args", "ewww"], capture_output=True, text=True, check=False
    )
    wanted = ("tracking_server", "scoring_process", "warm_process")
    return [
        line
        for line in listed.stdout.splitlines()
        if str(home) in line and any(name in line for name in wanted)
    ]
