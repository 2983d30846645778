"""Folders and files of the workspace."""

from __future__ import annotations

import base64
from typing import Final

from brickyard.workspace.pages.api import Api
from brickyard.workspace.pages.blocks import Page, Table, Text, address, cell, cut, moment
from brickyard.workspace.pages.releases import folder_of, record
from brickyard.workspace.pages.rendering import size

SECTION: Final = "files"


async def at(api: Api, path: str = "") -> Page:
    """What lies at a path of the workspace: a folder's content or a file's text."""
    whole = "/" + path.strip("/")
    whole = whole.removeprefix("/Workspace") or "/"
    found = await api.get("/api/2.0/workspace/get-status", path=whole)
    parts = [part for part in whole.split("/") if part]
    above = [("Files", "/files")]
    above += [
        (part, address("files", *parts[: number + 1])) for number, part in enumerate(parts[:-1])
    ]
    title = parts[-1] if parts else "Files"
    kind = str(found.get("object_type") or "").capitalize()
    if found.get("object_type") in ("DIRECTORY", "REPO"):
        return Page(
            title=title,
            kind=kind if parts else "",
            section=SECTION,
            above=above if parts else (),
            blocks=[await _content(api, whole)],
        )
    content = await _text(api, whole)
    if whole.endswith(".json") and folder_of(whole) and content is not None:
        return record(whole, content, above)
    shown = "This file is not text." if content is None else cut(content)
    block = Text(title="Content", text=shown)
    return Page(title=title, kind=kind, section=SECTION, above=above, blocks=[block])


async def _content(api: Api, path: str) -> Table:
    found = await api.get("/api/2.0/workspace/list", path=path)
    objects = sorted(
        found.get("objects") or (),
        key=lambda one: (one["object_type"] not in ("DIRECTORY", "REPO"), one["path"]),
    )
    rows = [
        (
            cell(
                one["path"].rpartition("/")[2],
                address("files", *one["path"].removeprefix("/Workspace").strip("/").split("/")),
            ),
            cell(one["object_type"].lower()),
            cell(size(one.get("size"))),
            moment(one.get("modified_at")),
        )
        for one in objects
    ]
    columns = ("Name", "Kind", "Size", "Changed")
    return Table(title=path, columns=columns, rows=rows, empty="This folder is empty.")


async def _text(api: Api, path: str) -> str | None:
    """A file as text; None when it is none."""
    found = await api.get("/api/2.0/workspace/export", path=path, format="SOURCE")
    try:
        text = base64.b64decode(found.get("content") or "").decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
