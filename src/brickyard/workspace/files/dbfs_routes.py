"""The DBFS API 2.0, as `dbfs` of the SDK and the CLI call it, and `POST /dbfs/<path>`.

The last is how MLflow puts the archive of a project in place: the body is the file. One that is
there already is refused in the words that MLflow takes for "done already".
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.files.dbfs import DbfsFile, need_block
from brickyard.workspace.files.forms import fields
from brickyard.workspace.kernel import ApiError, Call, Json, Route, invalid

BASE = "/api/2.0/dbfs"
READ_BYTES = 512 * 1024
FORM_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    path: str
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    handle: int
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    handle: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    path: str
    contents: str = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    path: str
    recursive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    source_path: str
    destination_path: str


def create(call: Call) -> Json:
    want = call.read(Create)
    handle = call.engines.files.dbfs.create(
        call.principal, call.workspace, want.path, overwrite=want.overwrite
    )
    return {"handle": handle}


def add_block(call: Call) -> Json:
    want = call.read(Block)
    data = _decoded(want.data, "data")
    call.engines.files.dbfs.add_block(call.principal, call.workspace, want.handle, data)
    return {}


def close(call: Call) -> Json:
    call.engines.files.dbfs.close(call.principal, call.workspace, call.read(Handle).handle)
    return {}


def put(call: Call) -> Json:
    """A JSON body with base64, or a multipart form, which may be larger."""
    if call.header("content-type").startswith("multipart/form-data"):
        _need_small_form(call)
        form = fields(call.body(), call.header("content-type"))
        path = form.get("path", b"").decode("utf-8", "replace")
        content = form.get("contents", b"")
        overwrite = form.get("overwrite", b"").strip().lower() == b"true"
    else:
        want = call.read(Put)
        path, overwrite = want.path, want.overwrite
        content = _decoded(want.contents, "contents")
        need_block(content)
    call.engines.files.dbfs.put(call.workspace, path, content, overwrite=overwrite)
    return {}


def read(call: Call) -> Json:
    offset, length = _number(call, "offset", 0), _number(call, "length", READ_BYTES)
    data = call.engines.files.dbfs.read(call.workspace, _path(call), offset, length)
    return {"bytes_read": len(data), "data": base64.b64encode(data).decode()}


def status(call: Call) -> Json:
    return _show(call.engines.files.dbfs.status(call.workspace, _path(call)))


def browse(call: Call) -> Json:
    found = call.engines.files.dbfs.listing(call.workspace, _path(call))
    return {"files": [_show(one) for one in found]} if found else {}


def make_folder(call: Call) -> Json:
    call.engines.files.dbfs.make_folder(call.workspace, call.read(Path).path)
    return {}


def delete(call: Call) -> Json:
    want = call.read(Delete)
    call.engines.files.dbfs.delete(call.workspace, want.path, recursive=want.recursive)
    return {}


def move(call: Call) -> Json:
    want = call.read(Move)
    call.engines.files.dbfs.move(call.workspace, want.source_path, want.destination_path)
    return {}


def take_raw(call: Call) -> Json:
    """A whole file as the body."""
    content = call.body_path() or call.body()
    path = "/" + call.path["path"]
    try:
        call.engines.files.dbfs.put(call.workspace, path, content, overwrite=False)
    except ApiError as refused:
        if refused.code != "RESOURCE_ALREADY_EXISTS":
            raise
        message = f"Error 409: File already exists: {path}"
        raise ApiError(refused.code, message, status=409) from None
    return {}


def _need_small_form(call: Call) -> None:
    """Forms are read in memory; what is larger goes up in blocks."""
    spooled = call.body_path()
    if spooled is not None and spooled.stat().st_size > FORM_BYTES:
        raise ApiError(
            "MAX_BLOCK_SIZE_EXCEEDED",
            f"A form of more than {FORM_BYTES} bytes: use create, add-block and close",
        )


def _path(call: Call) -> str:
    """The path asked for: in the query, or as MLflow sends it, in the body of a GET."""
    found = call.query("path") or str(call.fields().get("path", ""))
    if not found:
        raise invalid("path is required")
    return found


def _number(call: Call, name: str, default: int) -> int:
    return call.integer(name, default) if call.query(name) else default


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"{name} must be base64") from None


def _show(one: DbfsFile) -> dict[str, Any]:
    return {
        "path": one.path,
        "is_dir": one.is_dir,
        "file_size": one.size,
        "modification_time": one.modified_ms,
    }


ROUTES = (
    Route("POST", f"{BASE}/create", create),
    Route("POST", f"{BASE}/add-block", add_block),
    Route("POST", f"{BASE}/close", close),
    Route("POST", f"{BASE}/put", put),
    Route("GET", f"{BASE}/read", read),
    Route("GET", f"{BASE}/get-status", status),
    Route("GET", f"{BASE}/list", browse),
    Route("POST", f"{BASE}/mkdirs", make_folder),
    Route("POST", f"{BASE}/delete", delete),
    Route("POST", f"{BASE}/move", move),
    Route("POST", "/dbfs/{path...}", take_raw),
)
