"""Genie spaces. The recorded `etag` tells whether somebody edited the space in the workspace."""

from __future__ import annotations

from typing import Final

from brickyard.resources.dashboards import etag_decides
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

BASE: Final = "/api/2.0/genie/spaces"
ONE: Final = BASE + "/{id}"
SETTABLE: Final = ("description", "parent_path", "serialized_space", "title", "warehouse_id")


def in_workspace(got: Json) -> Json:
    """The space with its folder written below /Workspace."""
    shown = {name: item for name, item in got.items() if name != "space_id"}
    folder = str(got.get("parent_path") or "")
    if folder and folder != "/Workspace" and not folder.startswith("/Workspace/"):
        shown["parent_path"] = f"/Workspace/{folder.strip('/')}"
    return shown


GENIE_SPACES: Final = ResourceType(
    key="genie_spaces",
    title="Genie space",
    service="genie",
    create=Call(method="POST", path=BASE, fields=SETTABLE),
    read=Read(
        path=ONE,
        query={"include_serialized_space": "true"},
        configuration=in_workspace,
        record=in_workspace,
    ),
    update=(Call(method="PATCH", path=ONE, fields=SETTABLE),),
    delete=Call(method="DELETE", path=ONE),
    id=lambda sent, got: str(got["space_id"]),
    lookup=Lookup(path=BASE, items="spaces", id="space_id", name="title", also=("parent_path",)),
    learned=lambda got: {"etag": got["etag"]} if got.get("etag") else {},
    fields=(
        Field("serialized_space", On.IGNORE_REMOTE, "told by the etag", reason="etag_based"),
        Field("etag", On.OUTPUT_ONLY, "counts the space's versions"),
    ),
    decides=etag_decides,
    required=("title", "warehouse_id"),
    local=(*LOCAL, "file_path"),
    folder_field="parent_path",
    url="genie/rooms/{id}",
    name_field="title",
    prefix=Prefix.PLAIN,
    loses_data="the space's conversations",
    permissions="/genie/",
)
