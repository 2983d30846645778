"""Evaluation datasets on the wire: grants, SQL, bad input. The client is tried in tests/clients."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, DatabricksError, NotFound, PermissionDenied
from databricks.sdk.service.catalog import PermissionsChange, Privilege

BASE = "/api/2.0/managed-evals/datasets"


@pytest.fixture
def dataset(workspace: Any) -> Iterator[Any]:
    client = workspace.client("dev")
    name = f"dev.default.evals_{uuid.uuid4().hex[:8]}"
    made = client.api_client.do("POST", BASE, body={"name": name})
    yield made
    try:
        client.tables.delete(name)
    except NotFound:
        pass


def record(value: Any) -> Any:
    return {"dataset_record": {"inputs": [{"key": "q", "value": value}], "tags": {"a": "b"}}}


@pytest.mark.belief
@pytest.mark.slow
def test_records_obey_the_grants_of_their_table(
    workspace: Any, somebody: Any, dataset: Any
) -> None:
    admin, other = workspace.client("dev"), somebody("dev")
    rows = f"{BASE}/{dataset['dataset_id']}/records"
    admin.api_client.do("POST", f"{rows}:batchCreate", body={"requests": [record("it's ?")]})
    assert other.api_client.do("GET", rows)["dataset_records"][0]["inputs"][0]["value"] == "it's ?"
    with pytest.raises(PermissionDenied, match="MODIFY"):
        other.api_client.do("POST", f"{rows}:batchCreate", body={"requests": [record(1)]})
    with pytest.raises(PermissionDenied, match="MANAGE"):
        other.api_client.do("DELETE", f"{BASE}/{dataset['dataset_id']}")
    me = other.current_user.me().user_name
    change = PermissionsChange(principal=me, add=[Privilege.MODIFY])
    admin.grants.update("table", dataset["name"], changes=[change])
    other.api_client.do("POST", f"{rows}:batchCreate", body={"requests": [record(1)]})
    warehouse = next(iter(admin.warehouses.list())).id
    text = f"SELECT count(*), max(tags['a']), min(inputs) FROM {dataset['name']}"
    told = admin.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")
    assert told.result is not None
    assert told.result.data_array == [["2", "b", '{"q": "it\'s ?"}']]


@pytest.mark.belief
def test_what_is_no_dataset_or_no_record_is_refused(workspace: Any, dataset: Any) -> None:
    client = workspace.client("dev")
    rows = f"{BASE}/{dataset['dataset_id']}/records"
    with pytest.raises(DatabricksError, match="already exists"):
        client.api_client.do("POST", BASE, body={"name": dataset["name"]})
    with pytest.raises(BadRequest, match="Invalid table name"):
        client.api_client.do("POST", BASE, body={"name": "plain"})
    client.api_client.do("POST", f"{rows}:batchDelete", body={"requests": []})
    bad = {"requests": [{"dataset_record": {"inputs": "text"}}]}
    with pytest.raises(BadRequest, match="inputs"):
        client.api_client.do("POST", f"{rows}:batchCreate", body=bad)
    for path in (f"{BASE}/nothing", f"{rows}?version=99"):
        with pytest.raises(NotFound):
            client.api_client.do("GET", path)
    body = {"expectations": {"a": {"value": 1}}}
    with pytest.raises(NotFound):
        client.api_client.do("POST", f"{rows}/nothing/expectations", body=body)
