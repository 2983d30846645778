"""The agent as an MLflow model (models from code): a `ResponsesAgent` that answers with sources.

MLflow runs this file when the model is loaded. The prompt is an artifact of the model, and its
version in Unity Catalog stands beside it: what was evaluated is what is served. The index and the
chat model are asked with the credentials of whoever runs the agent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import SpanType
from mlflow.pyfunc import PythonModelContext, ResponsesAgent
from mlflow.types.responses import (
    ResponsesAgentRequest,
    ResponsesAgentResponse,
    ResponsesAgentStreamEvent,
    to_chat_completions_input,
)

from retrieval_agent.answering import (
    TOOL,
    Answered,
    Call,
    Searched,
    Searching,
    Turn,
    answer,
)
from retrieval_agent.library import Found, IndexedLibrary

CHOICES = {
    Searching.MUST: {"type": "function", "function": {"name": TOOL["function"]["name"]}},
    Searching.MAY: "auto",
    Searching.DONE: "none",
}


class RetrievalAgent(ResponsesAgent):
    """Text with marks such as [2] for people; `custom_outputs` with the sources for programs."""

    def __init__(self) -> None:
        self._config: Mapping[str, Any] = {}
        self._prompt = ""

    def load_context(self, context: PythonModelContext) -> None:
        self._config = context.model_config or {}
        self._prompt = Path(context.artifacts["prompt"]).read_text("utf-8")

    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        events = list(self.predict_stream(request))
        items = [one.item for one in events]
        return ResponsesAgentResponse(output=items, custom_outputs=events[-1].custom_outputs)

    def predict_stream(
        self, request: ResponsesAgentRequest
    ) -> Generator[ResponsesAgentStreamEvent, None, None]:
        from databricks.sdk import WorkspaceClient

        client = WorkspaceClient()
        steps = answer(
            to_chat_completions_input([one.model_dump() for one in request.input]),
            prompt=self._prompt,
            library=IndexedLibrary(
                index=self._config["index"],
                client=client,
                least=float(self._config["least_score"]),
            ),
            chat=EndpointChat(client, self._config["chat_endpoint"]),
        )
        for step in steps:
            if isinstance(step, Searched):
                yield self._done(self._called(step.call))
                yield self._done(self.create_function_call_output_item(step.call.id, step.shown))
            else:
                yield self._answered(step)

    def _called(self, call: Call) -> dict[str, Any]:
        return self.create_function_call_item(
            id=f"fc_{uuid.uuid4().hex}",
            call_id=call.id,
            name=TOOL["function"]["name"],
            arguments=json.dumps({"query": call.query}),
        )

    def _answered(self, step: Answered) -> ResponsesAgentStreamEvent:
        text = step.text + _listed(step.passages, step.sources)
        item = self.create_text_output_item(text=text, id=f"msg_{uuid.uuid4().hex}")
        outputs = {
            "answer": step.text,
            "sources": [one.source() for one in step.sources],
            "passages": [{**one.source(), "text": one.text} for one in step.passages],
            "prompt": self._config["prompt"],
            "chat_endpoint": self._config["chat_endpoint"],
        }
        return self._done(item, custom_outputs=outputs)

    def _done(self, item: dict[str, Any], **more: Any) -> ResponsesAgentStreamEvent:
        return ResponsesAgentStreamEvent(type="response.output_item.done", item=item, **more)


class EndpointChat:
    """A chat model behind a serving endpoint, by the API that OpenAI's client speaks."""

    def __init__(self, client: Any, endpoint: str) -> None:
        self._openai = client.serving_endpoints.get_open_ai_client()
        self._endpoint = endpoint

    def turn(self, messages: Sequence[Mapping[str, Any]], searching: Searching) -> Turn:
        with mlflow.start_span("chat", span_type=SpanType.CHAT_MODEL) as span:
            span.set_inputs({"model": self._endpoint, "messages": list(messages)})
            answered = self._openai.chat.completions.create(
                model=self._endpoint,
                messages=list(messages),
                temperature=0,
                tools=[TOOL],
                tool_choice=CHOICES[searching],
            )
            said = answered.choices[0].message
            span.set_outputs(said.model_dump(exclude_none=True))
        calls = [_call(one) for one in said.tool_calls or ()]
        return Turn(text=said.content or "", calls=calls)


def _call(given: Any) -> Call:
    """A search; arguments that are no JSON are taken as what to look for."""
    try:
        query = str(json.loads(given.function.arguments)["query"])
    except (ValueError, KeyError, TypeError):
        query = str(given.function.arguments)
    return Call(id=given.id, query=query)


def _listed(passages: Sequence[Found], sources: Sequence[Found]) -> str:
    """The sources below an answer, under the numbers that its text has."""
    if not sources:
        return ""
    numbers = {one.id: number for number, one in enumerate(passages, start=1)}
    lines = [f"[{numbers[one.id]}] {one.place} ({one.page})" for one in sources]
    return "\n\nSources:\n" + "\n".join(lines)


mlflow.models.set_model(RetrievalAgent())
