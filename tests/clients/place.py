"""What a probe knows of where it runs. Standard library only: it is imported by every client."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

HOST = os.environ["DATABRICKS_HOST"]
TOKEN = os.environ["DATABRICKS_TOKEN"]
SCHEMA = os.environ["BRICKYARD_PROBE_SCHEMA"]  # "dev.clients_1234": this run's own, empty
USER = os.environ["BRICKYARD_PROBE_USER"]

# The same workspace with TLS, and the certificates to trust then.
TLS_HOST = os.environ["BRICKYARD_PROBE_TLS_HOST"]
TLS_BUNDLE = os.environ["BRICKYARD_PROBE_TLS_BUNDLE"]


def unique(stem: str = "probe") -> str:
    """A name that no other probe has; good for tables, models and endpoints."""
    return f"{stem}_{uuid.uuid4().hex[:8]}"


def rest(method: str, path: str, body: Any = None) -> Any:
    """The workspace without a client, to prepare or look at something. Raises HTTPError."""
    request = urllib.request.Request(
        HOST + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        raw = answer.read()
    return json.loads(raw) if raw else {}


def refusal(call: Callable[[], Any]) -> str:
    """What a call says that has to be refused."""
    try:
        answer = call()
    except Exception as fault:
        return str(fault)
    raise AssertionError(f"not refused; the answer is {answer!r}")


def wait(ask: Callable[[], Any], *, limit_s: float = 120, every_s: float = 0.5) -> Any:
    """The first true answer. Raises TimeoutError."""
    until = time.monotonic() + limit_s
    while not (answer := ask()):
        if time.monotonic() > until:
            raise TimeoutError(f"nothing after {limit_s:.0f} s")
        time.sleep(every_s)
    return answer
