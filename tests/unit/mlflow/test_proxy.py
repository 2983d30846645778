"""What MLflow's server answers, as clients have to hear it."""

from __future__ import annotations

import json

import pytest

from brickyard.workspace.mlflow.proxy import Answer, blamed, misled

JSON = "application/json"


def answer(status: int, message: str, kind: str = JSON) -> Answer:
    body = json.dumps({"error_code": "INTERNAL_ERROR", "message": message}).encode()
    return Answer(status=status, body=body, content_type=kind)


def test_a_fault_of_the_request_is_not_a_failure_of_the_server() -> None:
    told = blamed(answer(500, "`order_by` contains duplicate fields: ['a', 'a DESC']"))
    assert told.status == 400
    assert told.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "duplicate fields" in told.json()["message"]


@pytest.mark.parametrize(
    "given",
    [
        answer(500, "(sqlite3.OperationalError) database is locked"),
        answer(500, "`order_by` contains duplicate fields", kind="text/html"),
        answer(404, "Invalid comparator"),
        Answer(status=500, body=b"[]", content_type=JSON),
        Answer(status=200, body=b"{}", content_type=JSON),
    ],
)
def test_other_answers_stay_as_they_are(given: Answer) -> None:
    assert blamed(given) is given


@pytest.mark.parametrize("token", ["x", "MTA=", "W10=", "bnVsbA==", "ée"])
@pytest.mark.parametrize("kind", [JSON, "text/html"])
def test_a_page_token_that_is_none_is_the_requests_fault(token: str, kind: str) -> None:
    told = misled(answer(500, "'int' object has no attribute 'get'", kind), token)
    assert (told.status, told.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert token in told.json()["message"]


@pytest.mark.parametrize("token", ["", "eyJvZmZzZXQiOiAyfQ=="])
def test_a_failure_with_a_good_page_token_is_the_servers(token: str) -> None:
    given = answer(500, "(sqlite3.OperationalError) database is locked")
    assert misled(given, token) is given
