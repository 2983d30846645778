# Databricks notebook source
# MAGIC %md
# MAGIC # Register
# MAGIC Registers the system prompt, then logs the agent as an MLflow model, with its code, that
# MAGIC version of the prompt and pinned requirements, and registers it in Unity Catalog. Nothing is
# MAGIC trained. Logging runs the agent once, on the smallest table, so a model that cannot read its
# MAGIC tables is never registered.

# COMMAND ----------

import json
from importlib.metadata import version as installed
from pathlib import Path

import mlflow
from databricks.sdk import WorkspaceClient
from mlflow.models.resources import (
    DatabricksServingEndpoint,
    DatabricksSQLWarehouse,
    DatabricksTable,
    DatabricksVectorSearchIndex,
)

import data_quality_agent
from data_quality_agent.ingestion import FILES
from data_quality_agent.prompting import register_prompt
from data_quality_agent.tables import find_warehouse

names = ("catalog", "schema", "model_name", "experiment_id", "embedding_endpoint")
options = ("llm_base_url", "llm_model", "llm_secret_scope")
for name in (*names, *options):
    dbutils.widgets.text(name, "")
catalog, schema, model_name, experiment_id, embedding_endpoint = (
    dbutils.widgets.get(name) for name in names
)
full_name = f"{catalog}.{schema}.{model_name}"

mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(experiment_id=experiment_id)

# COMMAND ----------

package = Path(data_quality_agent.__file__).parent
system_prompt = package / "prompts" / "system_prompt.md"
prompt = register_prompt(f"{catalog}.{schema}.data_quality_rules", system_prompt.read_text())

# COMMAND ----------

config = {name: dbutils.widgets.get(name) for name in options}
config["default_table"] = f"{catalog}.{schema}.flights"
config["knowledge_index"] = f"{catalog}.{schema}.knowledge_index"
config["prompt"] = prompt.uri
own_endpoints = [embedding_endpoint]
if config["llm_model"] and not config["llm_base_url"]:
    own_endpoints.append(config["llm_model"])

with mlflow.start_run(run_name="register") as run:
    mlflow.log_params(config)
    logged = mlflow.pyfunc.log_model(
        name="agent",
        python_model=str(package / "model.py"),
        code_paths=[str(package)],
        artifacts={"system_prompt": str(system_prompt)},
        model_config=config,
        input_example={
            "input": [{"role": "user", "content": "Which rules does this table break?"}],
            "custom_inputs": {"table": f"{catalog}.{schema}.airlines"},
        },
        # brickyard: allow pinned-requirements-in-production until 2027-12-31 because the job pins
        pip_requirements=[f"{name}=={installed(name)}" for name in ("mlflow", "databricks-sdk")],
        resources=[
            DatabricksSQLWarehouse(warehouse_id=find_warehouse(WorkspaceClient())),
            *(DatabricksTable(table_name=f"{catalog}.{schema}.{name}") for name in FILES),
            DatabricksVectorSearchIndex(index_name=config["knowledge_index"]),
            *(DatabricksServingEndpoint(endpoint_name=name) for name in own_endpoints),
        ],
        registered_model_name=full_name,
    )

model_version = str(logged.registered_model_version)
mlflow.MlflowClient().set_model_version_tag(full_name, model_version, "prompt", prompt.uri)
print(f"{full_name} version {model_version} with {prompt.uri}")

# COMMAND ----------

dbutils.jobs.taskValues.set("model_version", model_version)
outcome = {
    "model": full_name,
    "model_version": model_version,
    "prompt": prompt.name,
    "prompt_version": str(prompt.version),
    "run_id": run.info.run_id,
}
dbutils.notebook.exit(json.dumps(outcome))
