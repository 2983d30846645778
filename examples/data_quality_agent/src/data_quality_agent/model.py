"""The agent as an MLflow model (models from code): a `ResponsesAgent` over the agent's report.

MLflow runs this file when the model is loaded. The agent reads its system prompt from the model's
artifacts, the rest from the model's config, what is known from a vector index, and tables through a
SQL warehouse, with the credentials of whoever runs it: a serving endpoint, a job or a person.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModelContext, ResponsesAgent
from mlflow.types.responses import (
    ResponsesAgentRequest,
    ResponsesAgentResponse,
    ResponsesAgentStreamEvent,
)

from data_quality_agent.agent import Report, examine
from data_quality_agent.knowledge import (
    IndexKnowledge,
    Knowledge,
    ShippedKnowledge,
    read_entries,
)
from data_quality_agent.language_model import ChatCompletions
from data_quality_agent.tables import Tables, WarehouseTables

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
FULL_NAME = re.compile(rf"(?<![.\w])`?({NAME})`?\.`?({NAME})`?\.`?({NAME})`?(?!\.?\w)")
API_KEY = "llm_api_key"  # in the configured secret scope


class DataQualityAgent(ResponsesAgent):
    """Examines the table named in `custom_inputs.table`, in the question, or the default one.

    The answer's text is for people; `custom_outputs` holds rules, findings and statistics.
    """

    def __init__(self) -> None:
        self._config: Mapping[str, Any] = {}
        self._system_prompt = ""

    def load_context(self, context: PythonModelContext) -> None:
        self._config = context.model_config or {}
        self._system_prompt = Path(context.artifacts["system_prompt"]).read_text("utf-8")

    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        report = self._report(request)
        return ResponsesAgentResponse(
            output=[self._item(report)], custom_outputs=report.to_json(), usage=_usage(report)
        )

    def predict_stream(
        self, request: ResponsesAgentRequest
    ) -> Generator[ResponsesAgentStreamEvent, None, None]:
        """The report is whole or not at all: one event."""
        report = self._report(request)
        yield ResponsesAgentStreamEvent(
            type="response.output_item.done",
            item=self._item(report),
            custom_outputs=report.to_json(),
        )

    def _report(self, request: ResponsesAgentRequest) -> Report:
        return examine(
            self._tables(),
            self._table(request),
            knowledge=self._knowledge(),
            model=self._language_model(),
        )

    def _item(self, report: Report) -> dict[str, Any]:
        return self.create_text_output_item(text=report.answer(), id=f"msg_{uuid.uuid4().hex}")

    def _table(self, request: ResponsesAgentRequest) -> str:
        asked = str((request.custom_inputs or {}).get("table") or "")
        if asked:
            if not (named := FULL_NAME.fullmatch(asked)):
                raise ValueError(f"a table is named catalog.schema.table, not {asked!r}")
            return ".".join(named.groups())
        texts = [_text(message) for message in request.input]
        for text in reversed(texts):
            if named := FULL_NAME.search(text):
                return ".".join(named.groups())
        return str(self._config["default_table"])

    def _tables(self) -> Tables:
        from databricks.sdk import WorkspaceClient

        return WarehouseTables(WorkspaceClient())

    def _knowledge(self) -> Knowledge:
        index = self._config.get("knowledge_index")
        if not index:
            return ShippedKnowledge(read_entries())
        from databricks.sdk import WorkspaceClient

        return IndexKnowledge(WorkspaceClient(), str(index))

    def _language_model(self) -> ChatCompletions | None:
        """The configured one; at no other address it is an endpoint of this workspace."""
        name = os.environ.get("LLM_MODEL") or self._config.get("llm_model")
        if not name:
            return None
        base_url = os.environ.get("LLM_BASE_URL") or self._config.get("llm_base_url")
        headers = self._api_key if base_url else _own_headers
        return ChatCompletions(
            base_url=base_url or _own_endpoints(),
            name=str(name),
            system_prompt=self._system_prompt,
            headers=headers,
        )

    def _api_key(self) -> Mapping[str, str]:
        key = os.environ.get("LLM_API_KEY") or self._secret()
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _secret(self) -> str:
        scope = self._config.get("llm_secret_scope")
        if not scope:
            return ""
        from databricks.sdk import WorkspaceClient

        return WorkspaceClient().dbutils.secrets.get(scope, API_KEY)


def _own_endpoints() -> str:
    from databricks.sdk import WorkspaceClient

    return f"{WorkspaceClient().config.host}/serving-endpoints"


def _own_headers() -> Mapping[str, str]:
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient().config.authenticate()


def _usage(report: Report) -> dict[str, Any]:
    """What the language model took, as the Responses API says it."""
    taken = {kind: report.tokens.get(kind, 0) for kind in ("input", "output")}
    return {
        "input_tokens": taken["input"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": taken["output"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(taken.values()),
    }


def _text(message: Any) -> str:
    content = getattr(message, "content", None)
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (p.get("text") if isinstance(p, dict) else getattr(p, "text", None) for p in parts)
    return " ".join(text for text in texts if text)


mlflow.models.set_model(DataQualityAgent())
