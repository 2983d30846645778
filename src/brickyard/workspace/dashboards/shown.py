"""Dashboards, schedules and subscriptions as the API answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.dashboards.engine import Dashboard, text_of
from brickyard.workspace.kernel import Document
from brickyard.workspace.kernel.clock import instant


def dashboard(one: Dashboard) -> dict[str, Any]:
    """All of it; of one in the trash, what is still known."""
    shown = {
        **summary(one),
        "etag": str(one.etag),
        "update_time": instant(one.updated_ms),
    }
    if one.file is None:
        return shown | {"parent_path": f"/Users/{one.creator}/Trash"}
    return shown | {
        "parent_path": one.file.path.rpartition("/")[0] or "/",
        "path": one.file.path,
        "serialized_dashboard": text_of(one),
    }


def summary(one: Dashboard) -> dict[str, Any]:
    """As lists have it."""
    return {
        "dashboard_id": one.id,
        "display_name": one.name,
        "lifecycle_state": "TRASHED" if one.is_trashed else "ACTIVE",
        "create_time": instant(one.created_ms),
        **({"warehouse_id": one.warehouse_id} if one.warehouse_id else {}),
    }


def publication(public: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "display_name": public["display_name"],
        "embed_credentials": public["embed_credentials"],
        "revision_create_time": instant(public["revision_ms"]),
        **({"warehouse_id": public["warehouse_id"]} if public["warehouse_id"] else {}),
    }


def schedule(one: Document) -> dict[str, Any]:
    return _kept(one) | {"schedule_id": one.id, "dashboard_id": one.name}


def subscription(one: Document, dashboard_id: str) -> dict[str, Any]:
    named = {"subscription_id": one.id, "schedule_id": one.name, "dashboard_id": dashboard_id}
    return _kept(one) | named


def _kept(one: Document) -> dict[str, Any]:
    return {
        **one.body,
        "etag": str(one.body["etag"]),
        "create_time": instant(one.created_ms),
        "update_time": instant(one.updated_ms),
    }
