"""A LangChain chain, logged as code and served."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import mlflow
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput
from mlflow.deployments import get_deploy_client
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array, Object, Property
from place import SCHEMA, unique

CLIENT = "databricks-langchain"

CHAIN = """
import mlflow
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda

def answer(given):
    for word in given["messages"][-1]["content"].split():
        yield word.upper() + " "

chain = RunnableLambda(answer) | StrOutputParser()
mlflow.models.set_model(chain)
"""
MODEL = f"{SCHEMA}.{unique('chain')}"
ENDPOINT = unique("chain").replace("_", "-")
ASKED = {"messages": [{"role": "user", "content": "one two"}]}

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(f"/Shared/{unique('langchain')}")


def probe_serve() -> None:
    """a chain as code is logged with mlflow.langchain and served in its own environment"""
    message = Object([Property("role", DataType.string), Property("content", DataType.string)])
    signature = ModelSignature(
        Schema([ColSpec(Array(message), "messages")]), Schema([ColSpec(DataType.string)])
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "chain.py")
        file.write_text(CHAIN)
        mlflow.langchain.log_model(
            lc_model=str(file),
            name="chain",
            registered_model_name=MODEL,
            signature=signature,
            pip_requirements=["mlflow", "langchain"],
        )
    entity = ServedEntityInput(
        entity_name=MODEL,
        entity_version="1",
        environment_vars={"ENABLE_LANGCHAIN_STREAMING": "true"},
    )
    made = WorkspaceClient().serving_endpoints.create_and_wait(
        name=ENDPOINT, config=EndpointCoreConfigInput(name=ENDPOINT, served_entities=[entity])
    )
    assert made.state.ready.value == "READY"


def probe_ask() -> None:
    """the chain answers `messages`, at once and streamed"""
    client: Any = get_deploy_client("databricks")
    answer = client.predict(endpoint=ENDPOINT, inputs=ASKED)
    assert "ONE" in str(answer), answer
    chunks = list(client.predict_stream(endpoint=ENDPOINT, inputs=ASKED))
    assert "TWO" in str(chunks), chunks
