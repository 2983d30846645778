"""OpenAI's API and what speaks it: Azure, Ollama, vLLM, Cohere's and others' compatible servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.gateway.dialects.dialect import Json, Outgoing
from brickyard.workspace.gateway.events import COMMENT, DONE, data_of

PATHS: Final[Mapping[str, str]] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
}
FINISH, USAGE = b'"finish_reason"', b'"usage"'
UNFINISHED = (b'"finish_reason":null', b'"finish_reason": null', b'"usage":null', b'"usage": null')
SHAPES: Final[Mapping[str, str]] = {"embeddings": "data"}  # what an answer must have


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAi:
    headers: Mapping[str, str]
    path: str = ""  # of every form; '' for OpenAI's own
    query: str = ""
    names_model: bool = True  # in the body

    def request(self, base: str, model: str, form: str, body: Mapping[str, Any]) -> Outgoing:
        sent: Json = dict(body)
        if self.names_model:
            sent["model"] = model
        if sent.get("stream"):
            options = sent.get("stream_options") or {}
            sent["stream_options"] = {**options, "include_usage": True}
        path = (self.path or PATHS[form]).format(model=model, form=PATHS[form])
        return Outgoing(url=f"{base}{path}{self.query}", body=sent, headers=self.headers)

    def answer(self, form: str, body: Json) -> Json:
        if not isinstance(body[SHAPES.get(form, "choices")], list):
            raise TypeError("no list of answers")
        return body

    async def events(
        self, events: AsyncIterator[bytes], body: Mapping[str, Any]
    ) -> AsyncIterator[bytes]:
        """As they come, up to `[DONE]`, which some servers leave out after the last chunk.

        A chunk with the usage alone goes to those who asked for it; else it becomes a comment,
        for the gateway's own use. Raises ConnectionError when the stream ends early.
        """
        wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        finished = False
        async for one in events:
            if one.strip() == DONE.strip():
                yield DONE
                return
            said = one.count(FINISH) + one.count(USAGE)
            if said and said > sum(map(one.count, UNFINISHED)):
                data = data_of(one)
                if isinstance(data, dict):
                    choices = data.get("choices")
                    finished = finished or any(c.get("finish_reason") for c in choices or ())
                    if choices == [] and data.get("usage") and not wants_usage:
                        yield COMMENT + one.removeprefix(b"data: ")
                        continue
            yield one
        if not finished:
            raise ConnectionError("the stream ended early")
        yield DONE
