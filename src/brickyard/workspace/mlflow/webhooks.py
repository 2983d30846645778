"""Webhooks of the workspace registry: who is told of what, and the telling.

A webhook calls a URL, or runs a job with what happened as the notebook parameter `event_message`.
A URL that has a secret gets `X-Databricks-Signature`, the HMAC-SHA256 of the body in hex. Follows
"MLflow Model Registry Webhooks on Databricks". URLs are https, or http on this machine. An event is
tried three times; what is not delivered when the workspace ends is not delivered.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
    now_ms,
)
from brickyard.workspace.secrets.sealing import Seal

TABLE = document_table("mlflow_registry_webhooks")
EVENTS: Final = frozenset(
    {
        *("MODEL_VERSION_CREATED", "MODEL_VERSION_TRANSITIONED_STAGE", "COMMENT_CREATED"),
        *("TRANSITION_REQUEST_CREATED", "REGISTERED_MODEL_CREATED", "MODEL_VERSION_TAG_SET"),
        *(f"MODEL_VERSION_TRANSITIONED_TO_{one}" for one in ("STAGING", "PRODUCTION", "ARCHIVED")),
        *(f"TRANSITION_REQUEST_TO_{one}_CREATED" for one in ("STAGING", "PRODUCTION", "ARCHIVED")),
    }
)
STATES: Final = ("ACTIVE", "DISABLED", "TEST_MODE")
HERE: Final = ("127.0.0.1", "localhost", "::1")
SEALED: Final = ("secret", "authorization", "access_token")
TRIES, PAUSE_S, TIMEOUT_S = 3, 1.0, 20.0
LONGEST_ANSWER: Final = 10_000

log = logging.getLogger("brickyard.mlflow")


class Webhooks:
    def __init__(self, store: Store, home: Home, workspaces: Mapping[str, WorkspaceInfo]) -> None:
        self._kept = Documents(store, TABLE, "Registry webhook")
        self._seal = Seal(home)
        self._workspaces = workspaces
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="webhook")

    def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def add(
        self, principal: Principal, workspace: WorkspaceInfo, model: str, given: Mapping[str, Any]
    ) -> Document:
        """`model` is the number of the model; '' for all models."""
        body = {"model": model, "status": "ACTIVE", **_checked(given)}
        if not body.get("events"):
            raise invalid("events must name at least one event")
        if model and "REGISTERED_MODEL_CREATED" in body["events"]:
            raise invalid("REGISTERED_MODEL_CREATED is for webhooks without a model name")
        if ("http_url_spec" in body) == ("job_spec" in body):
            raise invalid("Give either http_url_spec or job_spec")
        return self._kept.add(workspace.name, "", self._sealed(body), creator=principal.user_name)

    def get(self, workspace: WorkspaceInfo, id: str) -> Document:
        return self._kept.get(workspace.name, id)

    def all(self, workspace: WorkspaceInfo) -> tuple[Document, ...]:
        return self._kept.all(workspace.name)

    def change(self, workspace: WorkspaceInfo, id: str, given: Mapping[str, Any]) -> Document:
        wanted = self._sealed(_checked(given))
        return self._kept.change(workspace.name, id, lambda before: {**before.body, **wanted})

    def remove(self, workspace: WorkspaceInfo, id: str) -> None:
        self._kept.remove(workspace.name, id)

    def forget(self, workspace: WorkspaceInfo, model: str) -> None:
        """Those of a model that is gone."""
        for one in self._kept.all(workspace.name):
            if one.body["model"] == model:
                self._kept.remove(workspace.name, one.id)

    def tell(
        self,
        workspace: WorkspaceInfo,
        model: str,
        events: Sequence[str],
        message: Mapping[str, Any],
    ) -> None:
        """Tell every active webhook of the model, or of all, that wants one of these events."""
        for one in self._kept.all(workspace.name):
            if one.body["status"] != "ACTIVE" or one.body["model"] not in ("", model):
                continue
            for event in events:
                if event in one.body["events"]:
                    told = _message(one, event, message)
                    self._threads.submit(self._deliver, one, told)

    def test(self, workspace: WorkspaceInfo, id: str, event: str) -> tuple[int, str]:
        """Status and body of the answer to a made-up event."""
        found = self.get(workspace, id)
        if event and event not in found.body["events"]:
            raise invalid(f"The webhook is not for the event {event}")
        wanted = event or str(found.body["events"][0])
        message = {"model_name": "test", "version": "1", "text": "This is a test event"}
        return self._send(found, _message(found, wanted, message))

    def _deliver(self, one: Document, told: Mapping[str, Any]) -> None:
        for attempt in range(TRIES):
            try:
                status, _ = self._send(one, told)
            except (ApiError, OSError, ValueError) as fault:
                status, why = 0, str(fault)
            else:
                why = f"answered {status}"
            if 200 <= status < 300:
                return
            time.sleep(PAUSE_S * 2**attempt)
        log.warning("registry webhook %s: %s", one.id, why)

    def _send(self, one: Document, told: Mapping[str, Any]) -> tuple[int, str]:
        body = json.dumps(told, separators=(",", ":")).encode()
        if job := one.body.get("job_spec"):
            return self._run_job(one, job, body)
        target = one.body["http_url_spec"]
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if secret := self._open(one, target.get("secret")):
            digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Databricks-Signature"] = digest
        if authorization := self._open(one, target.get("authorization")):
            headers["Authorization"] = authorization
        checks = target.get("enable_ssl_verification") is not False
        return _post(str(target["url"]), body, headers, checks=checks)

    def _run_job(self, one: Document, job: Mapping[str, Any], told: bytes) -> tuple[int, str]:
        host = job.get("workspace_url") or self._workspaces[one.workspace].url
        wanted = {
            "job_id": int(job["job_id"]),
            "notebook_params": {"event_message": told.decode()},
        }
        token = self._open(one, job.get("access_token"))
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        url = f"{str(host).rstrip('/')}/api/2.1/jobs/run-now"
        return _post(url, json.dumps(wanted).encode(), headers)

    def _sealed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        kept = dict(body)
        for part in ("http_url_spec", "job_spec"):
            if part in kept:
                kept[part] = {
                    name: self._seal.close(value.encode(), "webhook").hex()
                    if name in SEALED and value
                    else value
                    for name, value in kept[part].items()
                }
        return kept

    def _open(self, _one: Document, sealed: str | None) -> str:
        return self._seal.open(bytes.fromhex(sealed), "webhook").decode() if sealed else ""


def shown(one: Document, model_name: str) -> dict[str, Any]:
    """As the API shows it: without secrets."""
    found: dict[str, Any] = {
        "id": one.id,
        "events": list(one.body["events"]),
        "status": one.body["status"],
        "creation_timestamp": one.created_ms,
        "last_updated_timestamp": one.updated_ms,
    }
    if model_name:
        found["model_name"] = model_name
    if one.body.get("description"):
        found["description"] = one.body["description"]
    for part in ("http_url_spec", "job_spec"):
        if told := one.body.get(part):
            found[part] = {k: v for k, v in told.items() if k not in SEALED}
    return found


def _message(one: Document, event: str, message: Mapping[str, Any]) -> dict[str, Any]:
    return {"event": event, "webhook_id": one.id, "event_timestamp": now_ms(), **message}


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a request gives, of the fields that there are. Raises INVALID_PARAMETER_VALUE."""
    found = {k: given[k] for k in ("description", "events", "status") if k in given}
    events = found.get("events", [])
    if not isinstance(events, list) or not EVENTS.issuperset(map(str, events)):
        raise invalid(f"events must be some of {', '.join(sorted(EVENTS))}")
    if found.get("status", "ACTIVE") not in STATES:
        raise invalid(f"status must be one of {', '.join(STATES)}")
    if not isinstance(found.get("description", ""), str):
        raise invalid("description must be a text")
    if "http_url_spec" in given:
        found["http_url_spec"] = _target(given["http_url_spec"])
    if "job_spec" in given:
        found["job_spec"] = _job(given["job_spec"])
    return found


def _target(given: Any) -> dict[str, Any]:
    spec = _texts(given, "http_url_spec", ("url", "secret", "authorization"))
    if "enable_ssl_verification" in given:
        spec["enable_ssl_verification"] = given["enable_ssl_verification"] is not False
    _require_safe(str(spec.get("url", "")))
    return spec


def _job(given: Any) -> dict[str, Any]:
    spec = _texts(given, "job_spec", ("job_id", "access_token", "workspace_url"))
    if not str(spec.get("job_id", "")).isdecimal() or not spec.get("access_token"):
        raise invalid("job_spec needs a job_id and an access_token")
    if spec.get("workspace_url"):
        _require_safe(str(spec["workspace_url"]))
    return spec


def _texts(given: Any, name: str, fields: Sequence[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise invalid(f"{name} must be an object")
    found = {field: given[field] for field in fields if given.get(field) is not None}
    if not all(isinstance(value, str) for value in found.values()):
        raise invalid(f"The fields of {name} must be texts")
    return found


def _require_safe(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and host in HERE)):
        raise invalid(f"{url!r} must be an https URL, or an http one of this machine")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _post(
    url: str, body: bytes, headers: Mapping[str, str], *, checks: bool = True
) -> tuple[int, str]:
    context = ssl.create_default_context()
    if not checks:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context), _NoRedirect()
    )
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")
    try:
        with opener.open(request, timeout=TIMEOUT_S) as got:
            return got.status, got.read(LONGEST_ANSWER).decode("utf-8", "replace")
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read(LONGEST_ANSWER).decode("utf-8", "replace")
