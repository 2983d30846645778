"""Clusters, pools and policies as the API shows them, with what the service fills in."""

from __future__ import annotations

from typing import Any, Final

from brickyard.workspace.compute.settings import completed
from brickyard.workspace.kernel import Document

VENDOR: Final = {"Vendor": "Databricks"}
TIMES: Final = {
    "started_ms": "start_time",
    "restarted_ms": "last_restarted_time",
    "terminated_ms": "terminated_time",
}
COUNTS: Final = ("used_count", "idle_count", "pending_used_count", "pending_idle_count")
NO_MACHINES: Final = dict.fromkeys(COUNTS, 0)


def show_cluster(one: Document) -> dict[str, Any]:
    body = one.body
    shown = {
        **completed(body["settings"], one.creator),
        "cluster_id": one.id,
        "cluster_source": "API",
        "creator_user_name": body["owner"],
        "default_tags": {
            **VENDOR,
            "Creator": body["owner"],
            "ClusterName": body["settings"].get("cluster_name", ""),
            "ClusterId": one.id,
        },
        "spec": body["settings"],
        "state": body["state"],
        "state_message": "",
        **{shown: body[kept] for kept, shown in TIMES.items() if kept in body},
    }
    if "terminated_by" in body:
        shown["termination_reason"] = {
            "code": "USER_REQUEST",
            "type": "SUCCESS",
            "parameters": {"username": body["terminated_by"]},
        }
    return shown


def show_pool(one: Document) -> dict[str, Any]:
    return {
        **one.body,
        "instance_pool_id": one.id,
        "default_tags": {
            **VENDOR,
            "DatabricksInstancePoolCreatorId": one.creator,
            "DatabricksInstancePoolId": one.id,
        },
        "state": "ACTIVE",
        "stats": NO_MACHINES,
        "status": {},
    }


def show_policy(one: Document) -> dict[str, Any]:
    return {
        **one.body,
        "policy_id": one.id,
        "name": one.name,
        "creator_user_name": one.creator,
        "created_at_timestamp": one.created_ms,
        "is_default": False,
    }
