"""Asking this workspace's own API over HTTP as whoever called: rights, limits and records apply.

What a function does for somebody, it does by the requests that he could have made himself.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from brickyard.workspace.kernel import ApiError, WorkspaceInfo

AT_ONCE: Final = 8  # requests for one batch
TIMEOUT_S: Final = 300
PATIENCE_S: Final = 120.0  # with an endpoint that starts, or whose limit is used up
PAUSE_S: Final = 1.0
LATER: Final = (429, 503)
T = TypeVar("T")

_threads: Final = ThreadPoolExecutor(32, thread_name_prefix="own-api")


def ask(
    workspace: WorkspaceInfo, authorization: str, path: str, body: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON answer to a POST. Raises ApiError with the code and message of a refusal."""
    return _answer(workspace, authorization, path, json.dumps(body, default=str).encode())


def fetch(workspace: WorkspaceInfo, authorization: str, path: str) -> dict[str, Any]:
    """The JSON answer to a GET."""
    return _answer(workspace, authorization, path, None)


def _answer(
    workspace: WorkspaceInfo, authorization: str, path: str, body: bytes | None
) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{workspace.url}{path}",
        data=body,
        headers={"Authorization": authorization, "Content-Type": "application/json"},
    )
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as got:
                answer = json.loads(got.read())
            return answer if isinstance(answer, dict) else {"predictions": answer}
        except urllib.error.HTTPError as fault:
            wait_s = _pause(fault.headers.get("Retry-After"))
            if fault.code not in LATER or time.monotonic() + wait_s > give_up_at:
                raise _refused(fault) from None
            time.sleep(wait_s)
        except (OSError, ValueError) as fault:
            raise ApiError("TEMPORARILY_UNAVAILABLE", f"{path}: {fault}") from None


def each(do: Callable[[T], Any], items: Sequence[T]) -> list[Any]:
    """Results in order, a few at once; an ApiError stands in the place of its result."""

    def attempt(item: T) -> Any:
        try:
            return do(item)
        except ApiError as refused:
            return refused

    if len(items) == 1:
        return [attempt(items[0])]
    results: list[Any] = []
    for start in range(0, len(items), AT_ONCE):
        results += _threads.map(attempt, items[start : start + AT_ONCE])
    return results


def _pause(retry_after: str | None) -> float:
    try:
        return max(PAUSE_S, float(retry_after or PAUSE_S))
    except ValueError:
        return PAUSE_S


def _refused(fault: urllib.error.HTTPError) -> ApiError:
    try:
        told = json.loads(fault.read())
        error = told.get("error") if isinstance(told.get("error"), dict) else told
        code, message = told.get("error_code") or "BAD_REQUEST", error.get("message") or str(fault)
    except (ValueError, AttributeError):
        code, message = "BAD_REQUEST", f"it answered {fault.code}"
    return ApiError(str(code), str(message), status=fault.code)
