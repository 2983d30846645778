"""Apps and deployments as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from brickyard.workspace.apps.gate import ALWAYS_SCOPES
from brickyard.workspace.apps.records import ACTIVE, DELETING, STOPPED, STOPPING, App
from brickyard.workspace.apps.runs import RUNNING, Status
from brickyard.workspace.kernel import Document
from brickyard.workspace.kernel.loopback import LOOPBACK

COMPUTE: Final = {
    ACTIVE: "App compute is running.",
    STOPPING: "App compute is stopping.",
    STOPPED: "App compute is stopped.",
    DELETING: "App is being deleted.",
}


def show_app(
    app: App, status: Status, deployments: Mapping[str, Document], *, with_values: bool
) -> dict[str, Any]:
    """`with_values`: values of environment variables too, for who manages the app."""
    settings, body = app.settings, app.body
    scopes = settings.get("user_api_scopes") or ()
    is_on = app.compute == ACTIVE
    shown: dict[str, Any] = {
        "name": app.name,
        **settings,
        "id": app.id,
        "url": f"http://{LOOPBACK}:{body['port']}",
        "app_status": {
            "state": status.state,
            "message": status.message,
            "running_instances": int(status.state == RUNNING),
        },
        "compute_status": {
            "state": app.compute,
            "message": COMPUTE[app.compute],
            "active_instances": int(is_on),
        },
        "creator": app.creator,
        "create_time": _time(app.created_ms),
        "updater": body["updater"],
        "update_time": _time(app.updated_ms),
        "service_principal_id": body["principal"]["id"],
        "service_principal_client_id": app.client_id,
        "service_principal_name": body["principal"]["name"],
        "oauth2_app_client_id": body["oauth2_app_client_id"],
        "oauth2_app_integration_id": body["oauth2_app_integration_id"],
        "effective_user_api_scopes": sorted({*ALWAYS_SCOPES, *scopes}),
        "default_source_code_path": body["default_source_code_path"],
    }
    for policy in ("budget_policy_id", "usage_policy_id"):
        if settings.get(policy):
            shown[f"effective_{policy}"] = settings[policy]
    for which, one in deployments.items():
        shown[f"{which}_deployment"] = show_deployment(one, with_values=with_values)
    return {name: item for name, item in shown.items() if item not in ("", [], None)}


def show_deployment(one: Document, *, with_values: bool = False) -> dict[str, Any]:
    """Alone, a deployment shows the names of its variables only, as the real service does."""
    shown = {
        "deployment_id": one.id,
        "creator": one.creator,
        "create_time": _time(one.created_ms),
        "update_time": _time(one.updated_ms),
        **one.body,
    }
    if "env_vars" in shown and not with_values:
        shown["env_vars"] = [{"name": given["name"]} for given in shown["env_vars"]]
    return shown


def show_update(app: App) -> dict[str, Any]:
    """The last update of the app: it is done when it is answered."""
    update = app.body.get("update")
    if update is None:
        return {"status": {"state": "NOT_UPDATED", "message": "The app was not updated yet."}}
    return {**update, "status": {"state": "SUCCEEDED", "message": "The app was updated."}}


def _time(ms: int) -> str:
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
