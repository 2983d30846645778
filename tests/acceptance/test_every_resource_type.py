"""Every resource type from its first deploy to its end, on the embedded workspace.

Create, read, plan nothing; update, recreate, plan nothing; delete, and delete again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bundle_under_test import Ended
from command_forks import CommandForks
from every_type import CASES, resources, written

from brickyard.resources import TYPES

if TYPE_CHECKING:
    from conftest import EmbeddedServer

pytestmark = [pytest.mark.documented, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

MODEL = """
import mlflow

class Same(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return model_input

mlflow.models.set_model(Same())
"""
APP = """
import http.server, os

port = int(os.environ["DATABRICKS_APP_PORT"])
http.server.test(http.server.SimpleHTTPRequestHandler, port=port, bind="127.0.0.1")
"""
FILES = {
    "app/app.py": APP,
    "app/app.yaml": "command: [python, app.py]\n",
    "pipeline/tables.sql": "CREATE OR REFRESH MATERIALIZED VIEW walked AS SELECT 1 AS id\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A bundle of one type, in a workspace that has what it refers to."""

    kind: str
    folder: Path
    environment: dict[str, str]
    forks: CommandForks
    suffix: str
    house: str

    def write(self, changes: Any = {}) -> None:  # noqa: B006
        tree = {
            "bundle": {"name": f"walk_{self.kind}_{self.suffix}"},
            "variables": {"hidden": {"description": "what no file holds"}},
            "resources": resources(self.kind, changes),
        }
        (self.folder / "databricks.yml").write_text(written(tree, self.suffix, self.house))

    def __call__(self, *arguments: str, code: int | None = 0) -> Ended:
        return self.forks.run(self.folder, self.environment, *arguments, code=code)

    def actions(self) -> dict[str, str]:
        """What a plan would do, but to what stays as it is."""
        made = self("plan", "-o", "json").data["plan"]
        return {name: node["action"] for name, node in made.items() if node["action"] != "skip"}


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandForks]:
    made = CommandForks(scratch=tmp_path_factory.mktemp("forks"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def furnished(workspace: EmbeddedServer) -> tuple[str, str]:
    """The suffix of names and a warehouse's id; there is what bundles refer to by them."""
    suffix = uuid.uuid4().hex[:8]
    client = workspace.client("dev")
    house = next(iter(client.warehouses.list())).id
    furnish(client, suffix, str(house))
    return suffix, str(house)


@pytest.fixture
def walk(
    tmp_path: Path,
    workspace: EmbeddedServer,
    forks: CommandForks,
    furnished: tuple[str, str],
    kind: str,
) -> Walk:
    suffix, house = furnished
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return Walk(
        kind=kind,
        folder=tmp_path,
        environment={**workspace.environment("dev"), "BUNDLE_VAR_hidden": f"hidden-{suffix}"},
        forks=forks,
        suffix=suffix,
        house=house,
    )


def furnish(client: Any, suffix: str, house: str) -> None:
    """A schema, a table, a folder and a storage credential."""
    from databricks.sdk.service.catalog import AwsIamRoleRequest

    schema = f"dev.walk_{suffix}"
    client.schemas.create(f"walk_{suffix}", "dev")
    for text in (
        f"CREATE TABLE {schema}.source (id BIGINT, text STRING)",
        f"INSERT INTO {schema}.source VALUES (1, 'one')",
    ):
        ran = client.statement_execution.execute_statement(text, house, wait_timeout="50s")
        assert ran.status.state.value == "SUCCEEDED", ran.status.error
    role = AwsIamRoleRequest(role_arn="arn:aws:iam::123456789012:role/walk")
    client.storage_credentials.create(f"walk_{suffix}", aws_iam_role=role)
    client.workspace.mkdirs(f"/Workspace/Shared/walk_{suffix}/other")


def register_model(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model version that an endpoint serves."""
    import mlflow

    for name, value in walk.environment.items():
        if name.startswith("DATABRICKS_"):
            monkeypatch.setenv(name, value)
    mlflow.set_tracking_uri("databricks")
    mlflow.set_registry_uri("databricks-uc")
    mlflow.set_experiment(f"/Shared/walk_{walk.suffix}_model")
    file = walk.folder / "model.py"
    file.write_text(MODEL)
    full_name = f"dev.walk_{walk.suffix}.served"
    mlflow.pyfunc.log_model(
        name="served",
        python_model=str(file),
        registered_model_name=full_name,
        pip_requirements=["mlflow"],
    )


def test_every_type_is_walked() -> None:
    assert set(CASES) == set(TYPES)


@pytest.mark.parametrize("kind", sorted(CASES))
def test_a_resource_lives_from_create_to_a_second_delete(
    walk: Walk, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    case, address = CASES[kind], f"resources.{kind}.walked"
    if kind == "model_serving_endpoints":
        register_model(walk, monkeypatch)

    walk.write()
    assert walk.actions()[address] == "create"
    walk("deploy")
    assert walk.actions() == {}
    assert walk("summary", "-o", "json").data["resources"][kind]["walked"]["id"]

    if case.update is not None:
        walk.write(case.update)
        assert walk.actions()[address] in ("update", "resize", "update_id")
        walk("deploy", "--auto-approve")
        assert walk.actions() == {}
    if case.recreate is not None:
        walk.write(case.recreate)
        assert walk.actions()[address] == "recreate"
        walk("deploy", "--auto-approve")
        assert walk.actions() == {}

    walk("destroy", "--auto-approve")
    again = walk("destroy", "--auto-approve")
    assert "resources." not in again.err
    assert set(walk.actions().values()) == {"create"}
