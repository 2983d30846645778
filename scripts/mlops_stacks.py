"""Make projects from MLOps Stacks, deploy them, run their jobs; write the results to a page.

    git clone https://github.com/databricks/mlops-stacks
    python scripts/mlops_stacks.py mlops-stacks

Works on copies, against an embedded workspace of its own data directory. What the template leaves
to do (`TODO`: paths and tables of data) is done, and what can't run as it is is changed and named
on the page: see `CHANGES`.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import official_examples
from official_examples import Ended, Trial, commit_of

PAGE = Path(__file__).parents[1] / "docs" / "mlops-stacks.md"
LIMIT_S = 2400  # of one command: a first run installs its environment
CLOUDS = ("aws", "azure", "gcp")
PROVIDERS = (
    "github_actions",
    "github_actions_for_github_enterprise_servers",
    "azure_devops",
    "gitlab",
)
# What is run: answers that decide which jobs there are.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "Unity Catalog": {"input_include_models_in_unity_catalog": "yes"},
    "Unity Catalog, feature store": {
        "input_include_models_in_unity_catalog": "yes",
        "input_include_feature_store": "yes",
    },
    "Workspace registry": {"input_include_models_in_unity_catalog": "no"},
}
DATA = """
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs, workspace

client = WorkspaceClient()
for schema in ("my_mlops", "feature_store_taxi_example"):
    client.schemas.create(schema, "dev")
warehouse = next(iter(client.warehouses.list())).id
moment = "timestamp'2016-02-14 16:52:13' + make_interval(0, 0, 0, 0, 0, id * 7)"
for statement in (
    "CREATE VOLUME dev.my_mlops.data",
    f"CREATE TABLE dev.my_mlops.taxi AS SELECT {moment} AS tpep_pickup_datetime,"
    f" {moment} + make_interval(0, 0, 0, 0, 0, 20) AS tpep_dropoff_datetime,"
    " cast(1 + (id * 7) % 23 AS DOUBLE) / 2 AS trip_distance,"
    " 2.5D + 0.6D * (1 + (id * 7) % 23) + (id % 5) AS fare_amount,"
    " cast(10000 + id % 40 AS INT) AS pickup_zip, cast(10000 + (id * 3) % 40 AS INT) AS dropoff_zip"
    " FROM range(2000)",
    "CREATE TABLE dev.my_mlops.taxi_scoring AS"
    " SELECT trip_distance, pickup_zip, dropoff_zip FROM dev.my_mlops.taxi LIMIT 200",
):
    done = client.statement_execution.execute_statement(statement, warehouse, wait_timeout="50s")
    assert done.status.error is None, done.status.error
notebook = (
    "# Databricks notebook source\\n"
    "rows = spark.table('dev.my_mlops.taxi')\\n"
    "rows.write.format('delta').mode('overwrite').save('/Volumes/dev/my_mlops/data/taxi')\\n"
)
client.workspace.upload(
    "/Shared/fill",
    notebook.encode(),
    format=workspace.ImportFormat.SOURCE,
    language=workspace.Language.PYTHON,
)
task = jobs.SubmitTask(
    task_key="fill", notebook_task=jobs.NotebookTask(notebook_path="/Shared/fill")
)
client.jobs.submit(tasks=[task]).result()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is written otherwise in the copies: where, what, and why."""

    files: str
    pattern: str
    by: str
    why: str
    count: int = 0


CHANGES = (
    Change(
        files="resources/*.yml",
        pattern=r"(training_data_path|raw_data_path): /databricks-datasets\S*",
        by=r"\1: /Volumes/dev/my_mlops/data/taxi",
        why="the template's `TODO`: there is no `/databricks-datasets` on one machine; a table of"
        " 2,000 made-up trips stands for it",
    ),
    Change(
        files="resources/*.yml",
        pattern=r"validation_input: .*",
        by="validation_input: SELECT * FROM dev.my_mlops.taxi",
        why="",
    ),
    Change(
        files="resources/*.yml",
        pattern=r"input_table_name: \S+.*",
        by="input_table_name: dev.my_mlops.taxi_scoring",
        why="",
    ),
    Change(
        files="requirements.txt",
        pattern=r"(?s).*",
        by="mlflow>=2.22,<3\nlightgbm\n",
        count=1,
        why="it pins MLflow 2.11, pandas 1.5 and PySpark 3.3 with its JVM, none of which goes with"
        " the Spark client of 2026; MLflow 2.22 is the last of that line. LightGBM is part of"
        " Databricks' runtime for machine learning",
    ),
    Change(
        files="validation/notebooks/ModelValidation.py",
        pattern=r"eval_result\.baseline_model_metrics",
        by='getattr(eval_result, "baseline_model_metrics", {})',
        why="results of MLflow 2.22 have no metrics of a baseline any more",
    ),
    Change(
        files="deployment/batch_inference/notebooks/BatchInference.py",
        pattern=r"%pip install -r \S+",
        by="%pip install lightgbm",
        why="batch inference runs with the workspace's own MLflow",
    ),
    Change(
        files="deployment/batch_inference/predict.py",
        pattern=r"(?s)predict = mlflow\.pyfunc\.spark_udf\(.*?\"virtualenv\"\s*\)",
        by="rows = table.toPandas()\n"
        '    rows["prediction"] = mlflow.pyfunc.load_model(model_uri).predict(rows)',
        why="a model as a Spark function is loaded where Spark's workers are, which on one machine"
        " hold no credentials of the caller; here the model is loaded by the task itself",
    ),
    Change(
        files="deployment/batch_inference/predict.py",
        pattern=r'table\.withColumn\("prediction", predict\(struct\(\*table\.columns\)\)\)',
        by="spark_session.createDataFrame(rows)",
        why="",
    ),
)
HEAD = """\
# MLOps Stacks, tried

Written by `python scripts/mlops_stacks.py mlops-stacks`, which says at its top where the folder
comes from. Tried on {commit}. What each of the template's 99 combinations of answers
gives is in [official-examples.md](official-examples.md): 84 are valid bundles, 15 have a fault of
the template's own.

## Every cloud and CI provider

With models in Unity Catalog: initialised, validated, deployed with `--local`, planned again
(`empty`: nothing to do), destroyed (`clean`: nothing recorded is left).

| Cloud | CI provider | Validated | Deployed | Planned | Destroyed | Why not |
|---|---|---|---|---|---|---|
"""
RUNS = """
## Its jobs

Deployed to the embedded dev workspace and run there, task by task. `run_mode` of the validation is
`dry_run`, as the template has it: it lets a model through that does not pass, and the last column
says so.

| Variant | Job | Task | Result | Why |
|---|---|---|---|---|
"""
CHANGED = """
## What can't run, and why

- Feature store: the jobs use `databricks-feature-engineering` and the service behind it, which the
  embedded workspace does not have.
- Models outside of Unity Catalog: the notebooks of that variant name no registry, and without one
  MLflow uses Unity Catalog here, as in new workspaces of Databricks.
- Monitoring: the template leaves `monitoring-resource.yml` out until there is a table to watch.
- The CI files: they are the provider's; `brickyard ci run` reads those that `brickyard ci init`
  writes, and plain ones.

## What was changed to run them

"""
ENDED = re.compile(r'/ (\w+)" (?:TERMINATED|SKIPPED|INTERNAL_ERROR) (\w+) ?(.*)$', re.M)


def initialised(trial: Trial, source: Path, name: str, answers: Mapping[str, str]) -> Path:
    """The bundle of a project with these answers. Raises RuntimeError."""
    place = trial.folder / "stacks" / name
    place.mkdir(parents=True)
    config = place / "answers.json"
    given = {
        "input_project_name": "my_mlops",
        "input_root_dir": "my_mlops",
        "input_schema_name": "my_mlops",
        **answers,
    }
    config.write_text(json.dumps(given))
    words = ("init", str(source), "--config-file", str(config), "--output-dir", str(place / "out"))
    made = trial.run(place, *words)
    if made.code:
        raise RuntimeError(made.reason)
    return next((place / "out").rglob("databricks.yml")).parent


def platforms(trial: Trial, source: Path) -> Iterator[str]:
    for cloud, provider in itertools.product(CLOUDS, PROVIDERS):
        answers = {
            "input_cloud": cloud,
            "input_cicd_platform": provider,
            "input_include_models_in_unity_catalog": "yes",
        }
        where = initialised(trial, source, f"{cloud}-{provider}", answers)
        tried = trial.bundle(provider, where)
        row = f"| {cloud} {tried.row()}"
        print(row, file=sys.stderr, flush=True)
        yield row


def runs(trial: Trial, source: Path) -> Iterator[str]:
    for title, answers in VARIANTS.items():
        where = initialised(trial, source, re.sub(r"\W+", "-", title), answers)
        change(where)
        deployed = trial.run(where, "deploy", "--local", "--auto-approve")
        if deployed.code:
            yield f"| {title} | – | – | not deployed | {deployed.reason} |"
            continue
        for job in jobs_of(trial, where):
            ended = trial.run(where, "run", job, "--local")
            for task, result, why in tasks_of(ended):
                row = f"| {title} | `{job}` | {task} | {result} | {why} |"
                print(row, file=sys.stderr, flush=True)
                yield row
        trial.run(where, "destroy", "--local", "--auto-approve")


def jobs_of(trial: Trial, where: Path) -> list[str]:
    """Training first: batch inference needs the model that it lets through; features before it."""
    found = json.loads(trial.run(where, "validate", "-o", "json").out)["resources"]["jobs"]
    order = ("write_feature_table_job", "model_training_job", "batch_inference_job")
    return sorted(found, key=lambda job: order.index(job) if job in order else len(order))


def tasks_of(ended: Ended) -> Iterator[tuple[str, str, str]]:
    said = ended.out + ended.err
    found: dict[str, tuple[str, str]] = {}
    for task, result, why in ENDED.findall(said):
        found[task] = (result, why)
    if not found:
        yield "–", "not started", ended.reason
    for task, (result, why) in found.items():
        if task == "ModelValidation" and "Model validation failed in DRY_RUN" in said:
            why = "the validation failed; a dry run lets the model through"
        yield task, result, why.replace("|", "\\|")[:200]


def change(where: Path) -> None:
    """Apply `CHANGES`."""
    for one in CHANGES:
        for path in where.glob(one.files):
            path.write_text(
                re.sub(one.pattern, one.by, path.read_text(), count=0 if ".yml" in one.files else 1)
            )


def page(source: Path, trial: Trial) -> str:
    copy = trial.folder / source.name
    shutil.copytree(source, copy, symlinks=True)
    made = trial.run(trial.folder, "up", "--detach")
    filled = trial.run(trial.folder, "exec", "--", sys.executable, "-c", DATA)
    if made.code or filled.code:
        raise RuntimeError(made.err + filled.err)
    text = HEAD.format(commit=commit_of(copy))
    text += "\n".join(platforms(trial, copy)) + "\n" + RUNS
    text += "\n".join(runs(trial, copy)) + "\n" + CHANGED
    for one in CHANGES:
        if one.why:
            text += (
                textwrap.fill(f"- `{one.files}`: {one.why}.", 100, subsequent_indent="  ") + "\n"
            )
    return text


def main(arguments: list[str]) -> None:
    official_examples.LIMIT_S = LIMIT_S
    with tempfile.TemporaryDirectory(prefix="official-examples-") as folder:
        trial: Any = Trial(Path(folder))
        try:
            PAGE.write_text(page(Path(arguments[0]).resolve(), trial))
        finally:
            trial.run(Path(folder), "down")


if __name__ == "__main__":
    main(sys.argv[1:])
