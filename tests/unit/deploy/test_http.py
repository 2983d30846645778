"""The HTTP client against a scripted connection: errors, retries, what is never sent twice."""

from __future__ import annotations

import io
import json
from email.message import Message
from typing import Any

import pytest

from brickyard.deploy import http
from brickyard.deploy.http import ApiFailure, Unreachable, Workspace, bearer, encode_query


class Response(io.BytesIO):
    will_close = False

    def __init__(self, status: int, body: object, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        super().__init__(content)
        self.status = status
        self.headers = Message()
        self._items = list(headers.items())

    def getheaders(self) -> list[tuple[str, str]]:
        return [(name.replace("_", "-"), value) for name, value in self._items]


class Connection:
    """Gives the scripted answers in order; an exception in the script is raised."""

    sock = None

    def __init__(self, script: list[Any]) -> None:
        self.script = script
        self.sent: list[tuple[str, str, dict[str, str]]] = []
        self.timeout = 0.0

    def request(self, method: str, target: str, body: Any = None, headers: Any = None) -> None:
        self.sent.append((method, target, headers))
        if isinstance(self.script[0], Exception):
            raise self.script.pop(0)

    def getresponse(self) -> Response:
        found: Response = self.script.pop(0)
        return found

    def close(self) -> None:
        return None


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(*script: Any) -> tuple[Workspace, Connection, list[float]]:
        connection, pauses = Connection(list(script)), []
        monkeypatch.setattr(http, "_connect", lambda host, timeout_s: connection)
        client = Workspace(host="https://x", authorize=bearer("secret"), pause=pauses.append)
        return client, connection, pauses

    return make


def test_errors_of_the_service_become_failures_with_code_and_message(scripted: Any) -> None:
    client, _, _ = scripted(Response(403, {"error_code": "PERMISSION_DENIED", "message": "no"}))
    with pytest.raises(ApiFailure) as caught:
        client.get("/api/2.0/x")
    failure = caught.value
    assert (failure.status, failure.code, str(failure)) == (
        403,
        "PERMISSION_DENIED",
        "no (403 PERMISSION_DENIED)",
    )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"detail": "who?", "status": "404"}, "SCIM_404", "who?"),
        ({"error": "old style"}, "HTTP_404", "old style"),
        (b"<html>", "UNKNOWN", "<html>"),
    ],
)
def test_other_error_shapes_are_understood(
    scripted: Any, body: Any, code: str, message: str
) -> None:
    client, _, _ = scripted(Response(404, body))
    with pytest.raises(ApiFailure) as caught:
        client.get("/x")
    assert (caught.value.code, caught.value.message) == (code, message)


def test_an_unknown_route_is_not_a_missing_object(scripted: Any) -> None:
    client, _, _ = scripted(Response(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "x"}))
    with pytest.raises(ApiFailure) as caught:
        client.get("/x")
    assert not caught.value.is_missing


def test_what_goes_with_its_parent_is_known_by_the_details(scripted: Any) -> None:
    info = {"metadata": {"declarative_context": "MANAGED_BY_PARENT"}}
    said = {"error_code": "BAD_REQUEST", "message": "no", "details": [{"request_id": "1"}, info]}
    client, _, _ = scripted(Response(400, said), Response(400, {"error_code": "BAD_REQUEST"}))
    for is_managed in (True, False):
        with pytest.raises(ApiFailure) as caught:
            client.get("/x")
        assert caught.value.is_managed_by_parent is is_managed


def test_a_busy_service_is_asked_again_after_the_time_it_names(scripted: Any) -> None:
    client, connection, pauses = scripted(
        Response(429, {}, Retry_After="3"), Response(503, {}), Response(200, {"ok": True})
    )
    assert client.post("/x", {"a": 1}) == {"ok": True}
    assert pauses == [3.0, 2.0]
    assert len(connection.sent) == 3


def test_a_create_cut_off_is_not_sent_twice(scripted: Any) -> None:
    client, connection, _ = scripted(ConnectionResetError(104, "reset"), Response(200, {}))
    with pytest.raises(Unreachable, match="cannot reach https://x: reset"):
        client.post("/x", {})
    assert len(connection.sent) == 1


def test_a_read_cut_off_is_repeated(scripted: Any) -> None:
    client, connection, _ = scripted(ConnectionResetError(104, "reset"), Response(200, {"a": 1}))
    assert client.get("/x") == {"a": 1}
    assert len(connection.sent) == 2


def test_pages_are_read_to_the_end(scripted: Any) -> None:
    client, connection, _ = scripted(
        Response(200, {"jobs": [1], "next_page_token": "t"}),
        Response(200, {"next_page_token": "u"}),
        Response(200, {"jobs": [2]}),
    )
    assert list(client.pages("/jobs", "jobs")) == [1, 2]
    assert [target for _, target, _ in connection.sent] == [
        "/jobs",
        "/jobs?page_token=t",
        "/jobs?page_token=u",
    ]


def test_the_token_is_in_the_header_and_nowhere_else(scripted: Any) -> None:
    client, connection, _ = scripted(Response(400, {"message": "bad"}))
    with pytest.raises(ApiFailure) as caught:
        client.get("/x")
    assert connection.sent[0][2]["Authorization"] == "Bearer secret"
    assert connection.sent[0][2]["User-Agent"].startswith("brickyard/")
    assert "secret" not in str(caught.value) + repr(client)


def test_queries_are_written_as_the_api_reads_them() -> None:
    assert encode_query({"a": True, "b": None, "c": [1, 2]}) == "a=true&c=1&c=2"
