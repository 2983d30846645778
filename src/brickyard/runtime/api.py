"""The workspace's REST API, as `dbutils` needs it: standard library, the task's token."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

if TYPE_CHECKING:
    from http.client import HTTPResponse

TIMEOUT_S = 60


class RequestRefused(Exception):
    """The workspace said no. The text starts with its error code."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status


def get(path: str, **query: str) -> Any:
    return _json(_send("GET", path, query=query))


def post(path: str, body: Any) -> Any:
    return _json(_send("POST", path, json.dumps(body).encode()))


def raw(method: str, path: str, body: bytes = b"", **query: str) -> bytes:
    """For the Files API: bytes in, bytes out. The path is escaped here."""
    return _send(method, quote(path), body, query=query)


def _send(method: str, path: str, body: bytes = b"", query: dict[str, str] | None = None) -> bytes:
    from http.client import HTTPConnection, HTTPSConnection  # loads ssl: not at start

    host = urlsplit(os.environ["DATABRICKS_HOST"])
    kind = HTTPSConnection if host.scheme == "https" else HTTPConnection
    connection = kind(host.hostname or "", host.port, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {os.environ['DATABRICKS_TOKEN']}"}
    try:
        connection.request(method, path + (f"?{urlencode(query)}" if query else ""), body, headers)
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    if answer.status >= 400:
        raise _refused(answer, data)
    return data


def _refused(answer: HTTPResponse, data: bytes) -> RequestRefused:
    try:
        fault = json.loads(data)
        return RequestRefused(fault["error_code"], fault["message"], answer.status)
    except (ValueError, KeyError, TypeError):
        return RequestRefused(f"HTTP_{answer.status}", answer.reason, answer.status)


def _json(data: bytes) -> Any:
    return json.loads(data) if data else {}
