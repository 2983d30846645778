"""Registered models: MLflow's `databricks-uc` client and the SDK see one state."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import NotFound, PermissionDenied

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


MODEL = """
import mlflow
from mlflow.pyfunc import PythonModel

class Upper(PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return [text.upper() for text in model_input]

mlflow.models.set_model(Upper())
"""


@pytest.fixture
def registry(metastore: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """MLflow's client, pointed at one workspace."""

    def pointed(workspace: str = "dev", who: Any = None) -> Any:
        from mlflow import MlflowClient

        monkeypatch.setenv("DATABRICKS_HOST", metastore.workspaces[workspace].url)
        monkeypatch.setenv("DATABRICKS_TOKEN", metastore.token(workspace, who))
        return MlflowClient(tracking_uri="databricks", registry_uri="databricks-uc")

    return pointed


def version_of(metastore: Any, name: str, workspace: str = "dev") -> int:
    """A ready version, without files: these tests are about the registry."""
    where = metastore.workspaces[workspace]
    versions = metastore.catalog.versions
    made = versions.create(metastore.owner, where, name, run_id="r1", tags={"a": "1"})
    versions.finalize(metastore.owner, where, name, made.version)
    return int(made.version)


@pytest.mark.recorded
def test_mlflow_registers_tags_and_aliases(metastore: Any, registry: Any, schema: str) -> None:
    client, name = registry(), f"dev.{schema}.agent"
    made = client.create_registered_model(name.upper(), tags={"team": "dq"}, description="d")
    assert (made.name, made.description, made.tags) == (name, "d", {"team": "dq"})
    first, second = version_of(metastore, name), version_of(metastore, name)
    client.set_registered_model_alias(name, "champion", first)
    client.set_registered_model_alias(name, "champion", second)
    assert client.get_model_version_by_alias(name, "champion").version == str(second)
    assert client.get_registered_model(name).aliases == {"champion": str(second)}
    client.set_registered_model_tag(name, "stage", "x")
    client.delete_registered_model_tag(name, "team")
    assert client.get_registered_model(name).tags == {"stage": "x"}
    client.set_model_version_tag(name, str(second), "b", "2")
    client.delete_model_version_tag(name, str(second), "a")
    got = client.get_model_version(name, str(second))
    assert (got.tags, got.aliases, got.status, got.run_id) == (
        {"b": "2"},
        ["champion"],
        "READY",
        "r1",
    )
    assert client.update_model_version(name, str(first), "note").description == "note"
    found = client.search_model_versions(f"name='{name}'")
    assert [one.version for one in found] == [str(second), str(first)]
    assert name in {one.name for one in client.search_registered_models()}
    client.delete_registered_model_alias(name, "champion")
    assert client.get_registered_model(name).aliases == {}
    client.delete_model_version(name, str(second))
    third = version_of(metastore, name)
    assert third == second + 1
    client.delete_registered_model(name)
    with pytest.raises(Exception, match="does not exist"):
        client.get_registered_model(name)


@pytest.mark.recorded
def test_errors_have_the_codes_that_mlflow_looks_for(registry: Any, schema: str) -> None:
    from mlflow.exceptions import MlflowException

    client, name = registry(), f"dev.{schema}.twice"
    client.create_registered_model(name)
    with pytest.raises(MlflowException) as caught:
        client.create_registered_model(name)
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException) as caught:
        client.get_model_version(name, "9")
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    # Where a Spark session is active, MLflow puts its current catalog in front.
    with pytest.raises(MlflowException, match=r"all three levels|Schema 'dev.two' does not exist"):
        client.create_registered_model("two.levels")
    with pytest.raises(MlflowException, match="does not exist"):
        client.set_registered_model_alias(name, "champion", "9")
    with pytest.raises(MlflowException, match="Invalid filter"):
        client.search_model_versions("name LIKE '%'")


@pytest.mark.documented
def test_the_sdk_sees_the_same_models(metastore: Any, schema: str) -> None:
    client, name = metastore.client(), f"dev.{schema}.shared"
    made = client.registered_models.create(catalog_name="dev", schema_name=schema, name="Shared")
    assert (made.full_name, made.owner) == (name, metastore.owner.user_name)
    version = version_of(metastore, name)
    alias = client.registered_models.set_alias(name, "champion", version)
    assert (alias.alias_name, alias.version_num) == ("champion", version)
    assert not client.registered_models.get(name).aliases
    got = client.registered_models.get(name, include_aliases=True)
    assert [one.alias_name for one in got.aliases] == ["champion"]
    assert client.model_versions.get_by_alias(name, "champion").version == version
    assert client.model_versions.get(name, version).status.value == "READY"
    assert [one.version for one in client.model_versions.list(name)] == [version]
    client.model_versions.update(name, version, comment="c")
    assert client.model_versions.get(name, version).comment == "c"
    listed = client.registered_models.list(catalog_name="dev", schema_name=schema)
    assert [one.full_name for one in listed] == [name]
    assert name in {one.full_name for one in client.registered_models.list()}
    grants = client.grants.get("function", name)
    assert not grants.privilege_assignments
    client.registered_models.delete_alias(name, "champion")
    with pytest.raises(NotFound, match="Alias 'champion'"):
        client.model_versions.get_by_alias(name, "champion")
    folder = metastore.catalog.model_version(name, version).path
    assert folder.is_dir()
    client.model_versions.delete(name, version)
    assert not folder.exists()
    client.registered_models.delete(name)
    with pytest.raises(NotFound):
        client.registered_models.get(name)


@pytest.mark.recorded
def test_a_model_travels_whole_and_is_refused_in_prod(
    metastore: Any, registry: Any, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    registry()
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    (tmp_path / "upper.py").write_text(MODEL)
    folder = str(tmp_path / "model")
    mlflow.pyfunc.save_model(
        folder,
        python_model=str(tmp_path / "upper.py"),
        pip_requirements=["mlflow"],
    )
    mlflow.set_tracking_uri("databricks")
    mlflow.set_registry_uri("databricks-uc")
    try:
        made = mlflow.register_model(folder, f"dev.{schema}.upper")
        assert made.status == "READY"
        kept = metastore.catalog.model_version(made.name, made.version).path
        assert (kept / "MLmodel").is_file()
        loaded = mlflow.pyfunc.load_model(f"models:/{made.name}/{made.version}")
        assert loaded.predict(["a"]) == ["A"]
        with pytest.raises(MlflowException, match="read-only"):
            mlflow.register_model(folder, "prod.default.upper")
        found = metastore.catalog.accesses(full_name=made.name)
        assert [(one.kind, one.mode) for one in found][:1] == [("model", "write")]
    finally:
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)


@pytest.mark.documented
def test_dev_cannot_register_into_prod(metastore: Any, registry: Any) -> None:
    from mlflow.exceptions import MlflowException

    schema = f"s{uuid.uuid4().hex[:8]}"
    inside = metastore.client("prod")
    inside.schemas.create(schema, "prod")
    inside.registered_models.create(catalog_name="prod", schema_name=schema, name="m")
    name = f"prod.{schema}.m"
    version = version_of(metastore, name, "prod")
    client = registry("dev")
    assert client.get_model_version(name, str(version)).status == "READY"
    for write in (
        lambda: client.create_registered_model(f"prod.{schema}.new"),
        lambda: client.create_registered_model(name),
        lambda: client.set_registered_model_alias(name, "champion", str(version)),
        lambda: client.set_registered_model_tag(name, "a", "b"),
        lambda: client.delete_model_version(name, str(version)),
    ):
        with pytest.raises(MlflowException, match="read-only") as caught:
            write()
        assert caught.value.error_code == "PERMISSION_DENIED"
    base = "/api/2.0/mlflow/unity-catalog/model-versions"
    sdk = metastore.client("dev")
    body = {"name": name, "version": str(version)}
    for path in ("create", "finalize"):
        with pytest.raises(PermissionDenied, match="read-only"):
            sdk.api_client.do("POST", f"{base}/{path}", body=body)


@pytest.mark.belief
def test_a_ready_version_never_changes(metastore: Any, schema: str) -> None:
    from brickyard.workspace.kernel import ApiError

    client, name = metastore.client(), f"dev.{schema}.fixed"
    client.registered_models.create(catalog_name="dev", schema_name=schema, name="fixed")
    dev, versions = metastore.workspaces["dev"], metastore.catalog.versions
    made = versions.create(metastore.owner, dev, name)
    assert versions.artifacts(metastore.owner, dev, name, made.version, write=True) == made.path
    versions.finalize(metastore.owner, dev, name, made.version)
    with pytest.raises(ApiError, match="can no longer change"):
        versions.artifacts(metastore.owner, dev, name, made.version, write=True)
    somebody = metastore.somebody()
    assert versions.artifacts(somebody, dev, name, made.version) == made.path
    with pytest.raises(ApiError, match="CREATE MODEL VERSION"):
        versions.create(somebody, dev, name)
