"""One request to a provider over pooled connections, and what may go wrong with it.

A fault says whether another provider may do better: too many requests, a server's own error, no
answer in time, no connection, an answer that is not what it should be.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from brickyard.workspace.gateway.answers import MALFORMED, Answer, usage_of
from brickyard.workspace.gateway.events import Endless, broken_off, event, split
from brickyard.workspace.gateway.upstreams import Upstream
from brickyard.workspace.kernel.connections import Connections, Unreachable
from brickyard.workspace.kernel.exchange import BrokenOff, Response, TooLarge

CONNECT_S: Final = 10.0
LARGEST_ANSWER: Final = 64 * 1024 * 1024
RETRIED: Final = (408, 409, 429)  # and 5xx
KEYS_REFUSED: Final = (401, 403)
RETRY_AFTER: Final = re.compile(r"[\w ,:+-]{1,64}", re.ASCII)
NO_ANSWER: Final = "answered with something that is no answer"
HEADERS: Final = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class ProviderFault(Exception):
    """The provider gave no answer. `status` is its own, or the one that fits."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        retry_after: str = "",
        told: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.told = told  # the provider's own body

    @property
    def is_passing(self) -> bool:
        """Whether another provider, or another time, may do better."""
        return self.status in RETRIED or self.status >= 500


class Providers:
    """The connections to every provider. Belongs to the event loop."""

    def __init__(self) -> None:
        self._connections = Connections(agent="brickyard-gateway")

    async def ask(
        self, upstream: Upstream, form: str, body: Mapping[str, Any], timeout_s: float | None
    ) -> Answer:
        """Raises ProviderFault, and ApiError for what the provider has no words for."""
        out = upstream.dialect.request(upstream.base, upstream.model, form, body)
        seconds = timeout_s or upstream.timeout_s
        streams = bool(body.get("stream"))
        name = upstream.provider
        try:
            got = await self._connections.send(
                "POST",
                out.url,
                {**out.headers, **HEADERS},
                json.dumps(out.body).encode(),
                connect_s=min(CONNECT_S, seconds),
                read_s=seconds,
                total_s=None if streams else seconds,
                again=True,
            )
            if got.status != 200:
                raise _refused(name, got, await got.read(LARGEST_ANSWER))
            kind = got.headers.get("content-type", "")
            if streams and kind.startswith("text/event-stream"):
                events = upstream.dialect.events(split(got.chunks()), body)
                return Answer(events=_guarded(name, got, events), content_type="text/event-stream")
            return _whole(upstream, form, await got.read(LARGEST_ANSWER))
        except TimeoutError:
            raise ProviderFault(f"{name} did not answer within {seconds:g} s", status=504) from None
        except Unreachable as why:
            raise ProviderFault(f"{name} cannot be reached ({why})", status=503) from None
        except BrokenOff as why:
            if not why.has_begun:
                raise ProviderFault(f"{name} cannot be reached ({why})", status=503) from None
            raise ProviderFault(f"{name} did not finish its answer ({why})", status=502) from None
        except TooLarge:
            raise ProviderFault(f"{name} answered with too much", status=502) from None
        except ValueError as fault:
            raise ProviderFault(f"{name} cannot be asked: {fault}", status=502) from None


def _whole(upstream: Upstream, form: str, raw: bytes) -> Answer:
    try:
        given = json.loads(raw)
        shown = upstream.dialect.answer(form, given)
        body = raw if shown is given else json.dumps(shown, ensure_ascii=False).encode()
    except MALFORMED:
        raise ProviderFault(f"{upstream.provider} {NO_ANSWER}", status=502) from None
    return Answer(body=body, usage=usage_of(shown), data=shown)


def _refused(name: str, got: Response, raw: bytes) -> ProviderFault:
    status = got.status
    told: Any = raw[:2000].decode(errors="replace")
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        pass
    if status in KEYS_REFUSED:  # of ours, not of the caller's: and nothing that it may learn
        message = f"{name} refused the key of this endpoint ({status})"
        return ProviderFault(message, status=502)
    retry_after = got.headers.get("retry-after", "")
    error = told.get("error", told) if isinstance(told, Mapping) else told
    said = error.get("message") if isinstance(error, Mapping) else error
    return ProviderFault(
        f"{name} answered {status}: {said}",
        status=status if 400 <= status < 600 else 502,
        retry_after=retry_after if RETRY_AFTER.fullmatch(retry_after) else "",
        told=told,
    )


async def _guarded(name: str, got: Response, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events, and an error as the last one when the provider breaks off."""
    why, size = "", 0
    try:
        async for one in events:
            size += len(one)
            if size > LARGEST_ANSWER:
                why = f"{name} answered with too much"
                break
            yield one
    except TimeoutError:
        why = f"{name} stopped in the middle of its answer"
    except (BrokenOff, ConnectionError, Endless) as fault:
        why = f"{name} broke off its answer: {fault}"
    except MALFORMED:
        why = f"{name} {NO_ANSWER}"
    finally:
        got.close()
    if why:
        yield event(broken_off(why))
