"""What goes wrong below `bundle` is said with its request, as the official CLI says it."""

from __future__ import annotations

import pytest

from brickyard.cli.apply_failures import officially
from brickyard.cli.failures import Refused
from brickyard.deploy import ApiFailure, Locked
from brickyard.deploy.planning import NotPlanned
from brickyard.deploy.run import RunRefused
from brickyard.deploy.state import Entry, State

REFUSED = ApiFailure(
    status=403,
    code="PERMISSION_DENIED",
    message="No way",
    method="GET",
    path="/api/2.2/jobs/get",
    url="https://h/api/2.2/jobs/get?job_id=7",
)
REQUEST = """
Endpoint: GET https://h/api/2.2/jobs/get?job_id=7
HTTP Status: 403 Forbidden
API error_code: PERMISSION_DENIED
API message: No way
"""


def said(error: Exception, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(Refused), officially():
        raise error
    return capsys.readouterr().err


def test_a_refusal_shows_its_request(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"Error: No way (403 PERMISSION_DENIED)\n{REQUEST}\n"
    assert said(REFUSED, capsys) == text


def test_every_resource_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    state = State(entries={"resources.jobs.a": Entry(id="7", state={})})
    error = NotPlanned({"resources.jobs.a": REFUSED}, state)
    assert said(error, capsys) == (
        'Error: cannot plan resources.jobs.a: reading id="7": No way (403 PERMISSION_DENIED)\n'
        f"{REQUEST}\nError: planning failed\n\n"
    )


def test_a_lock_that_is_held_is_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(Locked("held by bob"), capsys) == (
        "Error: Failed to acquire deployment lock: held by bob\nError: held by bob\n\n"
    )


@pytest.mark.parametrize("error", [RunRefused("no such job"), ZeroDivisionError()])
def test_what_runs_refuse_and_our_own_faults_pass(error: Exception) -> None:
    with pytest.raises(type(error)), officially():
        raise error
