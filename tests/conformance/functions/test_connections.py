"""Connections and `http_request`, against a service of the test's own on loopback.

Follows "Connect to external HTTP services", "http_request function" and ConnectionsAPI of the SDK.
"""

from __future__ import annotations

import http.server
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.catalog import ConnectionType
from databricks.sdk.service.serving import ExternalFunctionRequestHttpMethod as Method
from tests.conformance.functions.conftest import Run, runner

pytestmark = pytest.mark.slow


class Service(http.server.BaseHTTPRequestHandler):
    """Tells what it was asked; signs clients in at `/token`."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        if self.path == "/token":
            told: Any = {"access_token": f"for-{body.split('scope=')[-1]}", "expires_in": 60}
        else:
            told = {
                "path": self.path,
                "signed": self.headers["Authorization"],
                "body": body,
                "x": self.headers.get("X-A"),
                "method": self.command,
            }
        data = json.dumps(told).encode()
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def connection(run: Run, service: str) -> Iterator[str]:
    """A connection made in SQL that signs in with a bearer token."""
    name = f"c_{uuid.uuid4().hex[:8]}"
    host, _, port = service.rpartition(":")
    options = f"host '{host}', port '{port}', base_path '/api/', bearer_token 'hush'"
    made = run(f"CREATE CONNECTION {name} TYPE HTTP OPTIONS ({options}) COMMENT 'a service'")
    assert made == []
    yield name
    run(f"DROP CONNECTION IF EXISTS {name}")


@pytest.mark.documented
def test_a_request_in_sql_goes_below_the_base_with_the_connections_token(
    run: Run, connection: str
) -> None:
    ask = f"http_request(conn => '{connection}', method => "
    rows = run(
        f"SELECT id, {ask}'POST', path => concat('y/', id), params => map('q', 'a b'), "
        "headers => map('X-A', '1', 'Authorization', 'mine'), "
        "json => to_json(named_struct('k', id))) r FROM range(2) ORDER BY id"
    )
    told = [json.loads(row[1]) for row in rows]
    assert [one["status_code"] for one in told] == [200, 200]
    assert json.loads(told[1]["text"]) == {
        "path": "/api/y/1?q=a+b",
        "signed": "Bearer hush",
        "body": '{"k":1}',
        "x": "1",
        "method": "POST",
    }
    assert run(f"SELECT {ask}'GET', path => '/missing').status_code") == [["404"]]
    assert "traversal" in run(f"SELECT {ask}'GET', path => '/../x')")


@pytest.mark.documented
def test_the_api_shows_a_connection_without_its_secrets(
    workspace: Any, run: Run, service: str
) -> None:
    client, name = workspace.client(), f"c_{uuid.uuid4().hex[:8]}"
    options = {
        "host": service,
        "client_id": "me",
        "client_secret": "hush",
        "token_endpoint": f"{service}/token",
        "oauth_scope": "all",
    }
    made = client.connections.create(name, ConnectionType.HTTP, options, comment="one")
    try:
        assert made.options == {k: v for k, v in options.items() if k != "client_secret"}
        assert made.credential_type.value == "OAUTH_M2M"
        assert name in {one.name for one in client.connections.list()}
        assert "hush" not in json.dumps(client.connections.get(name).as_dict())
        assert "hush" not in str(run(f"DESCRIBE CONNECTION {name}"))
        answer = client.serving_endpoints.http_request(
            name, Method.POST, "/z", json={"a": 1}, params={"q": "1"}
        )
        assert answer.json()["signed"] == "Bearer for-all"
        assert (answer.json()["path"], answer.json()["body"]) == ("/z?q=1", '{"a": 1}')
        with pytest.raises(NotFound, match="answered 404"):
            client.serving_endpoints.http_request(name, Method.GET, "/missing")
        client.connections.update(name, {"host": service, "bearer_token": "other"})
        answer = client.serving_endpoints.http_request(name, Method.GET, "/")
        assert answer.json()["signed"] == "Bearer other"
    finally:
        client.connections.delete(name)
    with pytest.raises(NotFound):
        client.connections.get(name)


@pytest.mark.documented
def test_using_a_connection_takes_the_privilege(
    workspace: Any, run: Run, connection: str, somebody: Callable[..., Any]
) -> None:
    robot = somebody()
    asks, user = runner(robot), robot.current_user.me().user_name
    call = f"SELECT http_request(conn => '{connection}', method => 'GET', path => '/x').status_code"
    assert "USE CONNECTION" in asks(call)
    with pytest.raises(PermissionDenied):
        robot.serving_endpoints.http_request(connection, Method.GET, "/x")
    with pytest.raises(PermissionDenied):
        robot.connections.create("mine", ConnectionType.HTTP, {"host": "x", "bearer_token": "y"})
    run(f"GRANT USE CONNECTION ON CONNECTION {connection} TO `{user}`")
    assert asks(call) == [["200"]]


@pytest.mark.documented
def test_options_that_lead_nowhere_are_refused(workspace: Any, service: str) -> None:
    client = workspace.client()
    for options in (
        {"host": service},
        {"bearer_token": "x"},
        {"host": "http://example.com", "bearer_token": "x"},
        {"host": service, "client_id": "a", "client_secret": "b"},
    ):
        with pytest.raises(InvalidParameterValue):
            client.connections.create("nowhere", ConnectionType.HTTP, options)


@pytest.mark.documented
def test_a_secret_of_a_statement_is_kept_nowhere(workspace: Any, run: Run, connection: str) -> None:
    listed = workspace.client().query_history.list(max_results=50)
    texts = [one.query_text or "" for one in listed.res or ()]
    made = [text for text in texts if connection in text and "OPTIONS" in text]
    assert all("hush" not in text for text in made)
    for path in workspace.home.rglob("*"):
        if path.is_file() and path.suffix in (".db", ".log", ".db-wal"):
            assert b"bearer_token 'hush'" not in path.read_bytes(), path
