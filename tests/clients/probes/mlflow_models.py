"""Models in Unity Catalog with MLflow's own client: `registry_uri="databricks-uc"`."""

from __future__ import annotations

import os
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.models import infer_signature
from mlflow.pyfunc import PythonModel
from place import SCHEMA, refusal, rest, unique

CLIENT = "mlflow"

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(f"/Shared/{unique()}")


class Upper(PythonModel):
    def predict(self, context: object, model_input: list[str], params: object = None) -> list[str]:
        return [text.upper() for text in model_input]


def logged(name: str, *, signed: bool = True) -> str:
    """A model of a run, registered; the run's id."""
    signature = infer_signature(["a"], ["A"]) if signed else None
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(
            name="model",
            python_model=Upper(),
            signature=signature,
            registered_model_name=name,
            pip_requirements=["mlflow"],
        )
    return str(run.info.run_id)


def lifecycle(name: str) -> None:
    client = MlflowClient(registry_uri="databricks-uc")
    client.create_registered_model(name, tags={"team": "data"}, description="upper case")
    run = logged(name)
    assert client.get_registered_model(name).tags == {"team": "data"}
    version = client.get_model_version(name, "1")
    assert (version.status, version.run_id, version.version) == ("READY", run, "1")
    client.set_registered_model_alias(name, "champion", "1")
    assert client.get_model_version_by_alias(name, "champion").version == "1"
    assert client.get_model_version(name, "1").aliases == ["champion"]
    assert client.get_registered_model(name).aliases == {"champion": "1"}
    loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    assert loaded.predict(["a"]) == ["A"]
    client.set_model_version_tag(name, "1", "stage", "gold")
    client.set_registered_model_tag(name, "more", "x")
    assert client.get_model_version(name, "1").tags["stage"] == "gold"
    client.delete_model_version_tag(name, "1", "stage")
    client.delete_registered_model_tag(name, "more")
    assert "stage" not in client.get_model_version(name, "1").tags
    assert client.get_registered_model(name).tags == {"team": "data"}
    client.update_model_version(name, "1", "first")
    client.update_registered_model(name, "described")
    assert client.get_model_version(name, "1").description == "first"
    assert client.get_registered_model(name).description == "described"
    found = client.search_model_versions(f"name='{name}'")
    assert [int(one.version) for one in found] == [1]
    assert client.get_model_version_download_uri(name, "1")
    client.delete_registered_model_alias(name, "champion")
    assert "DOES_NOT_EXIST" in refusal(lambda: client.get_model_version_by_alias(name, "champion"))
    client.delete_model_version(name, "1")
    client.delete_registered_model(name)
    assert "DOES_NOT_EXIST" in refusal(lambda: client.get_registered_model(name))


def probe_lifecycle() -> None:
    """UC models: versions, aliases, tags, search, load, delete"""
    lifecycle(f"{SCHEMA}.{unique('model')}")


def probe_native() -> None:
    """UC models by the native 2.1 routes (MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY)"""
    os.environ["MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY"] = "true"
    try:
        lifecycle(f"{SCHEMA}.{unique('native')}")
    finally:
        del os.environ["MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY"]


def probe_signatures() -> None:
    """UC models: a version without a signature and stages are refused"""
    name, client = f"{SCHEMA}.{unique('model')}", MlflowClient()
    with mlflow.start_run():

        class Plain(PythonModel):
            def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
                return model_input

        info = mlflow.pyfunc.log_model(
            name="model", python_model=Plain(), pip_requirements=["mlflow"]
        )
    assert "signature" in refusal(lambda: mlflow.register_model(info.model_uri, name))
    assert "alias" in refusal(
        lambda: client.transition_model_version_stage(name, "1", "Production")
    )


def probe_copy() -> None:
    """UC models: copy_model_version into another schema"""
    name, client = f"{SCHEMA}.{unique('model')}", MlflowClient()
    logged(name)
    catalog = SCHEMA.split(".")[0]
    other = unique("copies")
    rest("POST", "/api/2.1/unity-catalog/schemas", {"name": other, "catalog_name": catalog})
    try:
        copied = client.copy_model_version(f"models:/{name}/1", f"{catalog}.{other}.copy")
        assert copied.version == "1"
        loaded = mlflow.pyfunc.load_model(f"models:/{catalog}.{other}.copy/1")
        assert loaded.predict(["a"]) == ["A"]
    finally:
        rest("DELETE", f"/api/2.1/unity-catalog/schemas/{catalog}.{other}?force=true")


def probe_delete_with_versions() -> None:
    """UC models: a model goes with its versions; numbers of versions are never used twice"""
    name, client = f"{SCHEMA}.{unique('model')}", MlflowClient()
    logged(name)
    logged(name)
    client.delete_model_version(name, "2")
    logged(name)
    found = client.search_model_versions(f"name='{name}'")
    assert sorted(int(one.version) for one in found) == [1, 3]
    client.delete_registered_model(name)
    assert "DOES_NOT_EXIST" in refusal(lambda: client.get_model_version(name, "1"))


def probe_lineage() -> None:
    """UC models: the run's table is kept as the origin of the version"""
    name = f"{SCHEMA}.{unique('model')}"
    run = logged(name)
    version = MlflowClient().get_model_version(name, "1")
    assert version.run_id == run
    assert version.source
    shown = rest("GET", f"/api/2.1/unity-catalog/models/{name}/versions/1")
    assert shown["run_id"] == run


def probe_signed_addresses() -> None:
    """UC models: files by presigned addresses instead of the Files API"""
    from mlflow.store.artifact.presigned_url_artifact_repo import PresignedUrlArtifactRepository
    from mlflow.utils.databricks_utils import get_databricks_host_creds

    name = f"{SCHEMA}.{unique('model')}"
    logged(name)
    repository = PresignedUrlArtifactRepository(get_databricks_host_creds(), name, "1")
    assert "MLmodel" in [one.path for one in repository.list_artifacts()]
    folder = repository.download_artifacts("")
    assert (Path(folder) / "MLmodel").exists()
