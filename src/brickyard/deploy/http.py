"""One workspace over HTTP/1.1: JSON in, JSON out, Databricks errors as `ApiFailure`.

Follows the conventions of the Databricks REST API (errors, retries, paging) on the standard
library alone: the SDK takes over a second to import, and a deploy needs four verbs. Connections
are kept alive, one per thread. Left out: HTTP/2, redirects, cookies.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import brickyard
from brickyard.deploy.state import go_json

Json = dict[str, Any]
Headers = Mapping[str, str]

USER_AGENT: Final = f"brickyard/{brickyard.__version__} python/{platform.python_version()}"
DEFAULT_TIMEOUT_S: Final = 90.0
RETRY_BUDGET_S: Final = 300.0
MAX_PAUSE_S: Final = 10.0
# A server may close a connection that has been quiet; sending a create down such a connection
# leaves it unknown whether the object was made. A fresh one costs a millisecond.
IDLE_LIMIT_S: Final = 3.0
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
BUSY: Final = frozenset({429, 503})
READ_AGAIN: Final = 2  # times that a read is asked once more when the service failed
# The jobs and clusters APIs answer 400 for an object that is not there.
CODED: Final = re.compile(r"([A-Z_]+): (.*)")
PAGE_SAYS: Final = re.compile(r"<pre>(.*)</pre>|<title>\s*([^<]*?)\s*</title>")
LONGEST_PAGE: Final = 200  # characters of a page without either; a longer one is left out
MISSING_IN_TEXT: Final = "does not exist"


class ApiFailure(Exception):
    """The workspace answered, and the answer was no."""

    def __init__(
        self,
        *,
        status: int,
        code: str,
        message: str,
        method: str,
        path: str,
        context: str = "",
        url: str = "",
    ) -> None:
        """`context` is what the refusal says to declarative clients (`declarative_context`)."""
        said = message.strip().splitlines() or [""]  # some services append a stack of causes
        super().__init__(f"{said[0]} ({status} {code})")
        self.status = status
        self.code = code
        self.message = message
        self.method = method
        self.path = path
        self.context = context
        self.url = url

    def saying(self, text: str) -> ApiFailure:
        """The same refusal, introduced by what it means."""
        told = ApiFailure(
            status=self.status,
            code=self.code,
            message=self.message,
            method=self.method,
            path=self.path,
            context=self.context,
            url=self.url,
        )
        told.args = (f"{text} ({self.status} {self.code})",)
        return told

    @property
    def is_managed_by_parent(self) -> bool:
        """True when the object goes with what it is in, and only then."""
        return self.context == "MANAGED_BY_PARENT"

    @property
    def is_missing(self) -> bool:
        """True when the object addressed is not there; an unknown route does not count."""
        if self.code == "ENDPOINT_NOT_FOUND":
            return False
        if self.status == 404:
            return True
        return (
            self.status == 400
            and self.code == "INVALID_PARAMETER_VALUE"
            and self.message.rstrip(".").endswith(MISSING_IN_TEXT)
        )

    @property
    def is_forbidden(self) -> bool:
        """True when the caller may not do that, or may not know whether it is there."""
        return self.status == 403 or self.code == "PERMISSION_DENIED"

    @property
    def is_in_doubt(self) -> bool:
        """True when the call may have had its effect though it failed."""
        return self.status >= 500 or self.status == 408

    @property
    def is_conflict(self) -> bool:
        """True when an object of that name exists already."""
        return self.status == 409 or self.code.endswith("ALREADY_EXISTS")


class Unreachable(Exception):
    """No answer came: no such host, refused, cut off, timed out. Only `embedded` ones can be
    started again from here."""

    def __init__(
        self, host: str, reason: str, *, embedded: bool = False, method: str = "", url: str = ""
    ) -> None:
        ended = "the embedded workspace has ended, start it again with `brickyard up`"
        self.way_out = ended if embedded else ""
        super().__init__(f"cannot reach {host}: {reason}{'; ' * embedded}{self.way_out}")
        self.host = host
        self.reason = reason
        self.method = method
        self.url = url

    @property
    def call(self) -> str:
        """The call that had no answer, in the words of the official CLI's client."""
        return f'{self.method.capitalize()} "{self.url}": {self.reason}'


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, lower-case headers and body of one response below 400."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        if not self.body.strip():
            return {}
        data = json.loads(self.body)
        return data if isinstance(data, dict) else {"items": data}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request as it was sent and what came back: an answer, or an error of the connection."""

    method: str
    target: str
    sent: bytes | None
    status: int = 0
    reason: str = ""
    received: bytes = b""
    error: str = ""
    seconds: float = 0.0


# Told by whoever waits for an answer that a request is made again, in the thread that makes it.
RETRIES: Final[ContextVar[Callable[[str], None]]] = ContextVar("retries", default=lambda _: None)
# Told of every exchange, in the thread that made it: `--debug`.
LISTENERS: Final[list[Callable[[Exchange], None]]] = []


def _tell(exchange: Exchange) -> None:
    for listener in LISTENERS:
        listener(exchange)


@dataclass(slots=True)
class _Line:
    """A thread's connection and when it was last used. It ends with its thread."""

    connection: http.client.HTTPConnection | None = None
    used_at: float = 0.0

    def __del__(self) -> None:
        if self.connection is not None:
            self.connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A Databricks workspace, real or embedded. Safe to share between threads.

    `authorize` returns the headers that prove who is calling; it is asked for each request, so
    that a short-lived token can be renewed. `environment` names the embedded workspace, if any.
    """

    host: str
    authorize: Callable[[], Headers]
    environment: str | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    pause: Callable[[float], None] = time.sleep
    _lines: threading.local = field(default_factory=threading.local, repr=False, compare=False)
    _seen: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Json:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        return self.call("POST", path, body=body or {})

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        timeout_s: float | None = None,
    ) -> Json:
        """One JSON call. Raises `ApiFailure` or `Unreachable`."""
        content = None if body is None else go_json(body).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        return self.send(
            method, path, query=query, content=content, headers=headers, timeout_s=timeout_s
        ).json()

    def pages(
        self, path: str, items: str, query: Mapping[str, object] | None = None
    ) -> Iterator[Json]:
        """Every item of a paged list."""
        token = ""
        while True:
            page = self.get(path, {**(query or {}), **({"page_token": token} if token else {})})
            yield from page.get(items) or ()
            token = page.get("next_page_token") or ""
            if not token:
                return

    @property
    def software(self) -> str:
        """How the server named itself in its last answer; empty before there was one."""
        return self._seen.get("server", "")

    def workspace_id(self) -> str:
        """The workspace's number, which it names in the headers of its answers; or nothing."""
        answer = self.send("GET", "/api/2.0/preview/scim/v2/Me")
        return answer.headers.get("x-databricks-org-id", "")

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        content: bytes | None = None,
        headers: Headers | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """One call with a raw body, retried while the service says it is busy."""
        target = path + (f"?{encode_query(query)}" if query else "")
        give_up_at = time.monotonic() + RETRY_BUDGET_S
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._once(method, target, content, headers or {}, timeout_s)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                _tell(Exchange(method=method, target=target, sent=content, error=_reason(error)))
                never_sent = isinstance(error, ConnectionRefusedError)
                may_repeat = method in SAFE_METHODS and not never_sent and attempt <= 3
                if not may_repeat or time.monotonic() > give_up_at:
                    raise Unreachable(
                        self.host,
                        _reason(error),
                        embedded=self.environment is not None,
                        method=method,
                        url=self.host + target,
                    ) from error
                self.pause(min(float(attempt), MAX_PAUSE_S))
                continue
            if answer.status in BUSY and time.monotonic() < give_up_at:
                self.pause(_retry_after(answer.headers, attempt))
                continue
            if _is_transient(answer.status) and method in SAFE_METHODS and attempt <= READ_AGAIN:
                status = f"{answer.status} {http.client.responses.get(answer.status, '')}".rstrip()
                RETRIES.get()(f"retrying after {status} from {method} {path}")
                self.pause(min(float(attempt), MAX_PAUSE_S))
                continue
            if answer.status >= 400:
                raise _failure(answer, method, path, self.host + target)
            return answer

    def _once(
        self,
        method: str,
        target: str,
        content: bytes | None,
        headers: Headers,
        timeout_s: float | None,
    ) -> Answer:
        line = self._line(timeout_s or self.timeout_s)
        connection = line.connection
        assert connection is not None
        began = time.monotonic()
        sent = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        connection.request(
            method, target, body=content, headers=sent | dict(headers) | dict(self.authorize())
        )
        response = connection.getresponse()
        body = response.read()
        line.used_at = time.monotonic()
        _tell(
            Exchange(
                method=method,
                target=target,
                sent=content,
                status=response.status,
                reason=http.client.responses.get(response.status, ""),
                received=body,
                seconds=line.used_at - began,
            )
        )
        if response.will_close:
            self._drop()
        told = {k.lower(): v for k, v in response.getheaders()}
        self._seen["server"] = told.get("server", "")
        return Answer(response.status, told, body)

    def _line(self, timeout_s: float) -> _Line:
        line: _Line | None = getattr(self._lines, "line", None)
        if line is None:
            line = self._lines.line = _Line()
        if line.connection and time.monotonic() - line.used_at > IDLE_LIMIT_S:
            line.connection.close()
            line.connection = None
        if line.connection is None:
            line.connection = _connect(self.host, timeout_s)
        line.connection.timeout = timeout_s
        if line.connection.sock is not None:
            line.connection.sock.settimeout(timeout_s)
        return line

    def _drop(self) -> None:
        line: _Line | None = getattr(self._lines, "line", None)
        if line is not None and line.connection is not None:
            line.connection.close()
            line.connection = None


def bearer(token: str) -> Callable[[], Headers]:
    """Authentication with a personal access token."""
    headers = {"Authorization": f"Bearer {token}"}
    return lambda: headers


def segment(text: str) -> str:
    """One path segment, percent-encoded whole."""
    return quote(text, safe="")


def encode_query(query: Mapping[str, object]) -> str:
    """Booleans as true/false, absent values left out, lists repeated."""
    pairs: list[tuple[str, str]] = []
    for key, value in query.items():
        values = value if isinstance(value, list | tuple) else (value,)
        pairs += [(key, _query_text(item)) for item in values if item is not None]
    return urlencode(pairs)


def _query_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _connect(host: str, timeout_s: float) -> http.client.HTTPConnection:
    url = urlsplit(host)
    name, secure = url.hostname or "", url.scheme != "http"
    port = url.port or (443 if secure else 80)
    direct = name in LOOPBACK or proxy_bypass(name)
    proxy = None if direct else getproxies().get("https" if secure else "http")
    via = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else None
    reach_name, reach_port = (via.hostname or "", via.port or 3128) if via else (name, port)
    if not secure:
        plain = http.client.HTTPConnection(reach_name, reach_port, timeout=timeout_s)
        if via:
            plain.set_tunnel(name, port)
        return plain
    tls = http.client.HTTPSConnection(
        reach_name, reach_port, timeout=timeout_s, context=ssl.create_default_context()
    )
    if via:
        tls.set_tunnel(name, port)
    return tls


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.RemoteDisconnected):
        return "EOF"  # Go's word for it
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _is_transient(status: int) -> bool:
    return status >= 500 or status == 408


def _retry_after(headers: Mapping[str, str], attempt: int) -> float:
    try:
        return min(max(float(headers.get("retry-after", "")), 0.0), MAX_PAUSE_S)
    except ValueError:
        return min(float(attempt), MAX_PAUSE_S)


def _failure(answer: Answer, method: str, path: str, url: str) -> ApiFailure:
    """Reads the error shapes in use: `error_code`, API 1.2's `error`, SCIM's `detail`, and text."""
    code, message = f"HTTP_{answer.status}", ""
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
        code, message = _told_in_text(answer.body.decode(errors="replace").strip(), code)
    if isinstance(body, dict):
        code = str(body.get("error_code") or code)
        message = str(body.get("message") or body.get("error") or body.get("detail") or "")
        if "detail" in body and "error_code" not in body:
            code = f"SCIM_{body.get('status', answer.status)}"
    if not message:
        message = http.client.responses.get(answer.status, "refused")
    return ApiFailure(
        status=answer.status,
        code=code,
        message=message,
        method=method,
        path=path,
        context=_context(body),
        url=url,
    )


def _told_in_text(text: str, code: str) -> tuple[str, str]:
    """Code and message of an answer that is no JSON: `CODE: message`, or what a gateway says."""
    if not text:
        return code, ""
    if text.startswith("<"):
        return "UNKNOWN", _page_title(text)
    coded = CODED.fullmatch(text)
    return (coded[1], coded[2]) if coded else ("UNKNOWN", text)


def _page_title(page: str) -> str:
    """What a page of HTML says in a word: its message, its title, or all that is short enough."""
    found = PAGE_SAYS.search(page)
    if found is not None:
        return (found[1] or found[2]).strip(" .")
    return page if len(page) <= LONGEST_PAGE else ""


def _context(body: object) -> str:
    """What the details of a refusal say to clients that declare what there shall be."""
    details = body.get("details") if isinstance(body, dict) else None
    for one in details if isinstance(details, list) else ():
        metadata = one.get("metadata") if isinstance(one, dict) else None
        if isinstance(metadata, dict) and metadata.get("declarative_context"):
            return str(metadata["declarative_context"])
    return ""


def timeout_from(environment: Mapping[str, str] = os.environ) -> float:
    """Seconds one call may take; `DATABRICKS_BUNDLE_HTTP_TIMEOUT_SECONDS` overrides."""
    try:
        return float(environment["DATABRICKS_BUNDLE_HTTP_TIMEOUT_SECONDS"])
    except (KeyError, ValueError):
        return DEFAULT_TIMEOUT_S
