"""What goes wrong below `bundle` is said with its request, as the official CLI says it."""

from __future__ import annotations

import pytest

from brickyard.cli.apply_failures import officially
from brickyard.cli.failures import Refused
from brickyard.deploy import AT_LOCK, ApiFailure, Locked, NoFolder, Unreachable
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


def test_what_kept_the_lock_is_said_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    broken = ApiFailure(
        status=500,
        code="INTERNAL_ERROR",
        message="broke",
        method="POST",
        path="/x",
        url="https://h/x",
    )
    broken.add_note(AT_LOCK)
    text = said(broken, capsys)
    assert text.startswith(
        "Error: Failed to acquire deployment lock: broke\nError: broke (500 INTERNAL_ERROR)\n"
    )
    lost = Unreachable("https://h", "EOF", method="POST", url="https://h/x")
    lost.add_note(AT_LOCK)
    call = 'Post "https://h/x": EOF'
    text = said(lost, capsys)
    assert text == f"Error: Failed to acquire deployment lock: {call}\nError: {call}\n\n"
    gone = Unreachable("http://127.0.0.1:1", "EOF", embedded=True, method="GET", url="http://x")
    assert "brickyard up" in said(gone, capsys)


def test_a_folder_that_is_not_there_is_told_from_one_that_may_not_be_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for status, told in ((404, "no such directory: /s"), (403, "access denied: /s/deploy.lock")):
        error = NoFolder("/s", "unable to deploy to /s as me.")
        error.__cause__ = ApiFailure(status=status, code="X", message="m", method="POST", path="")
        first = said(error, capsys).splitlines()[0]
        assert first == f"Error: Failed to acquire deployment lock: {told}"
