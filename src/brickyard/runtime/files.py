"""`dbutils.fs`: the paths a task can see. Volumes through the Files API, the rest on the file
system.

Volumes go through the API because it checks grants per volume and knows volumes that were created
after this task started. `dbfs:/Volumes/...` is the same as `/Volumes/...`, and any other `dbfs:/`
path is below `/dbfs`, the DBFS root. Mounts are not there.
"""

# Paths are plain text here: pathlib costs start-up time and adds nothing.
# ruff: noqa: PTH103, PTH106, PTH107, PTH110, PTH112

from __future__ import annotations

import os
from collections import namedtuple
from pathlib import Path
from typing import Any
from urllib.parse import quote

from brickyard.runtime import api

FILES = "/api/2.0/fs/files"
DIRECTORIES = "/api/2.0/fs/directories"
HEAD_BYTES = 65536


class FileInfo(namedtuple("FileInfo", ["path", "name", "size", "modificationTime"])):
    """One entry of a listing. The name of a folder ends with a slash."""

    __slots__ = ()

    def isDir(self) -> bool:
        return bool(self.name.endswith("/"))

    def isFile(self) -> bool:
        return not self.isDir()


class FileSystem:
    def ls(self, path: str) -> list[Any]:
        found = _local(path)
        if _is_volume(found):
            return list(_list_volume(found))
        entries = sorted(os.scandir(found), key=lambda entry: entry.name)
        return [_info(Path(entry.path)) for entry in entries]

    def head(self, file: str, max_bytes: int = HEAD_BYTES) -> str:
        return self._read(file)[:max_bytes].decode(errors="replace")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        data = contents.encode()
        self._write(file, data, overwrite=overwrite)
        print(f"Wrote {len(data)} bytes.")
        return True

    def mkdirs(self, dir: str) -> bool:
        found = _local(dir)
        if _is_volume(found):
            api.raw("PUT", DIRECTORIES + found)
        else:
            os.makedirs(found, exist_ok=True)
        return True

    def cp(self, from_: str, to: str, recurse: bool = False) -> bool:
        if self._is_folder(from_):
            if not recurse:
                raise OSError(f"{from_} is a directory; pass recurse=True to copy it")
            for entry in self.ls(from_):
                self.cp(entry.path, to.rstrip("/") + "/" + entry.name.rstrip("/"), True)
            return True
        if self._is_folder(to):
            to = to.rstrip("/") + "/" + Path(_local(from_)).name
        self._write(to, self._read(from_), overwrite=True)
        return True

    def mv(self, from_: str, to: str, recurse: bool = False) -> bool:
        self.cp(from_, to, recurse)
        return self.rm(from_, recurse)

    def rm(self, dir: str, recurse: bool = False) -> bool:
        found = _local(dir)
        folder = self._is_folder(dir)
        if folder and recurse:
            for entry in self.ls(dir):
                self.rm(entry.path, True)
        if _is_volume(found):
            try:
                api.raw("DELETE", (DIRECTORIES if folder else FILES) + found)
            except api.RequestRefused as refused:
                if refused.status == 404:
                    return False
                raise
        elif folder:
            os.rmdir(found)
        elif os.path.exists(found):
            os.remove(found)
        else:
            return False
        return True

    def mounts(self) -> list[Any]:
        return []

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"dbutils.fs.{name} is not available in the embedded workspace")

    def _read(self, path: str) -> bytes:
        found = _local(path)
        return api.raw("GET", FILES + found) if _is_volume(found) else Path(found).read_bytes()

    def _write(self, path: str, data: bytes, *, overwrite: bool) -> None:
        found = _local(path)
        if _is_volume(found):
            api.raw("PUT", FILES + found, data, overwrite=str(overwrite).lower())
            return
        if os.path.exists(found) and not overwrite:
            raise FileExistsError(f"{path} exists; pass overwrite=True")
        target = Path(found)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and target.is_dir():
            raise IsADirectoryError(path)
        target.write_bytes(data)

    def _is_folder(self, path: str) -> bool:
        found = _local(path)
        if not _is_volume(found):
            return os.path.isdir(found)
        try:
            api.raw("HEAD", DIRECTORIES + found)
        except api.RequestRefused as refused:
            if refused.status == 404:
                return False
            raise
        return True


def _local(path: str) -> str:
    """The path without its scheme. Raises ValueError for what the workspace does not have."""
    if path.startswith("file:"):
        return "/" + path.removeprefix("file:").lstrip("/")
    bare = path.removeprefix("dbfs:")
    if bare.startswith(("/Volumes/", "/Workspace/")) or bare in ("/Volumes", "/Workspace"):
        return bare
    if path.startswith("dbfs:"):
        return f"/dbfs/{bare.lstrip('/')}"
    if "://" in path:
        raise ValueError(f"{path}: there is no cloud storage here; use /Volumes")
    return bare


def _is_volume(path: str) -> bool:
    return path.startswith("/Volumes/")


def _list_volume(path: str) -> Any:
    token = ""
    while True:
        query = {"page_token": token} if token else {}
        page = api.get(quote(DIRECTORIES + path), **query)
        for one in page.get("contents", ()):
            slash = "/" if one.get("is_directory") else ""
            name = one.get("name") or Path(one["path"]).name
            yield FileInfo(
                "dbfs:" + one["path"].rstrip("/") + slash,
                name + slash,
                one.get("file_size", 0),
                one.get("last_modified", 0),
            )
        token = page.get("next_page_token", "")
        if not token:
            return


def _info(path: Path) -> Any:
    found = path.stat()
    folder = path.is_dir()
    name = path.name + ("/" if folder else "")
    size = 0 if folder else found.st_size
    slash = "/" if folder else ""
    place = str(path)
    shown = f"dbfs:{place.removeprefix('/dbfs')}" if _in_root(place) else f"file:{place}"
    return FileInfo(shown + slash, name, size, int(found.st_mtime * 1000))


def _in_root(path: str) -> bool:
    return path.startswith("/dbfs/")
