"""Files of a workspace, by the calls the official CLI's file client makes.

A write never creates parents: the service answers 404, we make the folder and try once more.
`create` is atomic, which is what the deploy lock stands on. `/Volumes/…` goes to the Files API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from brickyard.deploy.http import ApiFailure, Json, Workspace

KEPT: Final = "$&+=:@"  # what Go leaves as it is in a segment of a path


class FileExists(Exception):
    """`create` found a file of that name."""


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """Reads and writes absolute workspace or volume paths."""

    workspace: Workspace

    def create(self, path: str, content: bytes) -> None:
        """Write only if nothing is there; raises `FileExists`. Atomic on the server."""
        try:
            self._write(path, content, overwrite=False)
        except ApiFailure as failure:
            exists = failure.status == 400 and "already exists." in failure.message
            if failure.status == 409 or exists:
                raise FileExists(path) from failure
            raise

    def write(self, path: str, content: bytes) -> None:
        """Write, replacing what is there and making parent folders as needed."""
        self._write(path, content, overwrite=True)

    def _write(self, path: str, content: bytes, *, overwrite: bool) -> None:
        if path.startswith("/Volumes/"):
            self._put_volume(path, content, overwrite=overwrite)
            return
        try:
            self._import(path, content, overwrite=overwrite)
        except ApiFailure as failure:
            if not failure.is_missing:
                raise
            self.make_folder(path.rpartition("/")[0])
            self._import(path, content, overwrite=overwrite)

    def _import(self, path: str, content: bytes, *, overwrite: bool) -> None:
        place = quote(path.lstrip("/"), safe=KEPT)
        try:
            self.workspace.send(
                "POST",
                f"/api/2.0/workspace-files/import-file/{place}",
                query={"overwrite": overwrite},
                content=content,
                headers={"Content-Type": "application/octet-stream"},
            )
        except ApiFailure as failure:
            if failure.status == 403:
                raise failure.saying(f"access denied: {path}") from failure
            raise

    def _put_volume(self, path: str, content: bytes, *, overwrite: bool) -> None:
        def put() -> None:
            self.workspace.send(
                "PUT",
                f"/api/2.0/fs/files{quote(path)}",
                query={"overwrite": overwrite},
                content=content,
                headers={"Content-Type": "application/octet-stream"},
            )

        try:
            put()
        except ApiFailure as failure:
            if not failure.is_missing:
                raise
            folder = path.rpartition("/")[0]
            self.workspace.call("PUT", f"/api/2.0/fs/directories{quote(folder)}")
            put()

    def read(self, path: str) -> bytes | None:
        """The content, or None when there is no such file."""
        try:
            return self.workspace.send(
                "GET", "/api/2.0/workspace/export", query={"path": path, "direct_download": True}
            ).body
        except ApiFailure as failure:
            if failure.is_missing:
                return None
            raise

    def status(self, path: str) -> Json | None:
        """Kind and id of the object at `path`, or None."""
        try:
            return self.workspace.get("/api/2.0/workspace/get-status", {"path": path})
        except ApiFailure as failure:
            if failure.is_missing:
                return None
            raise

    def make_folder(self, path: str) -> None:
        self.workspace.post("/api/2.0/workspace/mkdirs", {"path": path})

    def delete(self, path: str, *, recursive: bool = False) -> bool:
        """False when it was gone already."""
        try:
            if path.startswith("/Volumes/"):
                self.workspace.call("DELETE", f"/api/2.0/fs/files{quote(path)}")
            else:
                whole = {"recursive": True} if recursive else {}
                self.workspace.post("/api/2.0/workspace/delete", {"path": path, **whole})
        except ApiFailure as failure:
            if failure.is_missing:
                return False
            raise
        return True

    def listing(self, path: str) -> tuple[Json, ...]:
        """What a folder holds; nothing when it is not there."""
        try:
            return tuple(
                self.workspace.get("/api/2.0/workspace/list", {"path": path}).get("objects") or ()
            )
        except ApiFailure as failure:
            if failure.is_missing:
                return ()
            raise
