"""Copies of model versions between catalogs and out of the workspace registry, by MlflowClient.

A copy is what promotes a model where its training cannot be repeated: it takes EXECUTE on the
version and CREATE MODEL VERSION (or the model's schema's CREATE MODEL) where it goes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from databricks.sdk.service.catalog import PermissionsChange, Privilege

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow, pytest.mark.documented]


@pytest.fixture
def place(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A model with one version in each registry, another catalog, and MLflow connected to all."""
    import mlflow

    for key, value in workspace.environment("dev").items():
        if key.startswith("DATABRICKS_"):
            monkeypatch.setenv(key, value)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.set_tracking_uri("databricks")
    dev = workspace.client("dev")
    here, there = f"from_{uuid.uuid4().hex[:8]}", f"to_{uuid.uuid4().hex[:8]}"
    for one in (here, there):
        dev.catalogs.create(one)

    class Twice(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: list[str]) -> list[str]:
            return [2 * one for one in model_input]

    mlflow.set_experiment(f"/Shared/{here}")
    mlflow.set_registry_uri("databricks-uc")
    source = f"{here}.default.twice"
    with mlflow.start_run() as run:
        logged = mlflow.pyfunc.log_model(
            name="twice",
            python_model=Twice(),
            pip_requirements=[],
            input_example=["a"],
            registered_model_name=source,
        )
    yield SimpleNamespace(
        dev=dev, here=here, there=there, source=source, run=run.info.run_id, uri=logged.model_uri
    )
    for one in (here, there):
        dev.catalogs.delete(one, force=True)


def test_a_version_is_copied_with_where_it_came_from(place: SimpleNamespace) -> None:
    import mlflow
    from mlflow import MlflowClient

    client = MlflowClient()
    client.set_registered_model_alias(place.source, "champion", "1")
    target = f"{place.there}.default.twice"
    copied = client.copy_model_version(f"models:/{place.source}@champion", target)
    assert (copied.name, copied.version, copied.run_id) == (target, "1", place.run)
    assert copied.source == f"models:/{place.source}/1"
    again = client.copy_model_version(f"models:/{target}/1", target)
    assert (again.version, again.run_id) == ("2", place.run)
    loaded = mlflow.pyfunc.load_model(f"models:/{target}/2")
    assert loaded.predict(["ab"]) == ["abab"]
    shown = place.dev.model_versions.get(target, 1)
    assert (shown.run_id, shown.source) == (place.run, f"models:/{place.source}/1")
    read = place.dev.api_client.do(
        "GET", "/api/2.0/brickyard/accesses", query={"full_name": place.source, "mode": "read"}
    )
    assert any(one["kind"] == "model" for one in read["accesses"])
    assert client.get_registered_model(target).aliases == {}


def test_a_copy_takes_rights_on_both_sides(
    workspace: Any, place: SimpleNamespace, somebody: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    monkeypatch.delenv("DATABRICKS_TOKEN")
    robot = somebody()
    monkeypatch.setenv("DATABRICKS_TOKEN", robot.tokens.create(lifetime_seconds=900).token_value)
    target, who = f"{place.there}.default.copy", robot.config.client_id

    def copy() -> Any:
        return MlflowClient().copy_model_version(f"models:/{place.source}/1", target)

    def grant(kind: str, name: str, *privileges: Privilege) -> None:
        change = PermissionsChange(principal=who, add=list(privileges))
        place.dev.grants.update(kind, name, changes=[change])

    with pytest.raises(MlflowException, match="USE CATALOG"):
        copy()
    for catalog in (place.here, place.there):
        grant("catalog", catalog, Privilege.USE_CATALOG, Privilege.USE_SCHEMA)
    with pytest.raises(MlflowException, match="BROWSE"):
        copy()
    grant("function", place.source, Privilege.EXECUTE)
    with pytest.raises(MlflowException, match="CREATE MODEL"):
        copy()
    grant("schema", f"{place.there}.default", Privilege.CREATE_MODEL)
    assert (copy().version, copy().version) == ("1", "2")


def test_a_version_of_the_workspace_registry_moves_to_unity_catalog(
    place: SimpleNamespace,
) -> None:
    import mlflow
    from mlflow import MlflowClient

    old = f"old {uuid.uuid4().hex[:8]}"
    target = f"{place.there}.default.moved"
    mlflow.set_registry_uri("databricks")
    try:
        mlflow.register_model(place.uri, old)
        copied = MlflowClient().copy_model_version(f"models:/{old}/1", target)
    finally:
        mlflow.set_registry_uri("databricks-uc")
    assert (copied.name, copied.run_id) == (target, place.run)
    assert mlflow.pyfunc.load_model(f"models:/{target}/1").predict(["x"]) == ["xx"]
