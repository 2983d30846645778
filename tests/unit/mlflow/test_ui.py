"""MLflow's pages: what a GraphQL query is about, and whose requests a cookie is believed in."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.identity.sessions import is_own_page
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.mlflow.ui.graphql import root_fields, without_hidden


def test_variables_and_literals_are_read() -> None:
    query = """
    query A($data: MlflowGetRunInput!) { mlflowGetRun(input: $data) { run { info { runId } } } }
    mutation B { mlflowSearchRuns(input: {experimentIds: ["1", "2"]}) { runs { info { runId } } } }
    """
    assert root_fields(query, {"data": {"runId": "r"}}) == [
        ("mlflowGetRun", {"runId": "r"}),
        ("mlflowSearchRuns", {"experimentIds": ["1", "2"]}),
    ]


@pytest.mark.parametrize(
    "query",
    [
        '{ ...all } fragment all on Query { mlflowGetRun(input: {runId: "r"}) { run { x } } }',
        '{ ... on Query { mlflowGetRun(input: {runId: "r"}) { run { x } } } }',
        '{ other: mlflowGetRun(input: {runId: "r"}) { run { x } } }',
        '{ mlflowGetRun(input: {runId: "r"}) { run { other: modelVersions { name } } } }',
        "{",
    ],
)
def test_what_would_hide_its_subject_is_refused(query: str) -> None:
    with pytest.raises(ApiError, match="GraphQL"):
        root_fields(query, {})


def test_hidden_model_versions_are_taken_out_at_any_depth() -> None:
    answer = {"data": {"run": [{"modelVersions": [{"name": "mine"}, {"name": "theirs"}]}], "n": 1}}
    shown: Any = without_hidden(answer, lambda name: name == "mine")
    assert shown == {"data": {"run": [{"modelVersions": [{"name": "mine"}]}], "n": 1}}


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"origin": "http://127.0.0.1:8471", "host": "127.0.0.1:8471"}, True),
        ({"origin": "http://127.0.0.1:9000", "host": "127.0.0.1:8471"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "null", "host": "127.0.0.1:8471"}, False),
    ],
)
def test_a_cookie_counts_only_in_requests_of_the_own_page(
    headers: dict[str, str], own: bool
) -> None:
    assert is_own_page(headers) is own
