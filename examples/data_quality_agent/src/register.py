# Databricks notebook source
# MAGIC %md
# MAGIC # Register
# MAGIC Logs the agent as an MLflow model, with its code, system prompt, example rules and pinned
# MAGIC requirements, and registers it in Unity Catalog. Nothing is trained. Logging runs the agent
# MAGIC once, on the smallest table, so a model that cannot read its tables is never registered.

# COMMAND ----------

import json
from importlib.metadata import version as installed
from pathlib import Path

import mlflow
from databricks.sdk import WorkspaceClient
from mlflow.models.resources import DatabricksSQLWarehouse, DatabricksTable

import data_quality_agent
from data_quality_agent.ingestion import FILES
from data_quality_agent.tables import find_warehouse

names = ("catalog", "schema", "model_name", "experiment_id")
options = ("llm_base_url", "llm_model", "llm_secret_scope")
for name in (*names, *options):
    dbutils.widgets.text(name, "")
catalog, schema, model_name, experiment_id = (dbutils.widgets.get(name) for name in names)
full_name = f"{catalog}.{schema}.{model_name}"

mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(experiment_id=experiment_id)

# COMMAND ----------

package = Path(data_quality_agent.__file__).parent
config = {name: dbutils.widgets.get(name) for name in options}
config["default_table"] = f"{catalog}.{schema}.flights"

with mlflow.start_run(run_name="register") as run:
    mlflow.log_params(config)
    logged = mlflow.pyfunc.log_model(
        name="agent",
        python_model=str(package / "model.py"),
        code_paths=[str(package)],
        artifacts={
            "system_prompt": str(package / "prompts" / "system_prompt.md"),
            "example_rules": str(package / "prompts" / "example_rules.json"),
        },
        model_config=config,
        input_example={
            "input": [{"role": "user", "content": "Which rules does this table break?"}],
            "custom_inputs": {"table": f"{catalog}.{schema}.airlines"},
        },
        pip_requirements=[f"{name}=={installed(name)}" for name in ("mlflow", "databricks-sdk")],
        resources=[
            DatabricksSQLWarehouse(warehouse_id=find_warehouse(WorkspaceClient())),
            *(DatabricksTable(table_name=f"{catalog}.{schema}.{name}") for name in FILES),
        ],
        registered_model_name=full_name,
    )

model_version = str(logged.registered_model_version)
print(f"{full_name} version {model_version}")

# COMMAND ----------

dbutils.jobs.taskValues.set("model_version", model_version)
outcome = {"model": full_name, "model_version": model_version, "run_id": run.info.run_id}
dbutils.notebook.exit(json.dumps(outcome))
