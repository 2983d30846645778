"""Tokens that are limited to some APIs reach those and nothing else, whatever the way in.

Scopes and the wording of the refusal follow "API scopes" of the REST reference and what users of
apps report of it; which routes a scope is for, where the reference is silent, is our belief.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service.sql import StatementState

Limited = Callable[..., WorkspaceClient]


@pytest.fixture
def limited(workspace: Any) -> Any:
    """Clients of the deployer, an administrator, with tokens for some APIs."""
    admin = workspace.client("dev")
    made: list[str] = []

    def make(*scopes: str) -> WorkspaceClient:
        token = admin.tokens.create(lifetime_seconds=600, scopes=list(scopes))
        made.append(token.token_info.token_id)
        return workspace.client("dev", token=token.token_value)

    yield make
    for one in made:
        admin.tokens.delete(one)


def post(client: WorkspaceClient, path: str, body: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        client.config.host + path,
        data=json.dumps(body).encode(),
        headers={**client.config.authenticate(), "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as got:
            return got.status, json.loads(got.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


# An API, by a call that any administrator's token may make, and the scopes that are for it.
APIS: dict[str, tuple[Callable[[WorkspaceClient], Any], tuple[str, ...]]] = {
    "sql": (lambda w: list(w.warehouses.list()), ("sql", "sql.warehouses:read")),
    "unity-catalog": (
        lambda w: list(w.catalogs.list()),
        ("unity-catalog", "unity-catalog:read", "catalog.catalogs:read"),
    ),
    "files": (
        lambda w: w.files.create_directory("/Volumes/dev/nowhere"),
        ("files", "files.files"),
    ),
    "model-serving": (
        lambda w: list(w.serving_endpoints.list()),
        ("model-serving", "serving.serving-endpoints"),
    ),
    "vector-search": (
        lambda w: list(w.vector_search_endpoints.list_endpoints()),
        ("vector-search", "vectorsearch.vector-search-endpoints"),
    ),
    "genie": (lambda w: w.genie.list_spaces(), ("genie", "dashboards.genie")),
    "jobs": (lambda w: list(w.jobs.list()), ("jobs",)),
    "mlflow": (
        lambda w: w.api_client.do("GET", "/api/2.0/managed-evals/review-apps"),
        ("mlflow",),
    ),
    "secrets": (lambda w: list(w.secrets.list_scopes()), ("secrets",)),
    "workspace": (lambda w: list(w.workspace.list("/")), ("workspace", "workspace.workspace:read")),
    "scim": (lambda w: list(w.users.list()), ("scim",)),
    "authentication": (lambda w: list(w.tokens.list()), ("authentication",)),
}


def refusal(act: Callable[[], Any]) -> str:
    """What it is refused with for want of a scope, or nothing."""
    try:
        act()
    except PermissionDenied as refused:
        return str(refused) if "required scopes" in str(refused) else ""
    except Exception:  # let through, and then refused for another reason
        return ""
    return ""


@pytest.mark.documented
@pytest.mark.parametrize("api", [*APIS])
def test_a_token_reaches_the_apis_of_its_scopes_alone(api: str, limited: Limited) -> None:
    act, scopes = APIS[api]
    for scope in scopes:
        assert not refusal(lambda scope=scope: act(limited(scope)))
    other = limited("sql" if api != "sql" else "unity-catalog")
    assert refusal(lambda: act(other)).startswith(
        f"Provided OAuth token does not have required scopes: {api}"
    )
    assert not refusal(lambda: act(limited("all-apis", "sql")))


@pytest.mark.documented
def test_read_lets_nothing_be_written(limited: Limited) -> None:
    reads = limited("catalog.schemas:read")
    assert {one.name for one in reads.schemas.list("dev")} >= {"default"}
    for act in (
        lambda: reads.schemas.create("refused_by_scope", "dev"),
        lambda: reads.schemas.update("dev.default", comment="x"),
        lambda: reads.schemas.delete("dev.refused_by_scope"),
        lambda: reads.tables.get("dev.default.t"),
    ):
        assert refusal(act)


@pytest.mark.belief
def test_a_limited_token_makes_no_wider_one(workspace: Any, limited: Limited) -> None:
    own = limited("authentication", "sql")
    with pytest.raises(PermissionDenied, match="does not have: all-apis"):
        own.tokens.create(scopes=["all-apis"])
    made = own.tokens.create(lifetime_seconds=60)
    assert made.token_info.scopes == ["authentication", "sql"]
    with pytest.raises(PermissionDenied, match="required scopes: unity-catalog"):
        list(workspace.client("dev", token=made.token_value).catalogs.list())


@pytest.mark.documented
def test_oauth_tokens_are_limited_too(workspace: Any, somebody: Any) -> None:
    robot = somebody()
    form = {
        "grant_type": "client_credentials",
        "client_id": robot.config.client_id,
        "client_secret": robot.config.client_secret,
        "scope": "sql",
    }
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(workspace.host("dev") + "/oidc/v1/token", body) as got:
        told = json.loads(got.read())
    assert told["scope"] == "sql"
    own = workspace.client("dev", token=told["access_token"])
    list(own.warehouses.list())
    assert own.current_user.me().user_name == robot.config.client_id  # every API's scope has it
    with pytest.raises(PermissionDenied, match="required scopes: jobs"):
        list(own.jobs.list())


@pytest.mark.belief
def test_statements_run_with_the_scope_of_sql_and_functions_ask_with_no_more(
    workspace: Any, limited: Limited
) -> None:
    warehouse = next(iter(workspace.client("dev").warehouses.list())).id
    own = limited("sql")

    def run(client: WorkspaceClient, text: str) -> Any:
        return client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")

    told = run(own, "SELECT count(*) FROM system.information_schema.tables WHERE 1 = 0")
    assert told.status.state in (StatementState.SUCCEEDED, StatementState.FAILED)
    told = run(own, "SELECT 40 + 2")
    assert told.result.data_array == [["42"]]
    asked = "SELECT ai_similarity('a b', 'a b')"
    told = run(own, asked)
    assert told.status.state is StatementState.FAILED
    assert "required scopes: model-serving" in told.status.error.message
    told = run(limited("sql", "model-serving"), asked)
    assert told.status.state is StatementState.SUCCEEDED, told.status.error


@pytest.mark.belief
def test_spark_connect_asks_for_the_scope_of_sql(workspace: Any, limited: Limited) -> None:
    from pyspark.errors.exceptions.connect import SparkConnectException
    from pyspark.sql.connect.session import SparkSession

    workspace.client("dev").statement_execution.execute_statement(
        "SELECT 1", next(iter(workspace.client("dev").warehouses.list())).id
    )
    port = json.loads((workspace.home / "run" / "spark-connect.json").read_text())["port"]

    def rows(client: WorkspaceClient) -> Any:
        url = f"sc://localhost:{port}/;token={client.config.token}"
        session = SparkSession.builder.remote(url).create()
        try:
            return session.sql("SELECT 1 AS one").collect()
        finally:
            session.stop()

    assert rows(limited("sql"))[0].one == 1
    with pytest.raises((SparkConnectException, grpc.RpcError), match="required scopes: sql"):
        rows(limited("unity-catalog"))


@pytest.mark.belief
def test_mcp_and_gateway_ask_for_their_scopes(limited: Limited) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    sql, functions, serving = limited("mcp.sql"), limited("mcp.functions"), limited("model-serving")
    assert post(sql, "/api/2.0/mcp/sql", hello)[0] == 200
    assert post(sql, "/api/2.0/sql/statements", {"statement": "SELECT 1"})[0] == 403
    status, told = post(sql, "/api/2.0/mcp/functions/dev/default", hello)
    assert (status, told["error_code"]) == (403, "PERMISSION_DENIED")
    assert post(functions, "/api/2.0/mcp/functions/dev/default", hello)[0] == 200
    chat = {"model": "nobody", "messages": [{"role": "user", "content": "hello"}]}
    for path in ("/serving-endpoints/chat/completions", "/ai-gateway/mlflow/v1/chat/completions"):
        assert post(serving, path, chat)[0] == 404
        assert post(sql, path, chat)[0] == 403


@pytest.mark.belief
def test_a_browsers_session_reaches_what_its_token_reaches(
    workspace: Any, limited: Limited
) -> None:
    form = urllib.parse.urlencode({"token": limited("sql").config.token}).encode()
    browser = http.client.HTTPConnection(workspace.host("dev").removeprefix("http://"))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    browser.request("POST", "/login", form, headers)
    signed_in = browser.getresponse()
    signed_in.read()
    cookie = (signed_in.getheader("Set-Cookie") or "").partition(";")[0]
    path = "/mlflow/ajax-api/2.0/mlflow/experiments/get?experiment_id=0"
    browser.request("GET", path, headers={"Cookie": cookie})
    answer = browser.getresponse()
    assert (answer.status, b"required scopes: mlflow" in answer.read()) == (403, True)
    browser.close()
