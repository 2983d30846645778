"""One request from admission to answer.

In this order: rate limits, input guardrails and schema, budgets; a served entity by weight, others
in their order when it falls back; output schema and guardrails; the record. What a step changes
(masks, `max_tokens`) the next ones see. A stream passes as it comes, unless its output is guarded:
then it is held back until it is whole, checked, and sent.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.gateway import (
    account,
    foundation,
    guardrails,
    local_upstream,
    messages,
    offline_upstream,
    responses,
    schemas,
    texts,
)
from brickyard.workspace.gateway.account import CLIENT_GONE, Account, asked_tokens
from brickyard.workspace.gateway.admission import Admission, Admitted
from brickyard.workspace.gateway.answers import MALFORMED, Answer, Usage, json_answer, usage_of
from brickyard.workspace.gateway.budgets import Budgets
from brickyard.workspace.gateway.configuration import Configuration, Current, fitting
from brickyard.workspace.gateway.events import DONE, broken_off, data_of, event
from brickyard.workspace.gateway.journal import Journal, fields_of
from brickyard.workspace.gateway.limits import Limits
from brickyard.workspace.gateway.provider import NO_ANSWER, ProviderFault, Providers
from brickyard.workspace.gateway.requests import FORMS, NATIVE, Ask
from brickyard.workspace.kernel import ApiError, invalid, not_found
from brickyard.workspace.serving.config import Entity
from brickyard.workspace.serving.external import CHAT, EMBEDDINGS

if TYPE_CHECKING:
    from brickyard.workspace.gateway.meters import Meters
    from brickyard.workspace.serving.engine import ServingEngine
    from brickyard.workspace.serving.scorer import Scorer

# APIs that are spoken over chat: each has `to_chat`, `from_chat` and `events`.
OVER_CHAT: Final[Mapping[str, Any]] = {"responses": responses, "messages": messages}
SERVED_HEADER: Final = "served-model-name"
CODES: Final[Mapping[int, str]] = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    413: "BAD_REQUEST",
    422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Flow:
    """Belongs to the event loop."""

    def __init__(
        self,
        serving: ServingEngine,
        admission: Admission,
        current: Current,
        journal: Journal,
        meters: Meters,
        budgets: Budgets,
    ) -> None:
        self._serving = serving
        self._admission = admission
        self._current = current
        self._journal = journal
        self._meters = meters
        self._limits = Limits()
        self._budgets = budgets
        self._providers = Providers()

    async def ask(self, ask: Ask, admitted: Admitted) -> Answer:
        """Raises ApiError. Whoever gets the answer sends all of it on, or closes its events."""
        kept = Account(ask, admitted)
        try:
            answer = await self._answer(kept)
        except ApiError as refused:
            self._finish(kept, refused.status, _told(refused))
            raise
        except BaseException as fault:
            gone = isinstance(fault, asyncio.CancelledError)
            self._finish(kept, CLIENT_GONE if gone else 500, b"")
            raise
        answer.headers[SERVED_HEADER] = kept.entity
        if answer.events is not None:
            answer.events = self._recorded(answer.events, kept, answer.status)
            return answer
        kept.usage = answer.usage or kept.usage
        if kept.is_recorded:
            kept.said_chars = account.answered_characters(answer)
        self._finish(kept, answer.status, answer.body)
        return answer

    async def _answer(self, kept: Account) -> Answer:
        ask, rules = kept.ask, kept.admitted.rules
        entity = self._entity(ask)
        kept.entity = entity.name if entity is not None else ""
        guarded = rules.input is not None or rules.output is not None
        if rules.limits:
            tokens = _reserved_tokens(ask) if any(one.tokens for one in rules.limits) else 0
            kept.ticket = self._limits.admit(ask.endpoint.id, rules.limits, ask.principal, tokens)
        if guarded and ask.body is None:
            ask.body = _object(ask.raw)
        changed = False
        if rules.input is not None and ask.body is not None:
            before, ask.body = ask.body, guardrails.check_request(rules.input, ask.body)
            changed = before != ask.body
        configuration = self._current.usable()
        shapes = fitting(configuration.schemas, ask.endpoint.name)
        if shapes is not None and shapes.input is not None:
            schemas.check_input(shapes.input, ask.body or _object(ask.raw) or {})
        changed |= self._reserve(kept, entity, configuration)
        if changed:
            ask.given = None
        answer = await self._attempts(kept, entity, configuration)
        checks_output = rules.output is not None or (shapes is not None and shapes.output)
        if answer.status == 200 and checks_output:
            output = shapes.output if shapes is not None else None
            answer = await self._checked(kept, answer, output)
        if ask.form in OVER_CHAT and entity is not None and not entity.is_local:
            answer = _translated(answer, ask.form, ask.body or {})
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

    def _reserve(self, kept: Account, entity: Entity | None, found: Configuration) -> bool:
        """Set aside what budgets ask for; whether the request had to be changed for it."""
        if not found.budgets:
            return False
        ask = kept.ask
        answers = entity is not None and entity.task != EMBEDDINGS
        kept.held = self._budgets.reserve(
            found,
            workspace=ask.workspace.name,
            endpoint=ask.endpoint.name,
            principal=ask.principal,
            asked=ask.body or {},
            size=len(ask.raw),
            answers=answers,
        )
        if kept.held is None or not answers or ask.body is None or ask.form == NATIVE:
            return False
        name = "max_output_tokens" if ask.form == "responses" else "max_tokens"
        if any(ask.body.get(one) for one in (name, "max_completion_tokens")):
            return False
        ask.body = {**ask.body, name: kept.held.largest_answer}
        return True

    async def _attempts(
        self, kept: Account, entity: Entity | None, configuration: Configuration
    ) -> Answer:
        """The first answer that can be had, in the order of the served entities."""
        if entity is None or entity.is_local:
            return await self._local(kept)
        fault: ProviderFault | None = None
        for one in self._in_turn(kept, entity):
            kept.entity = one.name
            try:
                return await self._remote(kept, one, configuration)
            except ProviderFault as found:
                fault = found
                if not found.is_passing:
                    break
                kept.fallbacks += 1
        assert fault is not None
        raise _refusal(fault)

    def _in_turn(self, kept: Account, first: Entity) -> list[Entity]:
        config = kept.ask.endpoint.active
        if not kept.admitted.rules.falls_back or config is None or kept.ask.served is not None:
            return [first]
        return [first, *(one for one in config.entities if one.name != first.name)]

    async def _local(self, kept: Account) -> Answer:
        engine, ask = self._serving, kept.ask
        kept.entity, scorer = await engine.take(ask.endpoint, ask.served)

        def let_go() -> None:
            engine.fleet.let_go(scorer)

        try:
            token = await self._token(ask, scorer) if scorer.user_scopes else ""
        except BaseException:
            let_go()
            raise
        answer = await local_upstream.answer(
            scorer, ask.raw, ask.content_type, let_go, id=ask.id, user_token=token
        )
        if answer.events is not None:
            answer.events = kept.watch(answer.events)
        elif kept.is_recorded and b'"usage"' in answer.body:
            kept.usage = usage_of(data_of(answer.body))
        return answer

    async def _token(self, ask: Ask, scorer: Scorer) -> str:
        """The caller's, for a model that asks to act on their behalf."""
        tokens, id = self._serving.on_behalf, ask.endpoint.id
        known = tokens.known(id, ask.principal, scorer.user_scopes)
        if known is not None:
            return known
        title = f"endpoint {ask.endpoint.name}"
        return await asyncio.to_thread(
            tokens.token, id, title, ask.principal, ask.workspace, scorer.user_scopes
        )

    async def _remote(self, kept: Account, entity: Entity, configuration: Configuration) -> Answer:
        ask = kept.ask
        body = ask.body or {}
        upstream = await self._admission.upstream(kept.admitted, entity, ask.workspace)
        prompted = ask.form == "completions" and entity.task == CHAT and upstream is None
        if ask.form == NATIVE or (FORMS[ask.form] != entity.task and not prompted):
            raise invalid(
                f"Endpoint '{ask.endpoint.name}' serves a model for {entity.task}; this request is"
                f" one for {FORMS.get(ask.form, ask.form)}"
            )
        form = ask.form
        if form in OVER_CHAT:
            form, body = "chat", OVER_CHAT[form].to_chat(body)
        if upstream is None:
            known = foundation.BY_NAME.get(entity.name)
            dimensions = known.dimensions if known else 0
            answer = await asyncio.to_thread(
                offline_upstream.answer, form, body, dimensions, configuration.embedder
            )
        else:
            if kept.is_recorded:  # while the provider answers
                asyncio.get_running_loop().call_soon(kept.note_request)
            timeout_s = configuration.timeout_s(ask.endpoint.name)
            answer = await self._providers.ask(upstream, form, body, timeout_s)
        if answer.events is not None:
            answer.events = kept.watch(answer.events)
        else:
            kept.usage = answer.usage
        return answer

    async def _checked(
        self, kept: Account, answer: Answer, schema: Mapping[str, Any] | None
    ) -> Answer:
        """The answer after its guardrails; a stream is held back until it is whole."""
        guard = kept.admitted.rules.output
        if answer.events is not None:
            held = [one async for one in answer.events]
            answer.body = account.whole(held)
        body = data_of(answer.body)
        if not isinstance(body, dict):
            if guard is not None:
                known = texts.of_anything(_parts(answer.body))
                guardrails.check_unknown(guard, "".join(known))
            answer.events = _again(held) if answer.events is not None else None
            return answer
        if schema is not None:
            schemas.check_output(schema, body)
        checked = guardrails.check_answer(guard, body) if guard is not None else body
        if answer.events is not None:
            unchanged = checked == body
            answer.events = _again(held if unchanged else _events_of(checked))
        elif checked != body:
            answer.data = checked
            answer.body = json.dumps(checked, ensure_ascii=False).encode(errors="replace")
        return answer

    async def _recorded(
        self, events: AsyncIterator[bytes], kept: Account, status: int
    ) -> AsyncIterator[bytes]:
        """The events as they are sent; the record is written before the last one."""
        done = False
        counts = kept.is_recorded
        try:
            async for one in events:
                if counts:
                    kept.keep(one)
                if account.is_last(one) and not done:
                    done = True
                    self._finish_stream(kept, status)
                yield one
            if not done:
                done = True
                self._finish_stream(kept, kept.status or status)
        finally:
            await account.close(events)
            if not done:  # the client went away, or something broke
                self._finish_stream(kept, kept.status or CLIENT_GONE)

    def _finish_stream(self, kept: Account, status: int) -> None:
        response = account.whole(kept.said) if kept.said else b""
        if response:
            kept.said_chars = account.answered_characters(Answer(body=response))
        kept.said_chars = kept.said_chars or kept.said_bytes  # of a form that nobody knows
        self._finish(kept, status, response)

    def _finish(self, kept: Account, status: int, response: bytes) -> None:
        """Settle and write down what the request took. Once for each."""
        ask, taken = kept.ask, kept.taken()
        self._limits.settle(kept.ticket, taken.total if taken else None)
        charges: dict[str, list[float]] = {}
        cost = 0.0
        if taken is not None and (price := self._price(ask.endpoint.name)) is not None:
            cost = price.of(taken.read, taken.said)
        if kept.held is not None:
            # An answer that nobody can count costs what was set aside for it.
            unknown = taken is None and status in (200, CLIENT_GONE)
            tokens = kept.held.tokens if unknown else (taken.total if taken else 0)
            cost = kept.held.cost if unknown else cost
            charges = self._budgets.settle(kept.held, tokens, cost)
        if kept.is_recorded:
            self._describe(kept)
            self._journal.append(kept.record(status, response, charges))
        seconds = time.perf_counter() - ask.began
        # In memory only: the answer need not wait for it.
        loop = asyncio.get_running_loop()
        loop.call_soon(self._count, kept, status, seconds, taken, cost)

    def _describe(self, kept: Account) -> None:
        """Write down what is served, before the first record that names it."""
        admitted, entity = kept.admitted, kept.entity
        if entity in admitted.told:
            return
        if entity in admitted.served and admitted.rules.tracks_usage:
            self._journal.append(fields_of({"served": admitted.served[entity].about}))
        admitted.told[entity] = admitted.tell(entity)

    def _count(
        self, kept: Account, status: int, seconds: float, taken: Usage | None, cost: float
    ) -> None:
        self._serving.counts.add(kept.ask.endpoint.id, kept.entity, status, seconds)
        self._meters.add(kept, status, seconds, taken, cost)

    def _price(self, endpoint: str) -> Any:
        try:
            return self._current.usable().price(endpoint)
        except ApiError:
            return None


def _reserved_tokens(ask: Ask) -> int:
    body = ask.body if ask.body is not None else (_object(ask.raw) or {})
    named = (body.get(one) for one in ("max_completion_tokens", "max_tokens", "max_output_tokens"))
    most = next((one for one in named if isinstance(one, int)), 0)
    return asked_tokens(ask) + most


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _parts(raw: bytes) -> Any:
    """The JSON of an answer, or its text."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode(errors="replace")


def _told(refused: ApiError) -> bytes:
    body = refused.body or {"error_code": refused.code, "message": refused.message}
    return json.dumps(body).encode()


def _refusal(fault: ProviderFault) -> ApiError:
    """What the caller is told of a provider's fault."""
    code = CODES.get(fault.status, "INTERNAL_ERROR" if fault.status >= 500 else "BAD_REQUEST")
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    body = {"error_code": code, "message": fault.message}
    if fault.told is not None:
        body["external_model_error"] = fault.told
    return ApiError(code, fault.message, status=fault.status, headers=headers, body=body)


async def _again(events: list[bytes]) -> AsyncIterator[bytes]:
    for one in events:
        yield one


def _events_of(body: Mapping[str, Any]) -> list[bytes]:
    """A chat completion as the chunks of a stream, each answer in one."""
    head = {name: one for name, one in body.items() if name not in ("choices", "usage")}
    chunks = [
        {
            **head,
            "object": "chat.completion.chunk",
            "choices": [
                {
                    "index": one.get("index", 0),
                    "delta": one.get("message") or {},
                    "finish_reason": one.get("finish_reason"),
                }
            ],
        }
        for one in body.get("choices") or ()
    ]
    if chunks and body.get("usage"):
        chunks[-1]["usage"] = body["usage"]
    return [*(event(one) for one in chunks), DONE]


def _translated(answer: Answer, form: str, asked: Mapping[str, Any]) -> Answer:
    """A chat answer as one of another API."""
    if answer.status != 200:
        return answer
    if answer.events is not None:
        answer.events = _translated_events(answer.events, form, asked)
        return answer
    try:
        shown = json_answer(OVER_CHAT[form].from_chat(data_of(answer.body), asked))
    except MALFORMED:
        raise _refusal(ProviderFault(f"The model {NO_ANSWER}", status=502)) from None
    shown.headers = answer.headers
    return shown


async def _translated_events(
    given: AsyncIterator[bytes], form: str, asked: Mapping[str, Any]
) -> AsyncIterator[bytes]:
    broken: Mapping[str, Any] | None = None

    async def chunks() -> AsyncIterator[Mapping[str, Any]]:
        nonlocal broken
        async for one in given:
            data = data_of(one)
            if isinstance(data, dict) and "error" in data:
                broken = data["error"]
                return
            if isinstance(data, dict):
                yield data

    try:
        async for one in OVER_CHAT[form].events(chunks(), asked):
            if broken is not None:
                yield event({"type": "error", "error": broken, **broken}, name="error")
                return
            yield event(one, name=one["type"])
    except MALFORMED:
        error = broken_off(f"The model {NO_ANSWER}")["error"]
        yield event({"type": "error", "error": error, **error}, name="error")
    finally:
        await account.close(given)


def _pick(traffic: Mapping[str, int]) -> str:
    names = [name for name, share in traffic.items() if share > 0]
    if len(names) == 1:
        return names[0]
    return random.choices(names, weights=[traffic[name] for name in names])[0]
