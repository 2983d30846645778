"""Apps. What an app is, is updated; what it runs is deployed, once it is started.

`source_code_path`, `git_source` and `config` go to deployments only, and count as changed only
while there is a deployment to compare with.
"""

from __future__ import annotations

import re
from typing import Final

from brickyard.resources.declaration import (
    Call,
    Field,
    Json,
    On,
    Power,
    Read,
    ResourceType,
    Wait,
)

BASE: Final = "/api/2.0/apps"
ONE: Final = BASE + "/{id}"
DEPLOYED: Final = ("source_code_path", "config", "git_source")
MASK: Final = (
    "description",
    "budget_policy_id",
    "usage_policy_id",
    "resources",
    "user_api_scopes",
    "forward_user_access_token",
    "compute_size",
    "compute_min_instances",
    "compute_max_instances",
    "git_repository",
    "telemetry_export_destinations",
)
ANSWERS: Final = (
    "active_deployment",
    "app_status",
    "compute_status",
    "create_time",
    "creator",
    "default_git_source",
    "default_source_code_path",
    "effective_budget_policy_id",
    "effective_usage_policy_id",
    "effective_user_api_scopes",
    "id",
    "oauth2_app_client_id",
    "oauth2_app_integration_id",
    "pending_deployment",
    "service_principal_client_id",
    "service_principal_id",
    "service_principal_name",
    "thumbnail_url",
    "update_time",
    "updater",
    "url",
)


def app_of(desired: Json) -> Json:
    """The app itself: all that does not belong to a deployment."""
    return {name: item for name, item in desired.items() if name not in (*DEPLOYED, "lifecycle")}


def changed_app(desired: Json, recorded: Json, _id: str) -> Json:
    """The request that updates the app, which names the fields it speaks of."""
    return {"app": app_of(desired), "update_mask": ",".join(MASK)}


def deployment(desired: Json, recorded: Json, _id: str) -> Json:
    """A snapshot of the source, with command and environment."""
    config = desired.get("config") or {}
    git = desired.get("git_source") or {}
    parts = {
        "source_code_path": desired.get("source_code_path"),
        # The repository is the app's own; a deployment names what to take of it.
        "git_source": {name: item for name, item in git.items() if name != "git_repository"},
        "command": config.get("command"),
        "env_vars": config.get("env"),
    }
    return {"mode": "SNAPSHOT", **{name: item for name, item in parts.items() if item}}


def with_deployment(got: Json) -> Json:
    """The app with what its active deployment runs."""
    active = got.get("active_deployment")
    if not active:
        return dict(got)
    config = {"command": active.get("command"), "env": active.get("env_vars")}
    shown = {
        "source_code_path": got.get("default_source_code_path"),
        "git_source": active.get("git_source"),
        "config": {name: item for name, item in config.items() if item} or None,
    }
    return {**got, **{name: item for name, item in shown.items() if item}}


def compute_state(got: Json) -> str:
    """`ACTIVE`, `STOPPED`, …; nothing when the answer has none."""
    return str((got.get("compute_status") or {}).get("state") or "")


def only_deployed(
    path: str, old: object, new: object, remote: object, record: Json
) -> tuple[str, str] | None:
    """What is only deployed can't differ before anything was."""
    top = re.split(r"[.\[]", path, maxsplit=1)[0]
    if top in DEPLOYED and not record.get("active_deployment"):
        return "skip", "no active deployment"
    return None


READY: Final = Wait(
    path=ONE,
    ready={"compute_status.state": ("ACTIVE",)},
    failed={"compute_status.state": ("ERROR",)},
    message="compute_status.message",
)

APPS: Final = ResourceType(
    key="apps",
    title="App",
    service="apps",
    create=Call(
        method="POST",
        path=BASE,
        body=lambda desired, recorded, id: app_of(desired),
        query={"no_compute": lambda desired: not (desired.get("lifecycle") or {}).get("started")},
        retry_on="(?i)deleting|being deleted",
    ),
    read=Read(
        path=ONE,
        configuration=with_deployment,
        record=with_deployment,
        is_gone=lambda got: compute_state(got) == "DELETING",
    ),
    update=(
        Call(
            method="POST",
            path=ONE + "/update",
            body=changed_app,
            unless_only=(*DEPLOYED, "lifecycle"),
            then=Wait(
                path=ONE + "/update",
                ready={"status.state": ("SUCCEEDED",)},
                failed={"status.state": ("FAILED",)},
                message="status.message",
            ),
        ),
    ),
    delete=Call(method="DELETE", path=ONE),
    id=lambda sent, got: str(got["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.ID, "users know the app's address by it"),
        Field("compute_size", On.SERVER_DEFAULT, "the service chooses one"),
        Field("forward_user_access_token", On.SERVER_DEFAULT, "the workspace decides it"),
        Field("lifecycle", On.SERVER_DEFAULT, "started and stopped by people too"),
        Field("space", On.IGNORE_REMOTE, "no call changes it"),
        Field("git_source", On.INPUT_ONLY, "read back in the deployment"),
        Field("source_code_path", On.INPUT_ONLY, "read back in the deployment"),
        *(Field(name, On.OUTPUT_ONLY, "set by the service") for name in ANSWERS),
    ),
    decides=only_deployed,
    unsent=("lifecycle",),
    power=Power(
        start=Call(method="POST", path=ONE + "/start", then=READY),
        stop=Call(
            method="POST",
            path=ONE + "/stop",
            then=Wait(
                path=ONE,
                ready={"compute_status.state": ("STOPPED",)},
                failed={"compute_status.state": ("ERROR",)},
                message="compute_status.message",
            ),
        ),
        is_on=lambda got: compute_state(got) not in ("", "STOPPED", "ERROR"),
        deploy=Call(
            method="POST",
            path=ONE + "/deployments",
            body=deployment,
            then=Wait(
                path=ONE + "/deployments/{deployment_id}",
                ready={"status.state": ("SUCCEEDED",)},
                failed={"status.state": ("FAILED", "CANCELLED")},
                message="status.message",
            ),
        ),
    ),
    required=("name",),
    wait=Wait(
        path=ONE,
        ready={"compute_status.state": ("ACTIVE", "STOPPED")},
        failed={"compute_status.state": ("ERROR",)},
        message="compute_status.message",
    ),
    url="apps/{id}",
    loses_data="the app's service principal and its rights",
    permissions="/apps/",
)
