"""One request to a provider over pooled connections, and what may go wrong with it.

A fault says whether another provider may do better: too many requests, a server's own error, no
answer in time, no connection, an answer that is not what it should be.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.gateway.answers import Answer, usage_of
from brickyard.workspace.gateway.events import event, split
from brickyard.workspace.gateway.upstreams import Upstream

if TYPE_CHECKING:
    import aiohttp

CONNECT_S: Final = 10.0
KEEP_S: Final = 60.0
LARGEST_ANSWER: Final = 64 * 1024 * 1024
RETRIED: Final = (408, 409, 429)  # and 5xx
KEYS_REFUSED: Final = (401, 403)


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
    """The connections to every provider. Belongs to the event loop that first asks."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        import urllib.request

        import aiohttp

        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_S)
            self._session = aiohttp.ClientSession(
                connector=connector,
                trust_env=bool(urllib.request.getproxies_environment()),
                headers={"User-Agent": "brickyard-gateway"},
            )
        return self._session

    def close(self) -> None:
        """Let go of the connections when the event loop has ended: they end with the process."""
        held, self._session = self._session, None
        if held is not None:
            held.detach()

    async def ask(
        self, upstream: Upstream, form: str, body: Mapping[str, Any], timeout_s: float | None
    ) -> Answer:
        """Raises ProviderFault, and ApiError for what the provider has no words for."""
        import aiohttp

        out = upstream.dialect.request(upstream.base, upstream.model, form, body)
        seconds = timeout_s or upstream.timeout_s
        streams = bool(body.get("stream"))
        limit = aiohttp.ClientTimeout(
            total=None if streams else seconds,
            sock_connect=min(CONNECT_S, seconds),
            sock_read=seconds,
        )
        headers = {**out.headers, "Content-Type": "application/json"}
        sent = json.dumps(out.body).encode()
        name = upstream.provider
        try:
            got = await self._post(out.url, sent, headers, limit)
            if got.status != 200:
                raise _refused(name, got.status, got.headers, await got.read())
            kind = got.headers.get("Content-Type", "")
            if streams and kind.startswith("text/event-stream"):
                events = upstream.dialect.events(split(got.content.iter_any()), body)
                return Answer(events=_guarded(name, got, events), content_type="text/event-stream")
            if (got.content_length or 0) > LARGEST_ANSWER:
                got.close()
                raise ProviderFault(f"{name} answered with too much", status=502)
            return _whole(upstream, form, await got.read())
        except TimeoutError:
            raise ProviderFault(f"{name} did not answer within {seconds:g} s", status=504) from None
        except aiohttp.ClientConnectionError as fault:
            why = type(fault).__name__
            raise ProviderFault(f"{name} cannot be reached ({why})", status=503) from None
        except aiohttp.ClientError as fault:
            why = type(fault).__name__
            raise ProviderFault(f"{name} did not finish its answer ({why})", status=502) from None

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], limit: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Once more when a kept connection turns out to have been closed meanwhile."""
        import aiohttp

        try:
            return await self.session().post(
                url, data=body, headers=headers, timeout=limit, allow_redirects=False
            )
        except aiohttp.ServerDisconnectedError:
            return await self.session().post(
                url, data=body, headers=headers, timeout=limit, allow_redirects=False
            )


def _whole(upstream: Upstream, form: str, raw: bytes) -> Answer:
    try:
        given = json.loads(raw)
        shown = upstream.dialect.answer(form, given)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        message = f"{upstream.provider} answered with something that is no answer"
        raise ProviderFault(message, status=502) from None
    body = raw if shown is given else json.dumps(shown, ensure_ascii=False).encode()
    return Answer(body=body, usage=usage_of(shown), data=shown)


def _refused(name: str, status: int, headers: Mapping[str, str], raw: bytes) -> ProviderFault:
    told: Any = raw[:2000].decode(errors="replace")
    try:
        told = json.loads(raw)
    except ValueError:
        pass
    if status in KEYS_REFUSED:  # of ours, not of the caller's: and nothing that it may learn
        message = f"{name} refused the key of this endpoint ({status})"
        return ProviderFault(message, status=502)
    error = told.get("error", told) if isinstance(told, Mapping) else told
    said = error.get("message") if isinstance(error, Mapping) else error
    return ProviderFault(
        f"{name} answered {status}: {said}",
        status=status if status >= 400 else 502,
        retry_after=headers.get("Retry-After", ""),
        told=told,
    )


async def _guarded(
    name: str, got: aiohttp.ClientResponse, events: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The events, and an error as the last one when the provider breaks off."""
    import aiohttp

    why = ""
    try:
        async for one in events:
            yield one
    except TimeoutError:
        why = f"{name} stopped in the middle of its answer"
    except (aiohttp.ClientError, ConnectionError, ValueError) as fault:
        why = f"{name} broke off its answer: {fault}"
    finally:
        got.close()
    if why:
        yield event(broken_off(why))


def broken_off(message: str) -> dict[str, Any]:
    """What a stream's last event says when the answer is not whole."""
    return {"error": {"message": message, "type": "api_error", "code": "INTERNAL_ERROR"}}
