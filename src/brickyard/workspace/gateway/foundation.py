"""The endpoints of foundation models that every workspace has, by their Databricks names.

The names, tasks and dimensions are those of Databricks' page of supported foundation models. Which
model really answers is the workspace's configuration (`configuration`); without one, the offline
models do, and the endpoint's description says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Final

from brickyard.workspace.gateway.offline import chat, embedder, minilm
from brickyard.workspace.gateway.offline.wire import LEXICAL
from brickyard.workspace.serving.config import FOUNDATION, Config, Entity
from brickyard.workspace.serving.external import CHAT, EMBEDDINGS
from brickyard.workspace.serving.records import PROVIDED, Endpoint

DOCS: Final = "https://docs.databricks.com/machine-learning/foundation-model-apis/supported-models"
CREATOR: Final = "System"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """One endpoint that comes with a workspace."""

    name: str
    title: str
    task: str = CHAT
    dimensions: int = 0  # of embeddings


def _chat(name: str, title: str) -> Foundation:
    return Foundation(name=f"databricks-{name}", title=title)


def _embeddings(name: str, title: str, dimensions: int) -> Foundation:
    name = f"databricks-{name}"
    return Foundation(name=name, title=title, task=EMBEDDINGS, dimensions=dimensions)


CATALOGUE: Final = (
    _chat("meta-llama-3-3-70b-instruct", "Meta Llama 3.3 70B Instruct"),
    _chat("meta-llama-3-1-405b-instruct", "Meta Llama 3.1 405B Instruct"),
    _chat("meta-llama-3-1-8b-instruct", "Meta Llama 3.1 8B Instruct"),
    _chat("llama-4-maverick", "Llama 4 Maverick"),
    _chat("gpt-oss-120b", "GPT OSS 120B"),
    _chat("gpt-oss-20b", "GPT OSS 20B"),
    _chat("gpt-5", "GPT-5"),
    _chat("gpt-5-mini", "GPT-5 mini"),
    _chat("gpt-5-nano", "GPT-5 nano"),
    _chat("gpt-5-1", "GPT-5.1"),
    _chat("gpt-5-2", "GPT-5.2"),
    _chat("claude-3-7-sonnet", "Claude Sonnet 3.7"),
    _chat("claude-sonnet-4", "Claude Sonnet 4"),
    _chat("claude-sonnet-4-5", "Claude Sonnet 4.5"),
    _chat("claude-opus-4-1", "Claude Opus 4.1"),
    _chat("claude-opus-4-5", "Claude Opus 4.5"),
    _chat("claude-haiku-4-5", "Claude Haiku 4.5"),
    _chat("gemini-2-5-pro", "Gemini 2.5 Pro"),
    _chat("gemini-2-5-flash", "Gemini 2.5 Flash"),
    _chat("gemini-3-pro", "Gemini 3 Pro"),
    _chat("gemma-3-12b", "Gemma 3 12B"),
    _chat("qwen3-next-80b-a3b-instruct", "Qwen3-Next 80B A3B Instruct"),
    _embeddings("gte-large-en", "GTE Large (English)", 1024),
    _embeddings("bge-large-en", "BGE Large (English)", 1024),
    _embeddings("qwen3-embedding-0-6b", "Qwen3 Embedding 0.6B", 1024),
)
BY_NAME: Final[Mapping[str, Foundation]] = {one.name: one for one in CATALOGUE}


def endpoint(workspace: str, one: Foundation, answered_by: str, created_ms: int) -> Endpoint:
    """The endpoint of a foundation model in a workspace; `answered_by` describes what answers."""
    model = one.name.removeprefix("databricks-")
    entity = Entity(
        name=one.name,
        entity_name="",
        entity_version="",
        creator=CREATOR,
        foundation_model={
            "name": f"{FOUNDATION}{model}",
            "display_name": one.title,
            "docs": DOCS,
            "description": answered_by,
            "task": one.task,
        },
    )
    return Endpoint(
        id=md5(f"{workspace}/{one.name}".encode(), usedforsecurity=False).hexdigest(),
        workspace=workspace,
        name=one.name,
        creator=CREATOR,
        created_ms=created_ms,
        updated_ms=created_ms,
        active=Config(entities=(entity,), traffic={entity.name: 100}),
        settings={PROVIDED: True, "description": answered_by},
    )


def endpoints(
    workspaces: Iterable[str], described: Mapping[tuple[str, str], str], created_ms: int
) -> list[Endpoint]:
    """Every endpoint of every workspace; `described` by workspace and name, else offline."""
    return [
        endpoint(at, one, described.get((at, one.name)) or offline_description(one), created_ms)
        for at in workspaces
        for one in CATALOGUE
    ]


def offline_description(one: Foundation, encoder: str = LEXICAL) -> str:
    if one.task == EMBEDDINGS and encoder != LEXICAL:
        return (
            f"Answered by the offline model {minilm.MODEL}, not by {one.title}: vectors of"
            " all-MiniLM-L6-v2, without a network."
        )
    if one.task == EMBEDDINGS:
        return (
            f"Answered by the offline model {embedder.MODEL}, not by {one.title}: vectors of the"
            " words of a text, without a network."
        )
    return (
        f"Answered by the offline model {chat.MODEL}, not by {one.title}: it answers only from"
        " passages and tool results in the conversation."
    )


def endpoint_of(entity: Entity) -> str:
    """The pay-per-token name of a foundation model that an endpoint serves with throughput."""
    model = str((entity.foundation_model or {}).get("name") or entity.entity_name)
    return f"databricks-{model.removeprefix(FOUNDATION).replace('_', '-').replace('.', '-')}"
