"""Models as code that the tests of serving log, and how their endpoints are asked."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Does as it is told.
TOOL = """
import os, sys, threading, time
import mlflow
from mlflow.pyfunc import PythonModel

class Tool(PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return [getattr(self, one.split(":")[0])(one.partition(":")[2]) for one in model_input]

    def die(self, _):
        os._exit(7)

    def killed(self, after_s):
        threading.Timer(float(after_s), os.kill, (os.getpid(), 9)).start()
        return "soon"

    def env(self, name):
        return os.environ.get(name, "")

    def pid(self, _):
        return str(os.getpid()) + " " + open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19]

    def me(self, _):
        from databricks.sdk import WorkspaceClient
        return WorkspaceClient().current_user.me().user_name

    def write(self, path):
        try:
            with open(path, "a"):
                return "written"
        except OSError as fault:
            return type(fault).__name__

    def sleep(self, seconds):
        time.sleep(float(seconds))
        return "awake"

    def leak(self, mib):
        self.held = [b"x" * 2**26 for _ in range(int(mib) // 64)]
        time.sleep(5)
        return "leaked"

    def take(self, mib):
        return str(len(bytearray(int(mib) * 2**20)))

    def flood(self, mib):
        for _ in range(int(mib)):
            sys.stdout.write(("x" * 1023 + "\\\\n") * 1024)
        print("after the flood", flush=True)
        return "flooded"

mlflow.models.set_model(Tool())
"""

AGENT = """
import os, time
import mlflow
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentResponse, ResponsesAgentStreamEvent

class Echo(ResponsesAgent):
    def predict(self, request):
        events = list(self.predict_stream(request))
        return ResponsesAgentResponse(output=[events[-1].item])

    def predict_stream(self, request):
        text = request.input[-1].content
        for word in text.split():
            if word == "wait":
                time.sleep(3)
            if word == "fail":
                raise ValueError("as told")
            if word == "die":
                time.sleep(1)
                os._exit(7)
            yield ResponsesAgentStreamEvent(**self.create_text_delta(delta=word, item_id="1"))
        item = self.create_text_output_item(text=text, id="1")
        yield ResponsesAgentStreamEvent(type="response.output_item.done", item=item)

mlflow.models.set_model(Echo())
"""

CHAT_AGENT = """
import mlflow
from mlflow.pyfunc import ChatAgent
from mlflow.types.agent import ChatAgentChunk, ChatAgentMessage, ChatAgentResponse

class Echo(ChatAgent):
    def predict(self, messages, context=None, custom_inputs=None):
        said = ChatAgentMessage(role="assistant", content=messages[-1].content, id="1")
        return ChatAgentResponse(messages=[said], custom_outputs=custom_inputs)

    def predict_stream(self, messages, context=None, custom_inputs=None):
        for word in messages[-1].content.split():
            yield ChatAgentChunk(delta=ChatAgentMessage(role="assistant", content=word, id="1"))

mlflow.models.set_model(Echo())
"""

CHAT_MODEL = """
import mlflow
from mlflow.pyfunc import ChatModel
from mlflow.types.llm import ChatChoice, ChatChoiceDelta, ChatChunkChoice, ChatCompletionChunk
from mlflow.types.llm import ChatCompletionResponse, ChatMessage

class Echo(ChatModel):
    def predict(self, context, messages, params):
        said = f"{messages[-1].content} {params.temperature}"
        message = ChatMessage(role="assistant", content=said)
        return ChatCompletionResponse(choices=[ChatChoice(index=0, message=message)])

    def predict_stream(self, context, messages, params):
        for word in messages[-1].content.split():
            delta = ChatChoiceDelta(role="assistant", content=word)
            yield ChatCompletionChunk(choices=[ChatChunkChoice(index=0, delta=delta)])

mlflow.models.set_model(Echo())
"""

# What completions and embeddings send: `prompt` and `input` pass to the model as they are.
FORMS = """
import mlflow
from mlflow.pyfunc import PythonModel

class Forms(PythonModel):
    def predict(self, context, model_input, params=None):
        is_frame = hasattr(model_input, "to_dict")
        given = model_input.to_dict("records")[0] if is_frame else model_input
        if "prompt" in given:
            choice = {"index": 0, "text": str(given["prompt"]).upper(), "finish_reason": "stop"}
            return {"object": "text_completion", "choices": [choice]}
        texts = given["input"]
        texts = [texts] if isinstance(texts, str) else list(texts)
        data = [{"index": n, "object": "embedding", "embedding": [float(len(t)), 1.0]}
                for n, t in enumerate(texts)]
        return {"object": "list", "data": data}

mlflow.models.set_model(Forms())
"""


class Served:
    """A workspace with a schema of its own and models in it."""

    def __init__(self, workspace: Any, folder: Path) -> None:
        self.workspace = workspace
        self.api = workspace.client("dev").serving_endpoints
        self.schema = f"serving_{uuid.uuid4().hex[:8]}"
        self._folder = folder
        workspace.client("dev").schemas.create(self.schema, "dev")

    @contextmanager
    def connected(self) -> Iterator[None]:
        """MLflow finds the workspace."""
        import mlflow

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABRICKS_HOST", self.workspace.host("dev"))
            patch.setenv("DATABRICKS_TOKEN", self.workspace.token("dev"))
            patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
            mlflow.set_tracking_uri("databricks")
            mlflow.set_registry_uri("databricks-uc")
            yield

    def register(self, name: str, code: str, **options: Any) -> str:
        """The full name of the model, with one more version."""
        with self.connected():
            return self._register(name, code, **options)

    def _register(self, name: str, code: str, **options: Any) -> str:
        import mlflow

        file = self._folder / f"{name}_{uuid.uuid4().hex[:6]}.py"
        file.write_text(code)
        full_name = f"dev.{self.schema}.{name}"
        mlflow.set_experiment(f"/Shared/{self.schema}")
        mlflow.pyfunc.log_model(
            name=name,
            python_model=str(file),
            registered_model_name=full_name,
            **{"pip_requirements": ["mlflow"], **options},
        )
        return full_name

    def create(self, *entities: Mapping[str, Any], **traffic: int) -> str:
        """The name of a new endpoint that is ready."""
        from databricks.sdk.service.serving import EndpointCoreConfigInput

        name = f"e-{uuid.uuid4().hex[:8]}"
        config = EndpointCoreConfigInput.from_dict(configuration(*entities, **traffic))
        self.api.create_and_wait(name=name, config=config)
        return name

    def ask(self, name: str, body: Any, path: str = "") -> tuple[int, Any, Any]:
        """Status, JSON and headers of one request."""
        try:
            with self.open(name, body, path) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused), refused.headers

    def open(self, name: str, body: Any, path: str = "") -> Any:
        url = self.workspace.host("dev") + (path or f"/serving-endpoints/{name}/invocations")
        request = urllib.request.Request(url, data=json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.workspace.token('dev')}")
        request.add_header("Content-Type", "application/json")
        return urllib.request.urlopen(request, timeout=60)

    def tell(self, name: str, *commands: str) -> tuple[int, Any]:
        """Status and answers of a model that does as it is told."""
        status, answer, _ = self.ask(name, {"inputs": list(commands)})
        return status, answer.get("predictions", answer)


def configuration(*entities: Mapping[str, Any], **traffic: int) -> dict[str, Any]:
    routes = [
        {"served_model_name": name, "traffic_percentage": share} for name, share in traffic.items()
    ]
    return {
        "served_entities": list(entities),
        **({"traffic_config": {"routes": routes}} if routes else {}),
    }
