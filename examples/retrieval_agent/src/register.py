# Databricks notebook source
# MAGIC %md
# MAGIC # Register
# MAGIC Registers the prompt in Unity Catalog, a new version when its text changed, and the agent
# MAGIC as a model that is bound to that version. Logging asks the agent one question: a model that
# MAGIC cannot reach its index or its chat model is never registered.

# COMMAND ----------

import json
from importlib.metadata import version as installed
from pathlib import Path

import mlflow
from mlflow.models.resources import DatabricksServingEndpoint, DatabricksVectorSearchIndex

import retrieval_agent

names = ("catalog", "schema", "model_name", "experiment_id")
endpoints = ("chat_endpoint", "embedding_endpoint")
for name in (*names, *endpoints, "least_score"):
    dbutils.widgets.text(name, "")
catalog, schema, model_name, experiment_id = (dbutils.widgets.get(name) for name in names)
chat_endpoint, embedding_endpoint = (dbutils.widgets.get(name) for name in endpoints)
full_name, index = f"{catalog}.{schema}.{model_name}", f"{catalog}.{schema}.passages_index"

mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(experiment_id=experiment_id)

# COMMAND ----------

package = Path(retrieval_agent.__file__).parent
template = (package / "prompts" / "answering.md").read_text("utf-8")
prompt_name = f"{catalog}.{schema}.answering"
client = mlflow.MlflowClient()
versions = client.search_prompt_versions(prompt_name) if client.get_prompt(prompt_name) else []
same = [one for one in versions if one.template == template]
prompt = max(same, key=lambda one: int(one.version)) if same else None
if prompt is None:
    prompt = mlflow.genai.register_prompt(
        name=prompt_name, template=template, commit_message="How the agent answers."
    )
prompt_uri = f"prompts:/{prompt_name}/{prompt.version}"
print(prompt_uri)

# COMMAND ----------

config = {
    "index": index,
    "chat_endpoint": chat_endpoint,
    "least_score": float(dbutils.widgets.get("least_score") or 0),
    "prompt": prompt_uri,
}
with mlflow.start_run(run_name="register") as run:
    mlflow.log_params(config)
    logged = mlflow.pyfunc.log_model(
        name="agent",
        python_model=str(package / "model.py"),
        code_paths=[str(package)],
        artifacts={"prompt": str(package / "prompts" / "answering.md")},
        prompts=[prompt_uri],
        model_config=config,
        input_example={"input": [{"role": "user", "content": "What is a release?"}]},
        pip_requirements=[
            f"{name}=={installed(name)}" for name in ("mlflow", "databricks-sdk", "openai", "httpx")
        ],
        resources=[
            DatabricksVectorSearchIndex(index_name=index),
            DatabricksServingEndpoint(endpoint_name=chat_endpoint),
            DatabricksServingEndpoint(endpoint_name=embedding_endpoint),
        ],
        registered_model_name=full_name,
    )

model_version = str(logged.registered_model_version)
client.set_model_version_tag(full_name, model_version, "prompt", prompt_uri)
print(f"{full_name} version {model_version}")

# COMMAND ----------

outcome = {
    "model": full_name,
    "model_version": model_version,
    "prompt": prompt_uri,
    "prompt_name": prompt_name,
    "prompt_version": str(prompt.version),
    "run_id": run.info.run_id,
}
dbutils.notebook.exit(json.dumps(outcome))
