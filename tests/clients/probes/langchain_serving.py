"""A LangChain chain, logged as code and served."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from pathlib import Path

import mlflow
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array, Object, Property
from place import HOST, SCHEMA, TOKEN, rest, unique

CLIENT = "databricks-langchain"

CHAIN = """
import mlflow
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda

def answer(messages):  # MLflow makes LangChain's of those in the request
    for word in messages[-1].content.split():
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
    path = f"/serving-endpoints/{ENDPOINT}/invocations"
    answer = rest("POST", path, ASKED)
    assert "ONE TWO" in str(answer), answer
    request = urllib.request.Request(
        HOST + path,
        data=json.dumps({**ASKED, "stream": True}).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as stream:
        events = [line.decode().removeprefix("data: ").strip() for line in stream if line.strip()]
    assert len(events) >= 3, events
    assert "ONE" in events[0], events
    assert events[-1] == "[DONE]", events
