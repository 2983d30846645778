# Databricks notebook source
import json
from pathlib import Path

import mlflow

for name in ("model_name", "experiment_id"):
    dbutils.widgets.text(name, "")
mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(experiment_id=dbutils.widgets.get("experiment_id"))

# COMMAND ----------

with mlflow.start_run(run_name="register"):
    logged = mlflow.pyfunc.log_model(
        name="agent",
        python_model=str(Path("agent.py").resolve()),
        code_paths=[str(Path("answers.py").resolve())],
        input_example={"input": [{"role": "user", "content": "When is my delivery?"}]},
        pip_requirements=[f"mlflow=={mlflow.__version__}"],
        registered_model_name=dbutils.widgets.get("model_name"),
    )

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"model_version": str(logged.registered_model_version)}))
