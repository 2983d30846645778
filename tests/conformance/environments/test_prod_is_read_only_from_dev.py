"""The data policy's hard rule: from the dev workspace `prod` is read, never written, by any client.

Who tries is the metastore's admin, so that only the workspace binding stands in the way. Each
refused attempt is also made, with the same code, on the catalog of its own workspace (`dev` from
dev, `prod` from prod), where it must succeed: were enforcement removed, the attempt on `prod` from
dev would succeed as well, and its test fail.
"""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import attempts
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, OperationFailed, PermissionDenied
from databricks.sdk.service import jobs
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.sql import StatementState
from databricks.sdk.service.workspace import ImportFormat

pytestmark = [pytest.mark.documented, pytest.mark.slow]

# Workspace and catalog of each place; the first is the refused one.
ACROSS, AT_HOME, INSIDE = ("dev", "prod"), ("dev", "dev"), ("prod", "prod")
UNCAUGHT = ("open for writing", "dbutils.fs.put", "saveAsTable", "write_deltalake", "pandas")
REFUSED = r"PERMISSION_DENIED"
ON_DISK = r"Read-only file system|os error 30"
STATEMENTS = (
    "INSERT INTO {0}.t VALUES (9)",
    "UPDATE {0}.t SET id = 5 WHERE id = 0",
    "DELETE FROM {0}.t WHERE id = 5",
    "MERGE INTO {0}.t USING (SELECT 40L AS id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT *",
    "INSERT INTO {0}.t WITH x AS (SELECT 50L AS id) SELECT * FROM x",
    "/* a comment */ insert into {0}.`t` values (60)",
    "OPTIMIZE {0}.t",
    "RESTORE TABLE {0}.t TO VERSION AS OF 0",
    "TRUNCATE TABLE {0}.t",
    "ALTER TABLE {0}.t ADD COLUMN z INT",
    "CREATE TABLE {0}.by_sql (id BIGINT)",
    "CREATE OR REPLACE TABLE {0}.by_sql AS SELECT 1 AS id",
    "ALTER TABLE {0}.by_sql SET TBLPROPERTIES ('a' = 'b')",
    "COMMENT ON TABLE {0}.t IS 'c'",
    "DROP TABLE {0}.spare",
    "CREATE VIEW {0}.seen AS SELECT 1 AS one",
    "CREATE VOLUME {0}.by_sql",
    "CREATE SCHEMA {0}_by_sql",
    "DROP SCHEMA {0}_by_sql",
    "DROP VOLUME {0}.by_sql",
    "GRANT SELECT ON TABLE {0}.t TO `account users`",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A schema of a catalog with a table `t`, a volume `v` and a model `m`."""

    catalog: str
    schema: str

    @property
    def name(self) -> str:
        return f"{self.catalog}.{self.schema}"

    @property
    def volume(self) -> str:
        return f"/Volumes/{self.catalog}/{self.schema}/v"


def run_sql(client: WorkspaceClient, text: str) -> Any:
    """One statement on the workspace's warehouse; what the API answers."""
    warehouse = next(iter(client.warehouses.list())).id
    return client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")


def done(client: WorkspaceClient, text: str) -> Any:
    answer = run_sql(client, text)
    assert answer.status.state is StatementState.SUCCEEDED, f"{text}: {answer.status.error}"
    return answer


def make_area(client: WorkspaceClient, catalog: str) -> Area:
    area = Area(catalog=catalog, schema=f"area_{uuid.uuid4().hex[:8]}")
    client.schemas.create(name=area.schema, catalog_name=catalog)
    for table in ("t", "spare"):
        done(client, f"CREATE TABLE {area.name}.{table} AS SELECT id FROM range(3)")
    client.volumes.create(catalog, area.schema, "v", VolumeType.MANAGED)
    for name in ("kept.txt", "spare.txt", "spare2.txt"):
        client.files.upload(f"{area.volume}/{name}", io.BytesIO(b"kept"))
    client.registered_models.create(catalog_name=catalog, schema_name=area.schema, name="m")
    return area


@pytest.fixture(scope="module")
def areas(workspace: Any) -> Mapping[tuple[str, str], Area]:
    """An area of every catalog, made from its own workspace; the one of `prod` has two readers."""
    return {
        ACROSS: make_area(workspace.client("prod"), "prod"),
        AT_HOME: make_area(workspace.client("dev"), "dev"),
        INSIDE: make_area(workspace.client("prod"), "prod"),
    }


def contents(client: WorkspaceClient, area: Area) -> tuple[Any, ...]:
    """All that a write could change: rows, tables, files, models, schemas beside it."""
    rows = done(client, f"SELECT id FROM {area.name}.t ORDER BY id").result.data_array
    tables = sorted(str(one.name) for one in client.tables.list(area.catalog, area.schema))
    files = sorted(str(one.path) for one in client.files.list_directory_contents(area.volume))
    models = sorted(
        str(one.name)
        for one in client.registered_models.list(catalog_name=area.catalog, schema_name=area.schema)
    )
    beside = [one.name for one in client.schemas.list(area.catalog) if area.schema in one.name]
    return rows, tables, files, models, beside


# -- in a task ------------------------------------------------------------------------------------


def upload(client: WorkspaceClient, text: str) -> str:
    path = f"/Shared/attempts-{uuid.uuid4().hex[:8]}"
    client.workspace.upload(f"{path}.py", io.BytesIO(text.encode()), format=ImportFormat.AUTO)
    return path


def task(client: WorkspaceClient, key: str, text: str, area: Area) -> jobs.SubmitTask:
    given = {"catalog": area.catalog, "schema": area.schema}
    notebook = jobs.NotebookTask(notebook_path=upload(client, text), base_parameters=given)
    return jobs.SubmitTask(task_key=key, notebook_task=notebook)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What each attempt of a place said, and the place's contents before and after."""

    said: Mapping[str, str]
    before: tuple[Any, ...]
    after: tuple[Any, ...]


@pytest.fixture(scope="module")
def tried(workspace: Any, areas: Mapping[tuple[str, str], Area]) -> Mapping[Any, Tried]:
    """Every attempt, at every place: one task each, side by side."""
    text = attempts.notebook(
        {f"read {name}": code for name, code in attempts.READS.items()} | attempts.WRITES
    )
    clients = {place: workspace.client(place[0]) for place in areas}
    before = {place: contents(clients[place], area) for place, area in areas.items()}
    waiting = {
        place: clients[place].jobs.submit(tasks=[task(clients[place], "all", text, area)])
        for place, area in areas.items()
    }
    found = {}
    for place, run in waiting.items():
        ended = run.result()
        output = clients[place].jobs.get_run_output(ended.tasks[0].run_id)
        found[place] = Tried(
            said=json.loads(output.notebook_output.result),
            before=before[place],
            after=contents(clients[place], areas[place]),
        )
    return found


@pytest.mark.parametrize("name", attempts.READS)
def test_a_task_in_dev_reads_prod(tried: Mapping[Any, Tried], name: str) -> None:
    assert tried[ACROSS].said[f"read {name}"] == "done"


@pytest.mark.parametrize("name", attempts.WRITES)
def test_a_task_in_dev_cannot_write_prod(tried: Mapping[Any, Tried], name: str) -> None:
    assert tried[AT_HOME].said[name] == "done"
    assert tried[INSIDE].said[name] == "done"
    said = tried[ACROSS].said[name]
    by_the_mount = name in attempts.STORAGE_WRITES or name in attempts.VOLUME_WRITES
    allowed = f"{REFUSED}|{ON_DISK}" if by_the_mount else REFUSED
    if name == "another process":  # `touch` said it; Python only knows that it failed
        allowed = "returned non-zero exit status 1"
    assert re.search(allowed, said), said


def test_nothing_was_written_to_prod_and_everything_at_home(tried: Mapping[Any, Tried]) -> None:
    assert tried[ACROSS].after == tried[ACROSS].before
    for place in (AT_HOME, INSIDE):
        for old, new in zip(tried[place].before, tried[place].after, strict=True):
            assert new != old


@pytest.fixture(scope="module")
def refused(workspace: Any, areas: Mapping[tuple[str, str], Area]) -> Mapping[str, str]:
    """How tasks ended that made one attempt each on prod and caught nothing; side by side."""
    client = workspace.client("dev")
    names = dict(enumerate(UNCAUGHT))
    tasks = [
        task(client, f"t{key}", attempts.plain_notebook(attempts.WRITES[name]), areas[ACROSS])
        for key, name in names.items()
    ]
    waiting = client.jobs.submit(tasks=tasks)
    with pytest.raises(OperationFailed):
        waiting.result()
    ended = client.jobs.get_run(waiting.run_id).tasks
    return {names[int(one.task_key[1:])]: str(one.state.state_message) for one in ended}


@pytest.mark.parametrize("name", UNCAUGHT)
def test_a_refused_task_ends_with_permission_denied(refused: Mapping[str, str], name: str) -> None:
    """Uncaught, the error is told as Databricks would: the catalog, and the way out."""
    assert re.search(r"PERMISSION_DENIED: .*'prod'", refused[name]), refused[name]


# -- SQL ------------------------------------------------------------------------------------------


def test_sql_in_dev_reads_prod(workspace: Any, areas: Mapping[tuple[str, str], Area]) -> None:
    answer = done(workspace.client("dev"), f"SELECT sum(id) FROM {areas[ACROSS].name}.t")
    assert answer.result.data_array == [["3"]]


def test_sql_in_dev_cannot_write_prod(
    workspace: Any, areas: Mapping[tuple[str, str], Area]
) -> None:
    client, refused = workspace.client("dev"), {}
    before = contents(client, areas[ACROSS])
    home = make_area(client, "dev")
    for text in STATEMENTS:
        done(client, text.format(home.name))
        answer = run_sql(client, text.format(areas[ACROSS].name))
        assert answer.status.state is StatementState.FAILED, text
        refused[text] = (answer.status.sql_state, answer.status.error.message)
    why = "PERMISSION_DENIED: Catalog 'prod' is bound to workspace 'dev' as read-only"
    wrong = {text: said for text, said in refused.items() if why not in said[1]}
    assert not wrong
    assert {state for state, _ in refused.values()} == {"42501"}
    assert contents(client, areas[ACROSS]) == before


# -- the Files API and the registry, by the SDK and MLflow ----------------------------------------


def file_writes(client: WorkspaceClient, area: Area) -> Mapping[str, Callable[[], object]]:
    volume = area.volume
    return {
        "upload": lambda: client.files.upload(f"{volume}/api.txt", io.BytesIO(b"x")),
        "overwrite": lambda: client.files.upload(
            f"{volume}/kept.txt", io.BytesIO(b"kept"), overwrite=True
        ),
        "create_directory": lambda: client.files.create_directory(f"{volume}/api"),
        "delete_directory": lambda: client.files.delete_directory(f"{volume}/api"),
        "delete": lambda: client.files.delete(f"{volume}/api.txt"),
        "dbutils": lambda: client.dbutils.fs.put(f"{volume}/remote.txt", "x"),
    }


def test_the_files_api_in_dev_reads_prod_and_cannot_write_it(
    workspace: Any, areas: Mapping[tuple[str, str], Area]
) -> None:
    client = workspace.client("dev")
    there = areas[ACROSS]
    before = contents(client, there)
    got = client.files.download(f"{there.volume}/kept.txt").contents
    assert got is not None
    assert got.read() == b"kept"
    at_home = file_writes(client, make_area(client, "dev"))
    for name, write in file_writes(client, there).items():
        at_home[name]()
        with pytest.raises(PermissionDenied, match="read-only"):
            write()
    assert contents(client, there) == before


@pytest.mark.filterwarnings("ignore")
def test_mlflow_in_dev_reads_models_of_prod_and_cannot_register_one(
    workspace: Any, areas: Mapping[tuple[str, str], Area], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")

    def pointed(name: str) -> Any:
        monkeypatch.setenv("DATABRICKS_HOST", workspace.host(name))
        monkeypatch.setenv("DATABRICKS_TOKEN", workspace.token(name))
        return mlflow.MlflowClient(tracking_uri="databricks", registry_uri="databricks-uc")

    def log(name: str) -> str:
        pointed(name)
        mlflow.set_tracking_uri("databricks")
        mlflow.set_registry_uri("databricks-uc")
        mlflow.set_experiment(f"/Shared/{areas[ACROSS].schema}-{name}")
        with mlflow.start_run():
            made = mlflow.pyfunc.log_model(
                name="m", python_model=shout, input_example=["a"], pip_requirements=["mlflow"]
            )
        return str(made.model_uri)

    @mlflow.pyfunc.utils.pyfunc
    def shout(model_input: list[str]) -> list[str]:
        return [text.upper() for text in model_input]

    there, home = f"{areas[ACROSS].name}.m", f"{areas[AT_HOME].name}.m"
    inside = log("prod")
    assert str(mlflow.register_model(inside, there).version) == "1"
    pointed("prod").set_registered_model_alias(there, "champion", "1")

    model = log("dev")
    client = pointed("dev")
    assert client.get_model_version_by_alias(there, "champion").status == "READY"
    assert mlflow.pyfunc.load_model(f"models:/{there}@champion").predict(["a"]) == ["A"]
    for write in (
        lambda name: mlflow.register_model(model, name),
        lambda name: client.create_registered_model(f"{name}_new"),
        lambda name: client.set_registered_model_alias(name, "dev", "1"),
        lambda name: client.set_model_version_tag(name, "1", "a", "b"),
        lambda name: client.update_model_version(name, "1", "described"),
        lambda name: client.update_registered_model(name, "described"),
        lambda name: client.delete_registered_model_alias(name, "champion"),
        lambda name: client.delete_model_version(name, "1"),
        client.delete_registered_model,
    ):
        write(home)
        with pytest.raises((mlflow.MlflowException, DatabricksError), match="PERMISSION_DENIED"):
            write(there)
    assert client.get_model_version_by_alias(there, "champion").tags == {}
