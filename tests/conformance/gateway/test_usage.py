"""Usage tables, inference tables, budgets: written behind the answers, each request once."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gateway_under_test import TRACKED, Gateway, Stub, chat, of_endpoint, rows, until

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


@pytest.mark.documented
def test_each_request_has_a_row_with_its_tokens(gateway: Gateway) -> None:
    name = gateway.external("echo", **TRACKED)
    gateway.ask(name, chat("hello", client_request_id="c-1", usage_context={"team": "red"}))
    gateway.ask(name, chat("hello", stream=True))
    gateway.ask(name, b"no json")
    found = until(lambda: (got := of_endpoint(gateway, name)) and len(got) >= 2 and got)
    plain, stream = sorted(found, key=lambda one: one["request_streaming"])
    assert plain["client_request_id"] == "c-1"
    assert dict(plain["usage_context"]) == {"team": "red"}
    assert (plain["input_token_count"], plain["output_token_count"]) == (10, 5)
    assert (plain["input_character_count"], plain["output_character_count"]) == (5, 11)
    assert plain["requester"] == gateway.workspace.user("dev")
    assert (stream["status_code"], stream["output_token_count"]) == (200, 5)
    [entity] = [
        one
        for one in rows(gateway, "system.serving.served_entities")
        if one["endpoint_name"] == name
    ]
    assert entity["entity_type"] == "EXTERNAL_MODEL"
    assert entity["external_model_config"] == {"provider": "openai"}
    assert entity["task"] == "llm/v1/chat"


@pytest.mark.documented
def test_foundation_models_are_tracked_without_being_told(gateway: Gateway) -> None:
    name = "databricks-bge-large-en"
    before = len(of_endpoint(gateway, name))
    gateway.client.serving_endpoints.query(name, input=["three little words"])
    assert until(lambda: len(of_endpoint(gateway, name)) == before + 1)


@pytest.mark.documented
@pytest.mark.parametrize("older", [False, True])
def test_requests_and_answers_go_into_an_inference_table(gateway: Gateway, older: bool) -> None:
    prefix = f"log_{uuid.uuid4().hex[:8]}"
    table = {
        "enabled": True,
        "catalog_name": "dev",
        "schema_name": "default",
        "table_name_prefix": prefix,
    }
    name = gateway.external(
        "echo", **({} if older else {"ai_gateway": {"inference_table_config": table}})
    )
    if older:
        path = f"/api/2.0/serving-endpoints/{name}"
        config = gateway.client.api_client.do("GET", path)["config"]
        [entity] = config["served_entities"]
        entity["external_model"]["openai_config"]["openai_api_key_plaintext"] = "again"
        body = {"served_entities": [entity], "auto_capture_config": table}
        gateway.client.api_client.do("PUT", f"{path}/config", body=body)
    gateway.ask(name, chat("hello"))
    gateway.ask(name, chat("bye now", stream=True))
    gateway.ask(name, chat("x" * 1_100_000))
    full_name = f"dev.default.{prefix}_payload"
    found = until(lambda: len(got := rows(gateway, full_name)) == 3 and got)
    by_request = {one["request"]: one for one in found}
    plain = by_request[json.dumps(chat("hello"))]
    assert json.loads(plain["response"])["choices"][0]["message"]["content"] == "echo: hello"
    stream = by_request[json.dumps(chat("bye now", stream=True))]
    told = json.loads(stream["response"])["choices"][0]["message"]["content"]
    assert told.strip() == "echo: bye now"
    if older:
        assert dict(plain["request_metadata"])["endpoint_name"] == name
    else:
        assert "MAX_REQUEST_SIZE_EXCEEDED" in by_request[""]["logging_error_codes"]
    assert plain["status_code"] == 200


@pytest.fixture(scope="module")
def budgeted(workspace: Any, stub: Stub, tmp_path_factory: Any) -> Iterator[Gateway]:
    """A server of its own: budgets, prices, metrics to a collector; it is killed, too."""
    server = type(workspace)(home=tmp_path_factory.mktemp("budgets") / "home")
    server.home.mkdir(parents=True)
    configure(server.home)
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"{stub.url}/otlp"
    server.start()
    try:
        yield Gateway(server, stub)
    finally:
        del os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
        if server.process is not None:
            server.stop()


def configure(home: Path) -> None:
    (home / "gateway.yml").write_text(
        """
prices:
  gw-*: {input: 1000, output: 2000}
budgets:
  - {name: calls, workspace: dev, period: total, endpoint: gw-*, tokens: 4000}
  - {name: money, workspace: staging, period: total, endpoint: gw-*, cost: 1.0}
schemas:
  databricks-gpt-5-nano:
    input: {type: object, required: [user]}
"""
    )


@pytest.mark.belief
def test_budgets_hold_exactly_and_outlive_a_kill(budgeted: Gateway) -> None:
    """Each request may take its bytes + 100 tokens; the stub says that it took 110."""
    name = budgeted.external("tokens-100")
    body = chat("hi", max_tokens=100)

    def ask(_: int) -> int:
        return budgeted.ask(name, body)[0]

    with ThreadPoolExecutor(32) as pool:
        first = Counter(pool.map(ask, range(200)))
    assert set(first) == {200, 429}
    spent = first[200] * 110
    assert spent <= 4000
    assert 4000 - spent < 110 + len(json.dumps(body))  # and no more is left than one needs
    budgeted.workspace.kill()
    budgeted.workspace.start()
    status, told, _ = budgeted.ask(name, body)
    assert status == 429
    assert "budget 'calls'" in told["message"]


@pytest.mark.belief
def test_a_request_without_max_tokens_gets_what_is_set_aside(budgeted: Gateway) -> None:
    """1.0 buys 1000 tokens in or 500 out: 4096 of an answer do not fit, 100 do."""
    staging = Gateway(budgeted.workspace, budgeted.stub, "staging")
    name = staging.external("body")
    assert staging.ask(name)[0] == 429
    assert json.loads(staging.text(name, "hi", max_tokens=100))["max_tokens"] == 100


@pytest.mark.belief
def test_a_request_must_fit_its_schema(budgeted: Gateway) -> None:
    status, told, _ = budgeted.ask("databricks-gpt-5-nano", chat("hi"))
    assert status == 400
    assert "must contain ['user']" in told["message"]
    assert budgeted.ask("databricks-gpt-5-nano", chat("hi", user="me"))[0] == 200


@pytest.mark.belief
def test_after_a_kill_every_answered_request_is_in_the_table_once(budgeted: Gateway) -> None:
    prod = Gateway(budgeted.workspace, budgeted.stub, "prod")
    name = prod.external("echo", **TRACKED)
    answered: list[str] = []

    def ask(number: int) -> None:
        for at in range(1000):
            mark = f"{number}-{at}"
            try:
                status, _, _ = prod.ask(name, chat("hi", client_request_id=mark), timeout=5)
            except Exception:
                return  # the server is gone
            if status == 200:
                answered.append(mark)

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask, number) for number in range(8)]
        time.sleep(3.5)  # some of it is published, some is not
        prod.workspace.kill()
        for one in asking:
            one.result()
    prod.workspace.start()
    dev = Gateway(prod.workspace, prod.stub)
    until(lambda: not [*(dev.workspace.home / "gateway/journal").glob("*.jsonl")][1:])
    wanted = set(answered)

    def found() -> Any:
        ids = [one["client_request_id"] for one in of_endpoint(dev, name)]
        return wanted <= set(ids) and ids

    ids = until(found)
    assert ids
    assert len(ids) == len(set(ids))
    assert len(answered) > 20


@pytest.mark.documented
def test_metrics_go_to_a_collector_and_to_prometheus(budgeted: Gateway) -> None:
    name = "databricks-gpt-5-nano"
    budgeted.ask(name, chat("hi", user="me"))
    text = budgeted.client.api_client.do(
        "GET",
        f"/api/2.0/serving-endpoints/{name}/metrics",
        headers={"Accept": "text/plain"},
        raw=True,
    )
    told = text["contents"].read().decode()
    assert f'gateway_requests_total{{served_entity_name="{name}"}}' in told
    budgeted.workspace.stop()
    [last] = budgeted.stub.get("/otlp")[-1:]
    [scope] = last["resourceMetrics"][0]["scopeMetrics"]
    assert "gen_ai.gateway.requests" in {one["name"] for one in scope["metrics"]}


@pytest.mark.documented
def test_system_tables_are_read_in_sql_beside_the_others(gateway: Gateway) -> None:
    """The engine keeps the name `system` for itself: it must not stop its other catalogs."""
    name = "databricks-bge-large-en"
    gateway.client.serving_endpoints.query(name, input=["x"])
    assert until(lambda: of_endpoint(gateway, name))
    warehouse = next(iter(gateway.client.warehouses.list())).id
    usage = (
        "SELECT DISTINCT e.entity_type FROM system.serving.endpoint_usage u"
        " JOIN system.serving.served_entities e USING (served_entity_id)"
        f" WHERE e.endpoint_name = '{name}'"
    )
    for statement, wanted in ((usage, [["FOUNDATION_MODEL"]]), ("SELECT 1", [["1"]])):
        done = gateway.client.statement_execution.execute_statement(
            statement, str(warehouse), wait_timeout="50s"
        )
        assert done.result is not None, done.status
        assert done.result.data_array == wanted
