"""The Files API, as `files` of the SDK and MLflow's artifact stores call it.

A file is put whole: by one PUT, in parts (initiate, upload each, complete), to a signed address, or
in one stream that may be broken off (`resuming.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any

from brickyard.workspace.files import resuming, store
from brickyard.workspace.files.engine import need_removable
from brickyard.workspace.files.places import Place
from brickyard.workspace.files.signing import LIFETIME_S, Expired, Signed
from brickyard.workspace.kernel import ApiError, Call, Json, Principal, Reply, Route, invalid

FILES = "/api/2.0/fs/files/{path...}"
FOLDERS = "/api/2.0/fs/directories/{path...}"
SIGNED = "/api/2.0/fs/signed"
BINARY = "application/octet-stream"
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
PARTS_AT_ONCE = 1000
STREAM = -1  # in the place of a part's number: the whole, in one stream


@dataclass(frozen=True, slots=True, kw_only=True)
class PartUrls:
    path: str
    session_token: str
    start_part_number: int
    count: int
    expire_time: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableUrl:
    path: str
    session_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortUrl:
    path: str
    session_token: str
    expire_time: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    part_number: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    parts: Sequence[Part]


def fetch(call: Call) -> Reply:
    return _file(call, _place(call, write=False))


def put(call: Call) -> Reply:
    if call.query("session_token"):
        allowed = _session(call, call.query("session_token"), _path(call))
        tag = call.engines.files.uploads.add(
            allowed.session, call.integer("part_number"), _content(call)
        )
        return Reply(status=200, body=b"", headers={"ETag": tag})
    place = _place(call, write=True)
    overwrite = call.flag("overwrite")
    if not overwrite:
        store.need_absent(place)
    _keep(call, place, _draft(call), overwrite=overwrite)
    return Reply(status=204)


def drop(call: Call) -> Reply:
    place = _place(call, write=True)
    store.drop_file(place)
    _dropped(call, place)
    return Reply(status=204)


def act(call: Call) -> Json:
    """POST on a file: the steps of an upload in parts."""
    action = call.query("action")
    if action == "initiate-upload":
        return _initiate(call)
    if action == "complete-upload":
        return _complete(call)
    if action == "abort-upload":
        allowed = _session(call, call.query("session_token"), _path(call))
        call.engines.files.uploads.end(allowed.session)
        return {}
    raise invalid(f"action must be initiate-upload, complete-upload or abort-upload: {action!r}")


def look_at_folder(call: Call) -> Reply:
    store.need_folder(_place(call, write=False))
    return Reply(status=200, body=b"")


def browse(call: Call) -> Json:
    return call.page("contents", store.listing(_place(call, write=False)), _show)


def make_folder(call: Call) -> Reply:
    store.make_folder(_place(call, write=True))
    return Reply(status=204)


def drop_folder(call: Call) -> Reply:
    place = _place(call, write=True)
    if place.path.startswith("/Workspace"):
        need_removable(place.parts)
    store.drop_folder(place)
    _dropped(call, place)
    return Reply(status=204)


def download_url(call: Call) -> Json:
    path = _given(call, "path")
    store.file_at(_find(call, call.principal, path, write=False))
    return _address(call, "GET", path)


def upload_url(call: Call) -> Json:
    path = _given(call, "path")
    _find(call, call.principal, path, write=True)
    return _address(call, "PUT", path, overwrite=True)


def part_urls(call: Call) -> Json:
    want = call.read(PartUrls)
    session = _session(call, want.session_token, want.path).session
    last = want.start_part_number + min(max(want.count, 1), PARTS_AT_ONCE)
    addresses = [
        {"part_number": part, **_address(call, "PUT", want.path, session=session, part=part)}
        for part in range(want.start_part_number, last)
    ]
    return {"upload_part_urls": addresses}


def resumable_url(call: Call) -> Json:
    want = call.read(ResumableUrl)
    allowed = _session(call, want.session_token, want.path)
    more = {"session": allowed.session, "part": STREAM, "overwrite": allowed.overwrite}
    return {"resumable_upload_url": _address(call, "PUT", want.path, **more)}


def abort_url(call: Call) -> Json:
    want = call.read(AbortUrl)
    session = _session(call, want.session_token, want.path).session
    return {"abort_upload_url": _address(call, "DELETE", want.path, session=session)}


def use_signed(call: Call) -> Reply:
    """A request to a signed address: who asked for it must still be allowed to."""
    engine = call.engines.files
    try:
        allowed = engine.signer.read(call.query("token"))
    except Expired:
        return Reply(status=403, body=EXPIRED, headers={"Content-Type": "application/xml"})
    wanted = "GET" if call.method == "HEAD" else call.method
    is_stream = bool(allowed.session) and allowed.part == STREAM
    ends = is_stream and wanted == "DELETE"
    if (allowed.method != wanted and not ends) or allowed.workspace != call.workspace.name:
        raise ApiError("PERMISSION_DENIED", "This address was signed for another use")
    who = call.engines.identity.principal(allowed.user, call.workspace.name)
    if wanted == "DELETE":
        engine.uploads.end(allowed.session)
        return Reply(status=200, body=b"")
    place = _find(call, who, allowed.path, write=wanted == "PUT")
    if wanted == "GET":
        return _file(call, place)
    if is_stream:
        return _resume(call, place, allowed)
    if allowed.session:
        tag = engine.uploads.add(allowed.session, allowed.part, _content(call))
        return Reply(status=200, body=b"", headers={"ETag": tag})
    _keep(call, place, _draft(call), overwrite=allowed.overwrite)
    return Reply(status=200, body=b"")


def _resume(call: Call, place: Place, allowed: Signed) -> Reply:
    """The next bytes of a stream, or the question how many there are."""
    uploads = call.engines.files.uploads
    folder = uploads.place(allowed.session)
    if resuming.is_done(folder):
        return Reply(status=200, body=b"")
    asked = resuming.read_range(call.header("content-range"))
    size = resuming.took(folder)
    if asked.first is not None:
        size = resuming.append(folder, asked, _content(call))
    if asked.total is None or size < asked.total:
        there = {"Range": f"bytes=0-{size - 1}"} if size else {}
        return Reply(status=308, body=b"", headers=there)
    store.put(place, resuming.finish(folder), overwrite=allowed.overwrite)
    resuming.close(folder)
    return Reply(status=200, body=b"")


def _initiate(call: Call) -> Json:
    place = _place(call, write=True)
    overwrite = call.flag("overwrite")
    if not overwrite:
        store.need_absent(place)
    engine = call.engines.files
    session = Signed(
        method="POST",
        workspace=call.workspace.name,
        user=call.principal.user_name,
        path=place.path,
        session=engine.uploads.begin(),
        overwrite=overwrite,
    )
    token = engine.signer.sign(session, lifetime_s=24 * LIFETIME_S)
    kind = "resumable_upload" if resuming.OFFERED else "multipart_upload"
    return {kind: {"session_token": token}}


def _complete(call: Call) -> Json:
    want = call.read(Complete)
    path = _path(call)
    allowed = _session(call, call.query("session_token"), path)
    place = _find(call, call.principal, path, write=True)
    uploads = call.engines.files.uploads
    whole = uploads.join(allowed.session, {part.part_number: part.etag for part in want.parts})
    _keep(call, place, whole, overwrite=allowed.overwrite)
    uploads.end(allowed.session)
    return {}


def _session(call: Call, token: str, path: str) -> Signed:
    """The upload that the token names, if it is the caller's and of this path."""
    try:
        allowed = call.engines.files.signer.read(token)
    except Expired:
        raise ApiError("PERMISSION_DENIED", "This upload has expired; start it again") from None
    mine = (allowed.workspace, allowed.user) == (call.workspace.name, call.principal.user_name)
    same = [part for part in allowed.path.split("/") if part] == [
        part for part in path.split("/") if part
    ]
    if not mine or not same or not allowed.session:
        raise ApiError("PERMISSION_DENIED", "This session_token belongs to another upload")
    return allowed


def _address(call: Call, method: str, path: str, **more: Any) -> dict[str, Any]:
    allowed = Signed(
        method=method,
        workspace=call.workspace.name,
        user=call.principal.user_name,
        path=path,
        **more,
    )
    token = call.engines.files.signer.sign(allowed)
    return {"url": f"{call.workspace.url}{SIGNED}?token={token}", "headers": []}


def _file(call: Call, place: Place) -> Reply:
    real, seen = store.file_at(place)
    limit = call.header("if-unmodified-since")
    if limit and _is_newer(seen.st_mtime, limit):
        raise ApiError(
            "FAILED_PRECONDITION", f"{place.path} was modified since {limit}", status=412
        )
    modified = formatdate(int(seen.st_mtime), usegmt=True)
    return Reply(body=real, headers={"Last-Modified": modified, "Content-Type": BINARY})


def _is_newer(mtime: float, limit: str) -> bool:
    try:
        moment = parsedate_to_datetime(limit)
    except ValueError:
        return False  # HTTP asks to ignore a date that cannot be read
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return datetime.fromtimestamp(int(mtime), UTC) > moment


def _keep(call: Call, place: Place, draft: Path, *, overwrite: bool) -> None:
    try:
        store.put(place, draft, overwrite=overwrite)
    finally:
        draft.unlink(missing_ok=True)


def _dropped(call: Call, place: Place) -> None:
    if place.path.startswith("/Workspace/"):
        path = place.path.removeprefix("/Workspace")
        call.engines.files.dropped_on_disk(call.workspace, path)


def _draft(call: Call) -> Path:
    """The body as a file that may be moved away."""
    return call.body_path() or call.engines.files.draft(call.workspace, call.body())


def _content(call: Call) -> Path | bytes:
    return call.body_path() or call.body()


def _place(call: Call, *, write: bool) -> Place:
    return _find(call, call.principal, _path(call), write=write)


def _find(call: Call, who: Principal, path: str, *, write: bool) -> Place:
    return call.engines.files.places.find(who, call.workspace, path, write=write)


def _path(call: Call) -> str:
    return "/" + call.path["path"]


def _given(call: Call, name: str) -> str:
    """A parameter that some clients send in the query and others in the body."""
    value = call.query(name)
    body = {} if value else call.json()
    value = value or str(body.get(name, "") if isinstance(body, dict) else "")
    if not value:
        raise invalid(f"{name} is required")
    return value if value.startswith("/") else f"/{value}"


def _show(entry: store.Entry) -> dict[str, Any]:
    shown = {
        "path": entry.path,
        "name": entry.name,
        "is_directory": entry.is_folder,
        "last_modified": entry.modified_ms,
    }
    return shown if entry.is_folder else shown | {"file_size": entry.size}


ROUTES = (
    Route("GET", FILES, fetch),
    Route("HEAD", FILES, fetch),
    Route("PUT", FILES, put),
    Route("POST", FILES, act),
    Route("DELETE", FILES, drop),
    Route("GET", FOLDERS, browse),
    Route("HEAD", FOLDERS, look_at_folder),
    Route("PUT", FOLDERS, make_folder),
    Route("DELETE", FOLDERS, drop_folder),
    Route("POST", "/api/2.0/fs/create-download-url", download_url),
    Route("POST", "/api/2.0/fs/create-upload-url", upload_url),
    Route("POST", "/api/2.0/fs/create-upload-part-urls", part_urls),
    Route("POST", "/api/2.0/fs/create-resumable-upload-url", resumable_url),
    Route("POST", "/api/2.0/fs/create-abort-upload-url", abort_url),
    *(Route(method, SIGNED, use_signed, auth=False) for method in ("GET", "PUT", "DELETE")),
)
