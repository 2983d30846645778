"""AI/BI dashboards: a draft that is published after every change.

The draft's `etag` is recorded: another one in the workspace means that somebody edited it there.
The published version is read too; one older than the draft is published again.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from brickyard.resources.declaration import (
    LOCAL,
    Call,
    Field,
    Json,
    Lookup,
    On,
    Prefix,
    Read,
    ResourceType,
)

BASE: Final = "/api/2.0/lakeview/dashboards"
ONE: Final = BASE + "/{id}"
DRAFT: Final = ("display_name", "etag", "parent_path", "serialized_dashboard", "warehouse_id")
ANSWERS: Final = ("create_time", "dashboard_id", "lifecycle_state", "path", "update_time")
DATASETS: Final = {"dataset_catalog": "{dataset_catalog}", "dataset_schema": "{dataset_schema}"}


def recorded(value: Json) -> Json:
    """A dashboard of a bundle is always published; its text is a text."""
    kept = {name: item for name, item in value.items() if name not in (*LOCAL, "file_path")}
    text = kept.get("serialized_dashboard")
    if text is not None and not isinstance(text, str):
        kept["serialized_dashboard"] = json.dumps(text, separators=(",", ":"))
    return {**kept, "published": True}


def draft(desired: Json, recorded: Json, _id: str) -> Json:
    """The part of the configuration that the draft takes, with the recorded etag."""
    return {name: desired[name] for name in DRAFT if name in desired}


def publication(desired: Json, recorded: Json, _id: str) -> Json:
    """How the draft is published."""
    shown = {"embed_credentials": bool(desired.get("embed_credentials"))}
    warehouse = desired.get("warehouse_id")
    return {**shown, **({"warehouse_id": warehouse} if warehouse else {})}


def with_publication(got: Json) -> Json:
    """The draft, and whether what is published is as new."""
    shown = {name: item for name, item in got.items() if name != "published_version"}
    public = got.get("published_version")
    shown["embed_credentials"] = bool((public or {}).get("embed_credentials"))
    shown["published"] = public is not None and _is_current(got, public)
    folder = shown.get("parent_path")
    if folder and folder != "/Workspace" and not folder.startswith("/Workspace/"):
        shown["parent_path"] = f"/Workspace/{folder.strip('/')}"
    return shown


def _is_current(got: Json, public: Json) -> bool:
    try:
        changed = datetime.fromisoformat(got["update_time"])
        return datetime.fromisoformat(public["revision_create_time"]) >= changed
    except (KeyError, ValueError, TypeError):
        return True


def etag_decides(
    path: str, old: object, new: object, remote: object, record: Json
) -> tuple[str, str] | None:
    """The etag as it was recorded: nobody else changed it."""
    if path != "etag":
        return None
    return ("skip", "custom") if old == remote else ("update", "custom")


DASHBOARDS: Final = ResourceType(
    key="dashboards",
    title="Dashboard",
    service="lakeview",
    create=Call(method="POST", path=BASE, body=draft, query=DATASETS),
    read=Read(
        path=ONE,
        also={"published_version": ONE + "/published"},
        configuration=with_publication,
        record=with_publication,
        is_gone=lambda got: got.get("lifecycle_state") == "TRASHED",
    ),
    update=(Call(method="PATCH", path=ONE, body=draft, query=DATASETS),),
    after=(Call(method="POST", path=ONE + "/published", body=publication),),
    delete=Call(method="DELETE", path=ONE),
    id=lambda sent, got: str(got["dashboard_id"]),
    lookup=Lookup(
        path=BASE,
        items="dashboards",
        id="dashboard_id",
        name="display_name",
        query={"page_size": "1000"},
        also=("parent_path",),
        file="{parent_path}/{display_name}.lvdash.json",
    ),
    recorded=recorded,
    learned=lambda got: {"etag": got["etag"]} if got.get("etag") else {},
    unsent=("published",),
    fields=(
        Field("serialized_dashboard", On.IGNORE_REMOTE, "told by the etag", reason="etag_based"),
        Field("dataset_catalog", On.IGNORE_REMOTE, "not returned", reason="input_only"),
        Field("dataset_schema", On.IGNORE_REMOTE, "not returned", reason="input_only"),
        Field("parent_path", On.RECREATE, "a draft stays in its folder", reason="spec:immutable"),
        *(Field(name, On.OUTPUT_ONLY, "set by the service") for name in ANSWERS),
    ),
    decides=etag_decides,
    required=("display_name", "warehouse_id"),
    local=(*LOCAL, "file_path"),
    folder_field="parent_path",
    url="dashboardsv3/{id}/published",
    name_field="display_name",
    prefix=Prefix.PLAIN,
    loses_data="the dashboard's schedules and subscriptions",
    permissions="/dashboards/",
)
