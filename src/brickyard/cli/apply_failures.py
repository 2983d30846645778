"""What failed in a deploy or destroy: a line each; below `bundle` the request with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import responses
from typing import TYPE_CHECKING

import click

from brickyard.cli.dialect import is_official
from brickyard.cli.failures import Refused, say_error

if TYPE_CHECKING:
    from brickyard.deploy import Deployed
    from brickyard.deploy.http import ApiFailure


def say_failures(deployed: Deployed) -> None:
    """Every node that failed or was skipped."""
    for text in _official(deployed) if is_official() else deployed.failures:
        say_error(text)


def end(deployed: Deployed, verb: str) -> None:
    """Raise `Refused` when something failed."""
    if deployed.succeeded:
        return
    if is_official():
        raise Refused
    raise Refused(
        f"the {verb} is incomplete; what was done is recorded. Mend the cause and {verb} again"
    )


def _official(deployed: Deployed) -> Iterator[str]:
    from brickyard.deploy.http import ApiFailure

    for line, outcome in deployed.applied.failed:
        cause = outcome.error.__cause__ if outcome.error is not None else None
        details = _request(cause) if isinstance(cause, ApiFailure) else ""
        hint = getattr(outcome.error, "hint", "")
        message = getattr(outcome.error, "message", line)
        yield f"{message}\n{details}" + (f"{hint}\n" if hint else "")


def _refused_run(error: Exception) -> str:
    """What a run is refused for: the service's message, or the first line of ours."""
    from brickyard.deploy.http import ApiFailure

    cause = error if isinstance(error, ApiFailure) else error.__cause__
    if not isinstance(cause, ApiFailure):
        return str(error).partition("\n")[0]
    began = "cannot start job: " if cause.path.endswith("/jobs/run-now") else ""
    return f"{began}{cause.message}"


LOCK = "deploy.lock"


@contextmanager
def officially() -> Iterator[None]:
    """Say an error of the world as below `bundle`: with its request, and a line between it and
    what follows. Of `generate` it is the message alone."""
    try:
        yield
    except Exception as error:
        deploy = sys.modules.get("brickyard.deploy")
        if deploy is None or not isinstance(error, deploy.WORLD_ERRORS):
            raise
        context = click.get_current_context(silent=True)
        verb = context.invoked_subcommand if context is not None else ""
        if verb == "run" and isinstance(error, deploy.RunRefused | deploy.ApiFailure):
            raise Refused(_refused_run(error)) from error
        if isinstance(error, deploy.RunRefused):
            raise  # what `run` refuses is said as everywhere
        if verb == "generate" and isinstance(error, deploy.ApiFailure):
            raise Refused(error.message) from error
        if isinstance(error, deploy.Locked):
            say_error(f"Failed to acquire deployment lock: {error}")
        if deploy.AT_LOCK in getattr(error, "__notes__", ()):
            said = getattr(error, "message", "") or _said(error)
            say_error(f"Failed to acquire deployment lock: {said}")
        if isinstance(error, deploy.NoFolder):
            missing = getattr(error.__cause__, "status", 0) == HTTPStatus.NOT_FOUND
            path = f"no such directory: {error.path}"
            path = path if missing else f"access denied: {error.path}/{LOCK}"
            say_error(f"Failed to acquire deployment lock: {path}")
            told = "Failed to update, encountered possible permission error"
            say_error(f"{told}: {error.path}")
        for text in getattr(error, "parts", (error,)):
            cause = text if isinstance(text, deploy.ApiFailure) else text.__cause__
            cause = None if isinstance(text, deploy.NoFolder) else cause
            details = _request(cause) if isinstance(cause, deploy.ApiFailure) else ""
            # The official CLI does not say where a script is written.
            said = text.summary if isinstance(text, deploy.HookFailed) else _said(text)
            say_error(f"{said}\n{details}")
        raise Refused from error


def _said(error: BaseException) -> str:
    """What is said of an error: of a lost connection the call, as everywhere below `bundle`."""
    call = "" if getattr(error, "way_out", "") else getattr(error, "call", "")
    return str(call or error)


def _request(failure: ApiFailure) -> str:
    status = f"{failure.status} {responses.get(failure.status, '')}".rstrip()
    return (
        f"\nEndpoint: {failure.method} {failure.url}\nHTTP Status: {status}"
        f"\nAPI error_code: {failure.code}\nAPI message: {failure.message}\n"
    )
