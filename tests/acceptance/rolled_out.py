"""A solution whose rollout does what time makes dependent: pipeline, index, model, evaluation, app.

Small enough that every step of it is run for real within seconds, and killed.
"""

from __future__ import annotations

from typing import Any

from tiny_solution import bundle

NOT_IN_STAGING = ("pipelines", "vector_search_indexes", "apps")
EMBEDDER = "databricks-gte-large-en"
MAKE = """\
CREATE TABLE IF NOT EXISTS ${{steps.release.environment}}.{name}.notes (id BIGINT, text STRING)
TBLPROPERTIES (delta.enableChangeDataFeed = true) AS
SELECT * FROM VALUES (1, 'brakes wear out'), (2, 'late flights are refunded') AS t (id, text)
"""
PIPELINE = """\
CREATE OR REFRESH MATERIALIZED VIEW long_notes AS
SELECT id, length(text) AS letters FROM ${catalog}.${schema}.notes
"""
TRAIN = """\
# Databricks notebook source
import json
import mlflow

class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return list(model_input)

mlflow.set_experiment(dbutils.widgets.get("experiment"))
logged = mlflow.pyfunc.log_model(name="echo", python_model=Echo(), pip_requirements=["mlflow"])
dbutils.notebook.exit(json.dumps({"source": logged.model_uri}))
"""
EVALUATE = """\
# Databricks notebook source
import json
import mlflow

mlflow.set_experiment(dbutils.widgets.get("experiment"))
with mlflow.start_run() as run:
    mlflow.log_metric("recall", 0.9)
dbutils.notebook.exit(json.dumps({"mlflow_run_id": run.info.run_id}))
"""
SERVE = """\
import http.server, os

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"version one of {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

port = int(os.environ["DATABRICKS_APP_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Site).serve_forever()
"""


def files(name: str) -> dict[str, str]:
    return {
        "src/make.sql": MAKE.format(name=name),
        "src/gold.sql": PIPELINE,
        "src/train.py": TRAIN,
        "src/evaluate.py": EVALUATE,
        "site/serve.py": SERVE,
    }


def resources(name: str) -> dict[str, Any]:
    found: dict[str, Any] = bundle(name)["resources"]
    app = f"{name.replace('_', '-')}-${{bundle.target}}"
    return {
        **found,
        "jobs": {
            key: {
                "name": f"{name} {key}",
                "parameters": [{"name": "experiment", "default": experiment(name)}],
                "tasks": [{"task_key": key, "notebook_task": {"notebook_path": f"src/{key}.py"}}],
            }
            for key in ("train", "evaluate")
        },
        "pipelines": {
            "etl": {
                "name": f"{name} ${{bundle.target}}",
                "catalog": "${var.catalog}",
                "schema": "${resources.schemas.area.name}",
                "serverless": True,
                "configuration": {"catalog": "${var.catalog}", "schema": name},
                "libraries": [{"file": {"path": "src/gold.sql"}}],
            }
        },
        "vector_search_endpoints": {
            "home": {"name": f"{name}-${{bundle.target}}", "endpoint_type": "STANDARD"}
        },
        "vector_search_indexes": {
            "notes": {
                "name": f"${{var.catalog}}.{name}.notes_index",
                "endpoint_name": "${resources.vector_search_endpoints.home.name}",
                "primary_key": "id",
                "index_type": "DELTA_SYNC",
                "delta_sync_index_spec": {
                    "source_table": f"${{var.catalog}}.{name}.notes",
                    "pipeline_type": "TRIGGERED",
                    "embedding_source_columns": [
                        {"name": "text", "embedding_model_endpoint_name": EMBEDDER}
                    ],
                },
            }
        },
        "apps": {
            "site": {
                "name": app,
                "source_code_path": "./site",
                "config": {"command": ["python", "serve.py"]},
            }
        },
    }


def experiment(name: str) -> str:
    return f"/Shared/{name}_${{bundle.target}}"


def settings(name: str) -> dict[str, Any]:
    """Every kind of step but those that other tests run."""
    return {
        "environments": {
            "dev": {"catalog": "dev"},
            "staging": {
                "catalog": "staging",
                "models_from": ["dev"],
                "without": [f"resources.{kind}.*" for kind in NOT_IN_STAGING],
            },
        },
        "rollout": [
            {"step": "make", "sql": "src/make.sql"},
            {"step": "refresh", "refresh_pipeline": "etl", "in": "dev"},
            {"step": "sync", "sync_index": "notes", "in": "dev"},
            {
                "step": "search",
                "query_index": "notes",
                "text": "refunded flights",
                "columns": ["id", "text"],
                "count": 1,
                "contains": "refunded",
                "in": "dev",
            },
            {"step": "train", "run_job": "train", "by_model": "echo"},
            {"step": "register", "register_model": "echo", "source": "${steps.train.source}"},
            {
                "step": "evaluate",
                "evaluate": "evaluate",
                "require": {"recall": ">= 0.5"},
                "in": "dev",
            },
            {
                "step": "champion",
                "set_alias": "champion",
                "model": "echo",
                "version": "${steps.register.version}",
            },
            {"step": "site", "start_app": "site", "in": "dev"},
            {
                "step": "look",
                "query_app": "site",
                "path": "/help",
                "contains": "one of /help",
                "in": "dev",
            },
        ],
        "drift": {
            "evaluation": [{"metric": "recall", "fall": 0.05, "experiment": f"/Shared/{name}_dev"}]
        },
    }


def write_files(solution: Any, name: str, **changed: str) -> None:
    for path, text in {**files(name), **changed}.items():
        target = solution.folder / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
