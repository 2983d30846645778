"""What a release serves, asked as a client asks. BRICKYARD_TARGET and the log-in come from CI."""

from __future__ import annotations

import os

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.serving import ChatMessage, ChatMessageRole

pytestmark = pytest.mark.skipif(
    "BRICKYARD_TARGET" not in os.environ, reason="asks a workspace that was released to"
)
AIRPORTS = 1458


@pytest.fixture(scope="module")
def client() -> WorkspaceClient:
    return WorkspaceClient()


def test_the_agent_examines_a_table_of_this_environment(client: WorkspaceClient) -> None:
    table = f"{os.environ['BRICKYARD_TARGET']}.quality.airports"
    answer = client.api_client.do(
        "POST",
        "/serving-endpoints/data-quality-agent/invocations",
        body={
            "input": [{"role": "user", "content": "Which rules does the table break?"}],
            "custom_inputs": {"table": table},
        },
    )
    report = answer["custom_outputs"]
    assert (report["table"], report["row_count"]) == (table, AIRPORTS)
    assert {"faa"} in [set(rule["columns"]) for rule in report["rules"] if rule["kind"] == "key"]
    assert answer["usage"]["input_tokens"] > 0


def test_the_gateway_lets_no_secrets_through(client: WorkspaceClient) -> None:
    question = ChatMessage(role=ChatMessageRole.USER, content="Is the password in the table ok?")
    with pytest.raises(DatabricksError, match="guardrail"):
        client.serving_endpoints.query("data-quality-llm", messages=[question])
