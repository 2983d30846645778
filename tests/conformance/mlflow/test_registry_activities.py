"""Transition requests, comments and webhooks of the workspace registry, by ModelRegistryAPI."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from databricks.sdk.errors import DatabricksError, NotFound, PermissionDenied
from databricks.sdk.service.ml import (
    HttpUrlSpec,
    JobSpec,
    RegisteredModelAccessControlRequest,
    RegisteredModelPermissionLevel,
    RegistryWebhookEvent,
    RegistryWebhookStatus,
)

pytestmark = [pytest.mark.slow, pytest.mark.documented]


class Listener:
    """Gets what webhooks send: bodies, and the headers they came with."""

    def __init__(self) -> None:
        self.got: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.got.put((dict(self.headers), body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"thanks")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def next(self, secret: str) -> dict[str, Any]:
        headers, body = self.got.get(timeout=60)
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Databricks-Signature"] == signature
        told: dict[str, Any] = json.loads(body)
        return told


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def name(workspace: Any) -> Iterator[str]:
    """A model with one version."""
    registry = workspace.client("dev").model_registry
    name = f"model {uuid.uuid4().hex[:8]}"
    registry.create_model(name)
    registry.create_model_version(name, "s3://somewhere/model")
    yield name
    for stage in registry.get_latest_versions(name):
        registry.transition_stage(name, stage.version, "Archived", False)
    registry.delete_model(name)


def allow(workspace: Any, somebody: Any, name: str, level: RegisteredModelPermissionLevel) -> None:
    registry = workspace.client("dev").model_registry
    id = registry.get_model(name).registered_model_databricks.id
    entry = RegisteredModelAccessControlRequest(
        service_principal_name=somebody.config.client_id, permission_level=level
    )
    registry.update_permissions(id, access_control_list=[entry])


def test_a_request_is_made_seen_and_approved(workspace: Any, somebody: Any, name: str) -> None:
    mine, robot = workspace.client("dev").model_registry, somebody()
    theirs = robot.model_registry
    with pytest.raises(PermissionDenied):
        theirs.create_transition_request(name, "1", "Staging")
    allow(workspace, robot, name, RegisteredModelPermissionLevel.CAN_READ)
    made = theirs.create_transition_request(name, "1", "staging", comment="please").request
    assert (made.to_stage, made.user_id, made.comment) == (
        "Staging",
        robot.config.client_id,
        "please",
    )
    with pytest.raises(DatabricksError, match="already requested"):
        theirs.create_transition_request(name, "1", "Staging")
    (seen,) = mine.list_transition_requests(name, "1")
    assert seen.to_stage == "Staging"
    with pytest.raises(PermissionDenied):
        theirs.approve_transition_request(name, "1", "Staging", False)
    done = mine.approve_transition_request(name, "1", "Staging", False, comment="ok").activity
    assert (done.activity_type.value, done.from_stage, done.to_stage, done.comment) == (
        "APPROVED_REQUEST",
        "None",
        "Staging",
        "ok",
    )
    assert mine.get_model_version(name, "1").model_version.current_stage == "Staging"
    assert list(mine.list_transition_requests(name, "1")) == []
    with pytest.raises(NotFound):
        mine.approve_transition_request(name, "1", "Production", False)


def test_requests_are_rejected_and_withdrawn(workspace: Any, somebody: Any, name: str) -> None:
    mine, robot = workspace.client("dev").model_registry, somebody()
    allow(workspace, robot, name, RegisteredModelPermissionLevel.CAN_MANAGE_STAGING_VERSIONS)
    theirs, who = robot.model_registry, robot.config.client_id
    mine.create_transition_request(name, "1", "Production")
    with pytest.raises(PermissionDenied):
        theirs.reject_transition_request(name, "1", "Production")
    rejected = mine.reject_transition_request(name, "1", "Production", comment="not yet").activity
    assert (rejected.activity_type.value, rejected.comment) == ("REJECTED_REQUEST", "not yet")
    theirs.create_transition_request(name, "1", "Production")
    theirs.delete_transition_request(name, "1", "Production", who)
    with pytest.raises(NotFound):
        theirs.delete_transition_request(name, "1", "Production", who)
    assert mine.get_model_version(name, "1").model_version.current_stage == "None"
    with pytest.raises(DatabricksError, match="Invalid stage"):
        mine.create_transition_request(name, "1", "Heaven")


def test_comments_are_their_authors(workspace: Any, somebody: Any, name: str) -> None:
    mine, robot = workspace.client("dev").model_registry, somebody()
    allow(workspace, robot, name, RegisteredModelPermissionLevel.CAN_READ)
    theirs = robot.model_registry
    said = theirs.create_comment(name, "1", "looks good").comment
    assert (said.comment, said.user_id) == ("looks good", robot.config.client_id)
    other = mine.create_comment(name, "1", "mine").comment
    assert theirs.update_comment(said.id, "looks bad").comment.comment == "looks bad"
    for act in (
        lambda: theirs.update_comment(other.id, "no"),
        lambda: theirs.delete_comment(other.id),
    ):
        with pytest.raises(PermissionDenied):
            act()
    theirs.delete_comment(said.id)
    with pytest.raises(NotFound):
        theirs.update_comment(said.id, "gone")
    with pytest.raises(NotFound):
        mine.create_comment(name, "9", "no such version")


def test_webhooks_are_told_with_a_signature(
    workspace: Any, somebody: Any, name: str, listener: Listener
) -> None:
    dev = workspace.client("dev")
    registry = dev.model_registry
    secret = uuid.uuid4().hex
    made = registry.create_webhook(
        [
            RegistryWebhookEvent.MODEL_VERSION_TRANSITIONED_TO_STAGING,
            RegistryWebhookEvent.COMMENT_CREATED,
        ],
        model_name=name,
        http_url_spec=HttpUrlSpec(url=listener.url, secret=secret, authorization="Bearer own"),
    ).webhook
    assert (made.model_name, made.status) == (name, RegistryWebhookStatus.ACTIVE)
    listed = [one for one in registry.list_webhooks(model_name=name) if one.id == made.id]
    assert secret not in json.dumps([one.as_dict() for one in listed])
    registry.create_comment(name, "1", "hello")
    told = listener.next(secret)
    assert (told["event"], told["webhook_id"], told["model_name"]) == (
        "COMMENT_CREATED",
        made.id,
        name,
    )
    registry.transition_stage(name, "1", "Staging", False)
    told = listener.next(secret)
    assert (told["version"], told["from_stage"], told["to_stage"]) == ("1", "None", "Staging")
    tried = registry.test_registry_webhook(made.id, event=RegistryWebhookEvent.COMMENT_CREATED)
    assert (tried.status_code, tried.body) == (200, "thanks")
    assert listener.next(secret)["event"] == "COMMENT_CREATED"
    registry.update_webhook(made.id, status=RegistryWebhookStatus.DISABLED)
    registry.create_comment(name, "1", "unheard")
    with pytest.raises(PermissionDenied):
        somebody().model_registry.delete_webhook(made.id)
    registry.delete_webhook(made.id)
    with pytest.raises(NotFound):
        registry.delete_webhook(made.id)
    assert listener.got.empty()
    for url in ("http://example.com/hook", "file:///etc/passwd", "nonsense"):
        with pytest.raises(DatabricksError, match="must be an https URL"):
            registry.create_webhook(
                [RegistryWebhookEvent.COMMENT_CREATED],
                model_name=name,
                http_url_spec=HttpUrlSpec(url=url),
            )


def test_a_webhook_runs_a_job(workspace: Any, name: str) -> None:
    from databricks.sdk.service import jobs

    dev = workspace.client("dev")
    condition = jobs.ConditionTask(op=jobs.ConditionTaskOp.EQUAL_TO, left="a", right="a")
    job = dev.jobs.create(
        name=name, tasks=[jobs.Task(task_key="only", condition_task=condition)]
    ).job_id
    token = dev.tokens.create(lifetime_seconds=600).token_value
    made = dev.model_registry.create_webhook(
        [RegistryWebhookEvent.COMMENT_CREATED],
        model_name=name,
        job_spec=JobSpec(job_id=str(job), access_token=token),
    ).webhook
    assert made.job_spec.job_id == str(job)
    tried = dev.model_registry.test_registry_webhook(made.id)
    assert tried.status_code == 200, tried.body
    run = dev.jobs.get_run(json.loads(tried.body)["run_id"])
    told = json.loads(run.overriding_parameters.notebook_params["event_message"])
    assert told["event"] == "COMMENT_CREATED"
    dev.jobs.delete(job)
