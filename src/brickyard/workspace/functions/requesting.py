"""HTTP requests by a connection of the catalog.

Follows "http_request function" and POST `/api/2.0/external-function`. The caller names a connection
that he may use and a path below its base; where it leads and how it signs in is the connection's.
An OAuth token is asked for by client credentials and kept until it expires.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from brickyard.workspace.catalog.connections import HTTP, Opened, missing_type, url_of
from brickyard.workspace.kernel import ApiError, invalid

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH")
TIMEOUT_S: Final = 120
LARGEST_ANSWER: Final = 16 * 1024 * 1024
EARLY_S: Final = 30  # before a token's end it is renewed
# Headers that are the connection's business, or this client's.
RESERVED: Final = frozenset({"authorization", "host", "content-length", "cookie"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    json: str | None = None
    sub_domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the connection's credential to another place."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


_opener: Final = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler())


class Requests:
    """Thread-safe."""

    def __init__(self, catalog: Any) -> None:
        self._catalog = catalog
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def make(self, principal: Any, workspace: Any, connection: str, request: Request) -> Answer:
        """Whatever status the service answers. Raises ApiError when it cannot be asked."""
        opened = self._catalog.connections.opened(principal, workspace, connection)
        if opened.kind != HTTP:
            raise missing_type(opened.name, opened.kind)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in RESERVED}
        if request.json is not None and not any(k.lower() == "content-type" for k in headers):
            headers["Content-Type"] = "application/json"
        headers["Authorization"] = f"Bearer {self._token(opened)}"
        body = request.json.encode() if request.json is not None else None
        asked = urllib.request.Request(
            target(opened.options, request), data=body, headers=headers, method=_method(request)
        )
        self._catalog.record_access(
            principal, workspace, opened.name, "opaque", "http_request", kind="connection"
        )
        try:
            with _opener.open(asked, timeout=TIMEOUT_S) as got:
                return Answer(
                    status=got.status, body=got.read(LARGEST_ANSWER), headers=dict(got.headers)
                )
        except urllib.error.HTTPError as fault:
            return Answer(
                status=fault.code, body=fault.read(LARGEST_ANSWER), headers=dict(fault.headers)
            )
        except (OSError, ValueError) as fault:
            raise _unreachable(opened.name, fault) from None

    def _token(self, opened: Opened) -> str:
        options = opened.options
        if opened.credential == "BEARER_TOKEN":
            return options["bearer_token"]
        key = (
            opened.name,
            options["client_id"],
            options["client_secret"],
            options["token_endpoint"],
        )
        with self._lock:
            known = self._tokens.get(key)
            if known is None or known[1] < time.monotonic():
                known = self._tokens[key] = _signed_in(opened)
            return known[0]


def target(options: Mapping[str, str], request: Request) -> str:
    """The URL meant. Raises INVALID_PARAMETER_VALUE for a path that leaves the base."""
    plain = unquote(unquote(request.path))
    if ".." in plain.split("?")[0].replace("\\", "/").split("/") or "\x00" in plain:
        raise invalid("path must not contain directory traversal (..)")
    if "://" in plain.split("?")[0] or plain.startswith("//"):
        raise invalid("path is a path below the connection's base path, not a URL")
    url = url_of(options)
    if request.sub_domain:
        if not request.sub_domain.replace("-", "").isalnum():
            raise invalid("sub_domain must be one name")
        parts = urlsplit(url)
        url = parts._replace(netloc=f"{request.sub_domain}.{parts.netloc}").geturl()
    path = quote(request.path.lstrip("/"), safe="/?=&%:;,@+!$'()*~-._")
    url = f"{url}/{path}" if path else url
    if request.params:
        url += ("&" if "?" in url else "?") + urlencode(
            {key: value for key, value in request.params.items() if value is not None}
        )
    return url


def _method(request: Request) -> str:
    method = request.method.upper()
    if method not in METHODS:
        raise invalid(f"method must be one of {', '.join(METHODS)}, not {request.method!r}")
    return method


def _signed_in(opened: Opened) -> tuple[str, float]:
    """A token by the client's credentials, and until when it is good."""
    options = opened.options
    form = {"grant_type": "client_credentials"}
    if scope := options.get("oauth_scope"):
        form["scope"] = scope
    basic = base64.b64encode(f"{options['client_id']}:{options['client_secret']}".encode()).decode()
    asked = urllib.request.Request(
        options["token_endpoint"],
        data=urlencode(form).encode(),
        headers={
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
    )
    try:
        with _opener.open(asked, timeout=TIMEOUT_S) as got:
            told = json.loads(got.read(LARGEST_ANSWER))
        lives_s = float(told.get("expires_in") or 300)
        return str(told["access_token"]), time.monotonic() + max(0.0, lives_s - EARLY_S)
    except urllib.error.HTTPError as fault:
        raise ApiError(
            "BAD_REQUEST",
            f"Connection '{opened.name}' could not sign in: its token endpoint answered"
            f" {fault.code}",
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise _unreachable(opened.name, fault) from None


def _unreachable(name: str, fault: Exception) -> ApiError:
    reason = getattr(fault, "reason", None) or type(fault).__name__
    return ApiError("BAD_REQUEST", f"Connection '{name}': the service cannot be reached: {reason}")
