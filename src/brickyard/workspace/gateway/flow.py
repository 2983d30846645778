"""One request from admission to answer: choose a served entity, ask what is behind it, count."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.gateway import foundation, local_upstream, offline_upstream, responses
from brickyard.workspace.gateway.answers import Answer, json_answer
from brickyard.workspace.gateway.events import data_of, event
from brickyard.workspace.gateway.requests import FORMS, NATIVE, Ask
from brickyard.workspace.kernel import ApiError, invalid, not_found
from brickyard.workspace.serving.config import Entity
from brickyard.workspace.serving.external import CHAT

if TYPE_CHECKING:
    from brickyard.workspace.serving.engine import ServingEngine

SERVED_HEADER: Final = "served-model-name"


class Flow:
    """Belongs to the event loop."""

    def __init__(self, serving: ServingEngine) -> None:
        self._serving = serving

    async def ask(self, ask: Ask) -> Answer:
        """Raises ApiError. Whoever gets the answer sends all of it on, or closes its events."""
        entity = self._entity(ask)
        if entity is None or entity.is_local:
            name, answer = await self._local(ask)
        else:
            name, answer = entity.name, await self._remote(ask, entity)
        answer.headers[SERVED_HEADER] = name
        if answer.events is None:
            self._count(ask, name, answer.status)
        return answer

    def _entity(self, ask: Ask) -> Entity | None:
        """The served entity that this request goes to; None when nothing is served yet."""
        config = ask.endpoint.active
        if config is None:
            return None
        if ask.served is not None:
            for one in config.entities:
                if one.name == ask.served:
                    return one
            raise not_found(f"'{ask.endpoint.name}' has no served entity '{ask.served}'")
        picked = _pick(config.traffic)
        return next(one for one in config.entities if one.name == picked)

    async def _local(self, ask: Ask) -> tuple[str, Answer]:
        engine = self._serving
        name, scorer = await engine.take(ask.endpoint, ask.served)
        let_go = lambda: engine.fleet.let_go(scorer)  # noqa: E731
        return name, await local_upstream.answer(scorer, ask.raw, ask.content_type, let_go)

    async def _remote(self, ask: Ask, entity: Entity) -> Answer:
        body = ask.body or {}
        prompted = ask.form == "completions" and entity.task == CHAT and entity.foundation_model
        if ask.form == NATIVE or (FORMS[ask.form] != entity.task and not prompted):
            raise invalid(
                f"Endpoint '{ask.endpoint.name}' serves a model for {entity.task}; this request is"
                f" one for {FORMS.get(ask.form, ask.form)}"
            )
        if ask.form != "responses":
            return await self._offline(ask.form, body, entity)
        answer = await self._offline("chat", responses.to_chat(body), entity)
        return _as_response(answer, body)

    async def _offline(self, form: str, body: Mapping[str, Any], entity: Entity) -> Answer:
        if entity.foundation_model is None:
            raise ApiError("INVALID_STATE", "External models are not available yet")
        known = foundation.BY_NAME.get(entity.name)
        dimensions = known.dimensions if known else 0
        return await asyncio.to_thread(offline_upstream.answer, form, body, dimensions)

    def _count(self, ask: Ask, entity: str, status: int) -> None:
        seconds = time.perf_counter() - ask.began
        self._serving.counts.add(ask.endpoint.id, entity, status, seconds)


def _as_response(answer: Answer, asked: Mapping[str, Any]) -> Answer:
    """A chat answer as one of the Responses API."""
    if answer.status != 200:
        return answer
    if answer.events is not None:
        answer.events = _response_events(answer.events, asked)
        return answer
    return json_answer(responses.from_chat(data_of(answer.body), asked))


async def _response_events(
    given: AsyncIterator[bytes], asked: Mapping[str, Any]
) -> AsyncIterator[bytes]:
    async def chunks() -> AsyncIterator[Mapping[str, Any]]:
        async for one in given:
            if (data := data_of(one)) is not None:
                yield data

    async for one in responses.events(chunks(), asked):
        yield event(one, name=one["type"])


def _pick(traffic: Mapping[str, int]) -> str:
    names = [name for name, share in traffic.items() if share > 0]
    if len(names) == 1:
        return names[0]
    return random.choices(names, weights=[traffic[name] for name in names])[0]
