"""The DBFS root of a workspace: files that whoever uses the workspace may read and write.

Follows the DBFS API 2.0: blocks of at most 1 MiB through a handle that ends after ten idle
minutes, errors by their documented codes. A file that is written through a handle appears when the
handle is closed, whole. Each workspace has a root of its own, which tasks see at `/dbfs`. Left out:
mounts (`/mnt` is a folder like others); volumes and MLflow's artifacts have APIs with rights of
their own, and are refused here.
"""

from __future__ import annotations

import os
import secrets
import stat
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from brickyard.workspace.files.paths import beneath, joined, parts_of
from brickyard.workspace.files.publish import Staging, publish
from brickyard.workspace.kernel import (
    ApiError,
    Home,
    Principal,
    WorkspaceInfo,
    denied,
    exists,
    invalid,
    not_found,
)

BLOCK_BYTES: Final = 1024 * 1024
IDLE_S: Final = 600.0
HANDLE_BITS: Final = 52
ELSEWHERE: Final[Mapping[tuple[str, ...], str]] = {
    ("Volumes",): "volumes are reached by the Files API",
    ("databricks", "mlflow-tracking"): "artifacts of runs are reached by MLflow",
    ("databricks", "mlflow-registry"): "artifacts of models are reached by MLflow",
}

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DbfsFile:
    """A file or folder of the root."""

    path: str
    is_dir: bool
    size: int
    modified_ms: int


@dataclass(slots=True, kw_only=True)
class Stream:
    """A file that is being written through a handle."""

    user: str
    workspace: str
    path: str
    overwrite: bool
    draft: Path
    used: float
    lock: threading.Lock = field(default_factory=threading.Lock)


class Dbfs:
    def __init__(self, home: Home, stagings: Mapping[str, Staging]) -> None:
        self._home = home
        self._stagings = stagings
        self._streams: dict[int, Stream] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        for name in self._stagings:
            self._home.dbfs_of(name).mkdir(parents=True, exist_ok=True)

    def status(self, workspace: WorkspaceInfo, path: str) -> DbfsFile:
        """Raises RESOURCE_DOES_NOT_EXIST."""
        parts = _parts(path)
        return _described(parts, self._need(workspace, parts)[1])

    def listing(self, workspace: WorkspaceInfo, path: str) -> list[DbfsFile]:
        """What a folder holds, by name; of a file, itself. Links are left out."""
        parts = _parts(path)
        real, seen = self._need(workspace, parts)
        if not stat.S_ISDIR(seen.st_mode):
            return [_described(parts, seen)]
        inside = ((one.name, _seen(one)) for one in sorted(real.iterdir()))
        return [_described((*parts, name), it) for name, it in inside if it is not None]

    def put(
        self, workspace: WorkspaceInfo, path: str, content: Path | bytes, *, overwrite: bool
    ) -> None:
        """A whole file at once; folders above it are made."""
        draft = self._draft(workspace, content) if isinstance(content, bytes) else content
        self._publish(workspace, _parts(path), draft, overwrite=overwrite)

    def create(
        self, who: Principal, workspace: WorkspaceInfo, path: str, *, overwrite: bool
    ) -> int:
        """Begin to write a file; the handle of its stream."""
        parts = _parts(path)
        self._need_free(workspace, parts, overwrite=overwrite)
        stream = Stream(
            user=who.user_name,
            workspace=workspace.name,
            path=joined(parts),
            overwrite=overwrite,
            draft=self._draft(workspace, b""),
            used=time.monotonic(),
        )
        with self._lock:
            self._forget_idle()
            handle = secrets.randbits(HANDLE_BITS) + 1
            self._streams[handle] = stream
        return handle

    def add_block(self, who: Principal, workspace: WorkspaceInfo, handle: int, data: bytes) -> None:
        """Append to a stream. Raises MAX_BLOCK_SIZE_EXCEEDED, RESOURCE_DOES_NOT_EXIST."""
        need_block(data)
        stream = self._stream(who, workspace, handle)
        with stream.lock, stream.draft.open("ab") as file:
            file.write(data)
        stream.used = time.monotonic()

    def close(self, who: Principal, workspace: WorkspaceInfo, handle: int) -> None:
        """End a stream: its file is there now."""
        stream = self._stream(who, workspace, handle)
        with self._lock:
            if self._streams.pop(handle, None) is None:
                raise _no_handle(handle)
        with stream.lock:
            parts = _parts(stream.path)
            self._publish(workspace, parts, stream.draft, overwrite=stream.overwrite)

    def read(self, workspace: WorkspaceInfo, path: str, offset: int, length: int) -> bytes:
        """At most 1 MiB of a file. Raises MAX_READ_SIZE_EXCEEDED."""
        if offset < 0 or length < 0:
            raise invalid("offset and length must not be negative")
        if length > BLOCK_BYTES:
            raise ApiError(
                "MAX_READ_SIZE_EXCEEDED", f"length {length} is more than {BLOCK_BYTES} bytes"
            )
        parts = _parts(path)
        real, seen = self._need(workspace, parts)
        if stat.S_ISDIR(seen.st_mode):
            raise invalid(f"{joined(parts)} is a directory")
        with real.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def make_folder(self, workspace: WorkspaceInfo, path: str) -> None:
        """`mkdir -p`. Raises RESOURCE_ALREADY_EXISTS when a file is in the way."""
        self._make(workspace, _parts(path))

    def move(self, workspace: WorkspaceInfo, source: str, destination: str) -> None:
        """A file, or a folder with all that it holds."""
        before, after = _parts(source), _parts(destination)
        real, seen = self._need(workspace, before)
        if not before or after[: len(before)] == before:
            raise invalid(f"{joined(before)} cannot be moved to {joined(after)}")
        with self._lock:
            self._need_free(workspace, after, overwrite=False)
            self._make(workspace, after[:-1])
            target = self._real(workspace, after)
            if stat.S_ISDIR(seen.st_mode):
                real.rename(target)
            else:
                os.link(real, target, follow_symlinks=False)
                real.unlink()

    def delete(self, workspace: WorkspaceInfo, path: str, *, recursive: bool) -> None:
        """Quiet when there is nothing. Raises IO_ERROR for a folder that holds something."""
        parts = _parts(path)
        if not parts:
            raise invalid("The root of DBFS cannot be deleted")
        real = self._real(workspace, parts)
        seen = _seen(real)
        if seen is None:
            return
        if not stat.S_ISDIR(seen.st_mode):
            real.unlink(missing_ok=True)
        elif recursive:
            self._stagings[workspace.name].discard(real)
        else:
            _drop_empty(real)

    # -- on disk -----------------------------------------------------------------------------

    def file(self, workspace: WorkspaceInfo, path: str) -> Path:
        """Where a file is. Raises RESOURCE_DOES_NOT_EXIST."""
        parts = _parts(path)
        real, seen = self._need(workspace, parts)
        if not stat.S_ISREG(seen.st_mode):
            raise _missing(parts)
        return real

    def _publish(
        self, workspace: WorkspaceInfo, parts: Parts, draft: Path, *, overwrite: bool
    ) -> None:
        try:
            self._need_free(workspace, parts, overwrite=overwrite)
            self._make(workspace, parts[:-1])
            publish(draft, self._real(workspace, parts), overwrite=overwrite)
        except (FileExistsError, IsADirectoryError):
            raise _taken(parts) from None
        finally:
            draft.unlink(missing_ok=True)

    def _make(self, workspace: WorkspaceInfo, parts: Parts) -> None:
        try:
            self._real(workspace, parts).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise exists(f"A file is in the way of {joined(parts)}", status=400) from None

    def _need_free(self, workspace: WorkspaceInfo, parts: Parts, *, overwrite: bool) -> None:
        if not parts:
            raise invalid("/ is the root of DBFS, not a file")
        seen = _seen(self._real(workspace, parts))
        if seen is not None and (stat.S_ISDIR(seen.st_mode) or not overwrite):
            raise _taken(parts)

    def _need(self, workspace: WorkspaceInfo, parts: Parts) -> tuple[Path, os.stat_result]:
        real = self._real(workspace, parts)
        seen = _seen(real)
        if seen is None:
            raise _missing(parts)
        return real, seen

    def _real(self, workspace: WorkspaceInfo, parts: Parts) -> Path:
        return beneath(self._home.dbfs_of(workspace.name), parts)

    def _draft(self, workspace: WorkspaceInfo, content: bytes) -> Path:
        return self._stagings[workspace.name].draft(content)

    # -- streams -----------------------------------------------------------------------------

    def _stream(self, who: Principal, workspace: WorkspaceInfo, handle: int) -> Stream:
        """The caller's own stream. Raises RESOURCE_DOES_NOT_EXIST."""
        with self._lock:
            self._forget_idle()
            found = self._streams.get(handle)
        if found is None or (found.user, found.workspace) != (who.user_name, workspace.name):
            raise _no_handle(handle)
        return found

    def _forget_idle(self) -> None:
        limit = time.monotonic() - IDLE_S
        for handle, stream in list(self._streams.items()):
            if stream.used < limit:
                del self._streams[handle]
                stream.draft.unlink(missing_ok=True)


def need_block(data: bytes) -> None:
    """Raises MAX_BLOCK_SIZE_EXCEEDED for more than 1 MiB."""
    if len(data) > BLOCK_BYTES:
        raise ApiError(
            "MAX_BLOCK_SIZE_EXCEEDED", f"A block of {len(data)} bytes is more than {BLOCK_BYTES}"
        )


def _parts(path: str) -> Parts:
    """The names on a path, with or without `dbfs:`. Raises for what has another API."""
    parts = parts_of(path.removeprefix("dbfs:"))
    for prefix, why in ELSEWHERE.items():
        if parts[: len(prefix)] == prefix:
            raise denied(f"{path} is not part of the DBFS root: {why}")
    return parts


def _seen(path: Path) -> os.stat_result | None:
    """A file or folder; None for nothing, and for links and what else tasks can make."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    is_either = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return found if is_either else None


def _described(parts: Parts, seen: os.stat_result) -> DbfsFile:
    is_dir = stat.S_ISDIR(seen.st_mode)
    return DbfsFile(
        path=joined(parts),
        is_dir=is_dir,
        size=0 if is_dir else seen.st_size,
        modified_ms=seen.st_mtime_ns // 1_000_000,
    )


def _drop_empty(real: Path) -> None:
    try:
        real.rmdir()
    except FileNotFoundError:
        return
    except OSError:
        raise ApiError(
            "IO_ERROR",
            "Directory is not empty. Use recursive delete or remove contents first.",
            status=400,
        ) from None


def _missing(parts: Parts) -> ApiError:
    return not_found(f"No file or directory exists on path {joined(parts)}.")


def _taken(parts: Parts) -> ApiError:
    return exists(f"A file or directory already exists at the path {joined(parts)}.", status=400)


def _no_handle(handle: int) -> ApiError:
    return not_found(f"There is no open stream with the handle {handle}.")
