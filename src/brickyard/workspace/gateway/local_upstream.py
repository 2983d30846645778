"""A process of this workspace that serves a model, as what is behind an endpoint.

Bodies pass as they are; a stream of events passes as it comes. A request whose process dies before
the answer is there goes to the next process, once (docs/decisions/0044).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping

from brickyard.workspace.gateway.answers import Answer
from brickyard.workspace.gateway.events import Endless, broken_off, event, split
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.kernel.connections import Unreachable
from brickyard.workspace.kernel.exchange import BrokenOff, Response, TooLarge
from brickyard.workspace.serving.scorer import LARGEST_ANSWER, USER_TOKEN_HEADER, Scorer

# Between two reads: the process keeps its own limit, which its creator may set, and ends when it
# cannot (`serving/scoring_process.py`). A stream may take as long as it goes on.
TIMEOUT_S = 3600.0
DIED = "The model's process died during the request; the served entity's logs say why"
RECOVERY_S = 60.0  # how long a request waits for a process that is started again


async def answer(
    scorer: Scorer,
    body: bytes,
    kind: str,
    let_go: Callable[[], None],
    *,
    id: str,
    user_token: str = "",
) -> Answer:
    """`let_go` is called when the answer has been read to its end, or could not be had.

    `id` is the request's, under which the model's trace of it can be found; `user_token` is for a
    model that acts on behalf of its callers.
    """
    headers = {"Content-Type": kind, "X-Request-Id": id}
    if user_token:
        headers[USER_TOKEN_HEADER] = user_token
    deadline = time.monotonic() + RECOVERY_S
    held = True
    try:
        try:
            found = await _ask(scorer, body, headers, deadline, let_go)
        except _Died as fault:
            if time.monotonic() > deadline:
                raise _died() from fault
            try:
                found = await _ask(scorer, body, headers, deadline, let_go)
            except _Died as again:
                raise _died() from again
        held = found.events is None
        return found
    finally:
        if held:
            let_go()


class _Died(Exception):
    """The process ended before it had answered."""


async def _ask(
    scorer: Scorer,
    body: bytes,
    headers: Mapping[str, str],
    deadline: float,
    let_go: Callable[[], None],
) -> Answer:
    got = await _send(scorer, body, headers, deadline)
    kind = got.headers.get("content-type", "application/json")
    if kind.startswith("text/event-stream"):
        return Answer(status=got.status, events=_events(got, let_go), content_type=kind)
    return Answer(status=got.status, body=await _read(scorer, got), content_type=kind)


async def _send(
    scorer: Scorer, body: bytes, headers: Mapping[str, str], deadline: float
) -> Response:
    while True:
        if not await scorer.wait_ready(max(0.0, deadline - time.monotonic())):
            raise ApiError(
                "TEMPORARILY_UNAVAILABLE",
                "The model's process died and does not start; the served entity's logs say why",
                headers={"Retry-After": "5"},
            )
        try:
            return await scorer.ask(
                "POST", "/invocations", read_s=TIMEOUT_S, headers=headers, body=body
            )
        except Unreachable:
            await asyncio.sleep(0.05)  # it has just died: nothing was sent, wait for the next one
        except TimeoutError:
            raise _too_slow() from None
        except BrokenOff as fault:
            scorer.doubt()
            raise _Died from fault


async def _read(scorer: Scorer, got: Response) -> bytes:
    try:
        return await got.read(LARGEST_ANSWER)
    except TimeoutError:
        raise _too_slow() from None
    except TooLarge:
        message = f"The model answered with more than {LARGEST_ANSWER:,} bytes"
        raise ApiError("INTERNAL_ERROR", message) from None
    except BrokenOff as fault:
        scorer.doubt()
        raise _Died from fault


async def _events(got: Response, let_go: Callable[[], None]) -> AsyncIterator[bytes]:
    try:
        async for one in split(got.chunks()):
            yield one
    except BrokenOff:
        yield event(broken_off(DIED))
    except Endless as fault:
        yield event(broken_off(f"The model's answer was given up: {fault}"))
    finally:
        got.close()
        let_go()


def _too_slow() -> ApiError:
    return ApiError("DEADLINE_EXCEEDED", f"The model did not answer within {TIMEOUT_S:.0f} s")


def _died() -> ApiError:
    return ApiError("INTERNAL_ERROR", DIED)
