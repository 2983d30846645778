"""Requests as an attacker sends them: any bytes, any header, no client in between."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection to each workspace of a server, opened again when it was closed."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self._open: dict[str, http.client.HTTPConnection] = {}

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        workspace: str = "dev",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`body` as bytes goes out as it is, anything else as JSON; no token sends none."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        for last in (False, True):
            connection = self._open.setdefault(workspace, self._connect(workspace))
            try:
                connection.request(method, path, raw, given)
                got = connection.getresponse()
                kept = {name.lower(): value for name, value in got.getheaders()}
                return Answer(status=got.status, headers=kept, body=got.read())
            except (http.client.HTTPException, ConnectionError):
                connection.close()
                self._open.pop(workspace, None)
                if last:
                    raise
        raise AssertionError

    def admin(self, method: str, path: str, body: Any = None, workspace: str = "dev") -> Answer:
        token = self.server.token(workspace)
        return self.send(method, path, body, token=token, workspace=workspace)

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()

    def _connect(self, workspace: str) -> http.client.HTTPConnection:
        place = urlsplit(self.server.host(workspace))
        return http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nobody:
    """A user of the dev workspace without any grant or entry."""

    user_name: str
    token: str


def make_nobody(server: Any, wire: Wire) -> Nobody:
    """A user made through SCIM, who signs in by a service credential of their own."""
    name = f"nobody-{uuid.uuid4().hex[:8]}"
    made = wire.admin(
        "POST", "/api/2.0/preview/scim/v2/ServicePrincipals", {"displayName": name}
    ).json()
    secrets = f"/api/2.0/accounts/servicePrincipals/{made['id']}/credentials/secrets"
    secret = wire.admin("POST", secrets, {}).json()["secret"]
    form = (
        f"grant_type=client_credentials&scope=all-apis&client_id={made['applicationId']}"
        f"&client_secret={secret}"
    )
    got = wire.send(
        "POST",
        "/oidc/v1/token",
        form.encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    return Nobody(user_name=made["applicationId"], token=got.json()["access_token"])


@pytest.fixture
def wire(workspace: Any) -> Iterator[Wire]:
    opened = Wire(workspace)
    yield opened
    opened.close()


@pytest.fixture
def nobody(workspace: Any, wire: Wire) -> Nobody:
    return make_nobody(workspace, wire)
