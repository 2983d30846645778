"""The example solutions, released to dev as their tutorials do."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import EmbeddedServer

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
FLIGHTS, PLANES = 336_776, 3_322

pytestmark = [pytest.mark.belief, pytest.mark.slow]


def repository_of(example: Path, folder: Path) -> Path:
    """An example as a repository of its own, as it lies in this checkout."""
    listed = run("git", "ls-files", "-z", ".", cwd=example).stdout.split("\0")
    for name in filter(None, listed):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((example / name).read_bytes())
    run("git", "init", "-q", "-b", "main", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    who = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com")
    run("git", *who, "commit", "-q", "-m", "example", cwd=folder)
    return folder


def released(folder: Path, workspace: EmbeddedServer) -> Any:
    """The record of a release to dev."""

    def brickyard(*arguments: str) -> Any:
        command = (sys.executable, "-m", "brickyard", *arguments)
        return run(*command, cwd=folder, env=workspace.environment())

    brickyard("validate", "--target", "dev")
    promoted = brickyard("release", "promote", "--to", "dev", "-o", "json")
    record = json.loads(promoted.stdout)
    assert record["result"] == "succeeded", record
    return record


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, workspace: EmbeddedServer) -> Any:
    """The record of the data-quality agent's release to dev."""
    place = tmp_path_factory.mktemp("agent") / "example"
    return released(repository_of(EXAMPLES / "data_quality_agent", place), workspace)


def test_the_data_quality_agent_is_released_to_dev(agent: Any, workspace: EmbeddedServer) -> None:
    record = agent
    assert record["outputs"]["ingest"]["rows"]["flights"] == FLIGHTS
    assert record["evaluation"]["rule_recall"] >= 0.85
    answer = record["outputs"]["smoke"]["answer"]
    assert answer["custom_outputs"]["row_count"] == PLANES
    assert record["evaluation"]["cost_per_request"] > 0  # the language model's tokens are counted
    assert len(record["examples"]["gate"]) == 48
    tables = record["outputs"]["ingest"]["tables"]
    counted = f"SELECT count(*) FROM {tables['flights']} WHERE dep_time IS NULL"
    assert query(workspace, counted) == [["8255"]]


def test_the_agent_s_second_language_model_answers_when_the_first_one_fails(
    agent: Any, workspace: EmbeddedServer, failing_provider: FailingProvider
) -> None:
    """As the walkthrough configures it: the job `connect` and `resources/language_model.yml`."""
    connected = agent["outputs"]["connect"]
    endpoint, first, second = connected["endpoint"], *connected["models"].values()
    with failing_provider.behind(first, workspace.home):
        asked = uuid.uuid4().hex
        question = {
            "messages": [{"role": "user", "content": "Which rules has the column dep_time?"}],
            "client_request_id": asked,
        }
        request = urllib.request.Request(
            f"{workspace.host('dev')}/serving-endpoints/{endpoint}/invocations",
            data=json.dumps(question).encode(),
            headers={"Authorization": f"Bearer {workspace.token('dev')}"},
        )
        with urllib.request.urlopen(request, timeout=120) as response:
            assert response.status == 200
            assert response.headers["served-model-name"] == "second"
            assert json.load(response)["choices"]
        assert failing_provider.asked == 1

        # The agent itself sees nothing of it.
        table = agent["outputs"]["ingest"]["tables"]["planes"]
        answer = workspace.client("dev").api_client.do(
            "POST",
            f"/serving-endpoints/{agent['outputs']['serve']['endpoint']}/invocations",
            body={"input": [{"role": "user", "content": f"What is wrong with {table}?"}]},
        )
        assert answer["custom_outputs"]["row_count"] == PLANES
        assert failing_provider.asked > 1

    # Who answered is on record: the endpoint's second entity, once; and the model behind the first
    # has the refusal in a row of its own.
    rows = until(
        lambda: query(
            workspace,
            "SELECT u.status_code, e.served_entity_name, e.entity_name"
            " FROM system.serving.endpoint_usage u"
            " JOIN system.serving.served_entities e ON u.served_entity_id = e.served_entity_id"
            f" WHERE e.endpoint_name = '{endpoint}' AND u.client_request_id = '{asked}'",
        )
    )
    assert rows == [["200", "second", second]]
    assert until(
        lambda: query(
            workspace,
            "SELECT 1 FROM system.serving.endpoint_usage u"
            " JOIN system.serving.served_entities e ON u.served_entity_id = e.served_entity_id"
            f" WHERE e.endpoint_name = '{first}' AND u.status_code = 503",
        )
    )


@dataclass(slots=True)
class FailingProvider:
    """A provider that has an accident with every request; it counts them."""

    url: str
    asked: int = 0

    @contextmanager
    def behind(self, model: str, home: Path) -> Iterator[None]:
        """For as long as it lasts, the foundation model `model` is this provider's."""
        settings = home / "gateway.yml"
        before = settings.read_bytes() if settings.exists() else None
        providers = {"failing": {"kind": "openai", "url": f"{self.url}/v1"}}
        models = {model: {"provider": "failing", "model": "m"}}
        settings.write_text(json.dumps({"providers": providers, "models": models}))
        try:
            yield
        finally:
            settings.unlink() if before is None else settings.write_bytes(before)


@pytest.fixture
def failing_provider() -> Iterator[FailingProvider]:
    made = FailingProvider("")

    class Failing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.asked += 1
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


def query(workspace: EmbeddedServer, statement: str) -> list[list[str]]:
    client = workspace.client("dev")
    warehouse = next(iter(client.warehouses.list())).id
    assert warehouse is not None
    done = client.statement_execution.execute_statement(statement, warehouse, wait_timeout="50s")
    assert done.status is not None
    assert done.result is not None, done.status.error
    return done.result.data_array or []


def until(ask: Callable[[], list[list[str]]]) -> list[list[str]]:
    """What is asked for, once there is any: usage is written behind the answers."""
    give_up_at = time.monotonic() + 120
    while not (found := ask()) and time.monotonic() < give_up_at:
        time.sleep(0.5)
    return found


def test_the_retrieval_agent_is_released_to_dev(tmp_path: Path, workspace: EmbeddedServer) -> None:
    folder = repository_of(EXAMPLES / "retrieval_agent", tmp_path / "example")
    record = released(folder, workspace)
    assert record["evaluation"]["recall_at_5"] >= 0.8
    outputs = record["outputs"]
    assert outputs["index"]["rows"] == outputs["ingest"]["passages"] > 80
    answer = outputs["smoke"]["answer"]
    assert "DATABRICKS_APP_PORT" in answer["custom_outputs"]["answer"]
    assert [item["type"] for item in answer["output"]] == [
        "function_call",
        "function_call_output",
        "message",
    ]
    client = workspace.client("dev")
    version = client.model_versions.get(outputs["register"]["model"], 1)
    assert version.status is not None
    assert version.status.value == "READY"


def run(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> Any:
    ended = subprocess.run(
        arguments, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=1200
    )
    assert ended.returncode == 0, f"{arguments}: {ended.stdout}\n{ended.stderr}"
    return ended
