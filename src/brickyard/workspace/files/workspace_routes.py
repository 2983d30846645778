"""Workspace objects, as `workspace` of the SDK and the CLI's file client call them.

Files, folders, notebooks, Git folders. Left out: DBC archives, HTML and R Markdown, import of
dashboards (they are made by their own service).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as Disk
from pathlib import PurePosixPath
from typing import Any

from brickyard.workspace.files import notebooks
from brickyard.workspace.files.engine import WorkspaceObject
from brickyard.workspace.files.forms import fields
from brickyard.workspace.files.tree import Found, Kind
from brickyard.workspace.kernel import Call, Json, Reply, Route, invalid
from brickyard.workspace.kernel.decode import decode

BASE = "/api/2.0/workspace"
RAW = "/api/2.0/workspace-files"
TYPES = {"dashboards": "DASHBOARD"}  # of what belongs to another service; the others are files


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    path: str
    content: str = ""
    format: str = "SOURCE"
    language: str | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    path: str
    recursive: bool = False


def take(call: Call) -> Json:
    """Import: a JSON body with base64, or a multipart form."""
    if call.header("content-type").startswith("multipart/form-data"):
        want, content = _from_form(call)
    else:
        want = call.read(Import)
        content = _decoded(want.content)
    path, suffix, content = _judged(want, content)
    draft = call.engines.files.draft(call.workspace, content)
    _put_draft(call, path, draft, suffix=suffix, overwrite=want.overwrite)
    return {}


def take_raw(call: Call) -> Json:
    """Import-file: the body is the content; what it is follows from name and first line."""
    path = "/" + call.path["path"]
    draft = call.body_path() or call.engines.files.draft(call.workspace, call.body())
    with draft.open("rb") as file:
        suffix = notebooks.notebook_suffix(path, file.read(notebooks.HEAD_BYTES))
    path, overwrite = path.removesuffix(suffix), call.flag("overwrite")
    _put_draft(call, path, draft, suffix=suffix, overwrite=overwrite)
    return {}


def give_raw(call: Call) -> Reply:
    path = "/" + call.path["path"]
    return Reply(body=_content_of(_need_content(call, path)).disk)


def export(call: Call) -> Json | Reply:
    found = _need_content(call, _asked(call))
    content, kind = _in_format(found, call.query("format") or "SOURCE")
    if call.flag("direct_download"):
        name = PurePosixPath(found.path).name.encode("ascii", "replace").decode()
        headers = {"Content-Type": "application/octet-stream"}
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Reply(body=content, headers=headers)
    return {"content": base64.b64encode(content).decode(), "file_type": kind}


def status(call: Call) -> Json:
    found = call.engines.files.status(call.principal, call.workspace, _asked(call))
    shown = dict(_show(found))
    folder = call.engines.git.around(call.workspace, found.path)
    if folder is not None and folder.id == str(found.id):
        shown["object_type"] = "REPO"
    if folder is not None and call.flag("return_git_info"):
        shown["git_info"] = call.engines.git.info(folder)
    return shown


def browse(call: Call) -> Json:
    found = call.engines.files.listing(call.principal, call.workspace, _asked(call))
    after = call.integer("notebooks_modified_after")
    repos = call.engines.git.ids(call.workspace)
    shown = [
        {**_show(one), "object_type": "REPO"} if str(one.id) in repos else _show(one)
        for one in found
        if one.kind is not Kind.NOTEBOOK or one.modified_ms >= after
    ]
    return {"objects": shown} if shown else {}


def make_folder(call: Call) -> Json:
    call.engines.files.make_folder(call.principal, call.workspace, call.read(Path).path)
    return {}


def drop(call: Call) -> Json:
    want = call.read(Delete)
    call.engines.files.drop(call.principal, call.workspace, want.path, recursive=want.recursive)
    return {}


def _put_draft(call: Call, path: str, draft: Disk, *, suffix: str, overwrite: bool) -> None:
    files = call.engines.files
    try:
        files.put(call.principal, call.workspace, path, draft, suffix=suffix, overwrite=overwrite)
    finally:
        draft.unlink(missing_ok=True)


def _from_form(call: Call) -> tuple[Import, bytes]:
    form = fields(call.body(), call.header("content-type"))
    text = {name: value.decode("utf-8", "replace") for name, value in form.items()}
    data: dict[str, Any] = {
        name: text[name] for name in ("path", "format", "language") if text.get(name)
    }
    data["overwrite"] = text.get("overwrite", "").lower() == "true"
    return decode(data, Import), form.get("content", b"")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("content is not valid base64") from None


def _judged(want: Import, content: bytes) -> tuple[str, str, bytes]:
    """Path without a notebook's extension, that extension or '', content as it is kept."""
    match want.format:
        case "AUTO" | "RAW":
            suffix = notebooks.notebook_suffix(want.path, content)
            return want.path.removesuffix(suffix), suffix, content
        case "JUPYTER":
            return want.path, notebooks.JUPYTER, notebooks.checked_jupyter(content)
        case "SOURCE":
            language = want.language or _language_of(want.path)
            if language not in notebooks.EXTENSION:
                known = ", ".join(notebooks.EXTENSION)
                raise invalid(f"language must be one of {known}, not {language!r}")
            suffix = notebooks.EXTENSION[language]
            return want.path, suffix, notebooks.marked(content, language)
    raise invalid(f"The format {want.format!r} is not supported: use AUTO, SOURCE, JUPYTER or RAW")


def _language_of(path: str) -> str:
    language = notebooks.LANGUAGES.get(PurePosixPath(path).suffix)
    if language is None:
        raise invalid(
            "language is required to import a notebook with format SOURCE;"
            " use format AUTO to import a file"
        )
    return language


def _asked(call: Call) -> str:
    path = call.query("path")
    if not path:
        raise invalid("path is required")
    return path


def _need_content(call: Call, path: str) -> Found:
    return _content_of(call.engines.files.readable(call.principal, call.workspace, path))


def _content_of(found: Found) -> Found:
    if found.kind is Kind.DIRECTORY:
        raise invalid(f"({found.path}) is a folder: export its objects one by one")
    return found


def _in_format(found: Found, format: str) -> tuple[bytes, str]:
    """An object's content in the format asked for, and its file type."""
    content = found.disk.read_bytes()
    suffix = found.disk.suffix
    if format not in ("SOURCE", "AUTO", "RAW", "JUPYTER"):
        raise invalid(f"The format {format!r} is not supported: use AUTO, SOURCE or JUPYTER")
    if found.kind is Kind.NOTEBOOK:
        if format == "SOURCE" and suffix == notebooks.JUPYTER:
            return notebooks.to_source(content), "py"
        if format == "JUPYTER" and suffix != notebooks.JUPYTER:
            assert found.language is not None
            return notebooks.to_jupyter(content, found.language), "ipynb"
    return content, suffix.removeprefix(".") or "file"


def _show(one: WorkspaceObject) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        "object_type": TYPES.get(one.claim.type, "FILE") if one.claim else one.kind.value,
        "object_id": one.id,
        "resource_id": one.claim.id if one.claim else str(one.id),
        "path": one.path,
    }
    if one.kind is Kind.DIRECTORY:
        return shown
    if one.language:
        shown["language"] = one.language
    else:
        shown["size"] = one.size
    return shown | {"created_at": one.created_ms, "modified_at": one.modified_ms}


ROUTES = (
    Route("POST", f"{BASE}/import", take),
    Route("GET", f"{BASE}/export", export),
    Route("GET", f"{BASE}/get-status", status),
    Route("GET", f"{BASE}/list", browse),
    Route("POST", f"{BASE}/mkdirs", make_folder),
    Route("POST", f"{BASE}/delete", drop),
    Route("POST", f"{RAW}/import-file/{{path...}}", take_raw),
    Route("GET", f"{RAW}/{{path...}}", give_raw),
)
