"""Copying a bundle's files to the workspace, by content.

What the workspace holds is written down beside the state as `files.json`: a hash per file. So a
fresh clone uploads nothing that is there already. Before the first upload the changed files are
struck from that list: a deploy killed half way leaves a list that promises too little, never too
much. `deployment.json` is kept too, for the official CLI; when the CLI has deployed since, our list
is out of date and everything goes up again.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from brickyard.deploy.remote_files import RemoteFiles
from brickyard.deploy.state import CLI_VERSION, go_json
from brickyard.deploy.state_store import write_atomically

UPLOADS: Final = 10
LIST: Final = "files.json"
DEPLOYMENT: Final = "deployment.json"
NOTEBOOK_MARKS: Final = {
    ".py": b"# Databricks notebook source",
    ".r": b"# Databricks notebook source",
    ".scala": b"// Databricks notebook source",
    ".sql": b"-- Databricks notebook source",
}


class SyncConflict(Exception):
    """Two local files would become one remote object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file to be in the workspace: where it is, what is in it, how it is called there."""

    name: str
    source: Path
    digest: str
    is_notebook: bool

    @property
    def remote_name(self) -> str:
        """Notebooks lose their extension in a workspace."""
        return str(PurePosixPath(self.name).with_suffix("")) if self.is_notebook else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """How many files were sent and removed."""

    uploaded: int
    deleted: int


def look_at(root: Path, names: Iterable[str]) -> tuple[LocalFile, ...]:
    """Read and hash the named files. Raises `SyncConflict` when two share a remote name."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        files = tuple(pool.map(lambda name: _look(root, name), names))
    taken: dict[str, str] = {}
    for file in files:
        other = taken.setdefault(file.remote_name, file.name)
        if other != file.name:
            raise SyncConflict(
                f"{other} and {file.name} are both called {file.remote_name} in the workspace,"
                " where notebooks have no extension: rename or exclude one"
            )
    return files


def synchronise(
    files: tuple[LocalFile, ...],
    *,
    remote: RemoteFiles,
    file_path: str,
    state_path: str,
    local_state: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Synced:
    """Make `file_path` in the workspace hold exactly `files` (of those that were ever ours)."""
    deployment = _read_json(remote, f"{state_path}/{DEPLOYMENT}")
    there = _held(remote, state_path, file_path, deployment)
    wanted = {file.remote_name: file for file in files}
    changed = [f for name, f in sorted(wanted.items()) if there.get(name) != f.digest]
    removed = sorted(there.keys() - wanted.keys())
    if not changed and not removed and deployment:
        return Synced(uploaded=0, deleted=0)
    number = int(deployment.get("seq", 0)) + 1
    ident = str(deployment.get("id") or uuid.uuid4())
    if changed or removed:
        say(f"Uploading bundle files to {file_path}...")
        promised = {**there, **dict.fromkeys([f.remote_name for f in changed] + removed, "")}
        mark = {"id": ident, "seq": number - 1} if deployment else {}
        _write_list(remote, state_path, file_path, promised, mark)
        _transfer(changed, removed, remote, file_path)
    document = _deployment(files, ident, number)
    remote.write(f"{state_path}/{DEPLOYMENT}", document)
    digests = {name: file.digest for name, file in wanted.items()}
    _write_list(remote, state_path, file_path, digests, {"id": ident, "seq": number})
    write_atomically(local_state / DEPLOYMENT, document)
    return Synced(uploaded=len(changed), deleted=len(removed))


def is_notebook(name: str, content: bytes) -> bool:
    """By the source marker in the first line, or the shape of an `.ipynb`."""
    suffix = PurePosixPath(name).suffix.lower()
    mark = NOTEBOOK_MARKS.get(suffix)
    if mark is not None:
        return content[:64].split(b"\n", 1)[0].rstrip(b"\r \t") == mark
    if suffix != ".ipynb":
        return False
    try:
        notebook = json.loads(content)
    except ValueError:
        return False
    return isinstance(notebook, dict) and {"cells", "metadata", "nbformat"} <= notebook.keys()


def _look(root: Path, name: str) -> LocalFile:
    source = root / name
    content = source.read_bytes()
    return LocalFile(
        name=name,
        source=source,
        digest=hashlib.sha256(content).hexdigest(),
        is_notebook=is_notebook(name, content),
    )


def _held(
    remote: RemoteFiles, state_path: str, file_path: str, deployment: Mapping[str, Any]
) -> dict[str, str]:
    """Remote name to hash; an empty hash for a file whose content is not known for sure."""
    known = _read_json(remote, f"{state_path}/{LIST}")
    seen = (known.get("deployment") or {}).get("id"), (known.get("deployment") or {}).get("seq")
    is_current = seen == (deployment.get("id"), deployment.get("seq"))
    if known.get("file_path") == file_path and is_current:
        return {str(name): str(digest) for name, digest in (known.get("files") or {}).items()}
    held = {}
    for entry in deployment.get("files") or ():
        path = PurePosixPath(str(entry.get("local_path", "")))
        held[str(path.with_suffix("") if entry.get("is_notebook") else path)] = ""
    return held


def _transfer(
    changed: list[LocalFile], removed: list[str], remote: RemoteFiles, file_path: str
) -> None:
    with ThreadPoolExecutor(max_workers=UPLOADS, thread_name_prefix="upload") as pool:
        list(pool.map(lambda name: remote.delete(f"{file_path}/{name}"), removed))
        folders = {str(PurePosixPath(file_path, file.name).parent) for file in changed}
        leaves = [f for f in folders if not any(o != f and o.startswith(f + "/") for o in folders)]
        list(pool.map(remote.make_folder, sorted(leaves)))
        list(
            pool.map(
                lambda file: remote.write(f"{file_path}/{file.name}", file.source.read_bytes()),
                changed,
            )
        )
    _prune(removed, {file.name for file in changed}, remote, file_path)


def _prune(removed: list[str], kept: set[str], remote: RemoteFiles, file_path: str) -> None:
    """Remove folders that the deletions have emptied, deepest first."""
    folders = {str(parent) for name in removed for parent in PurePosixPath(name).parents}
    for folder in sorted(folders - {"."}, key=lambda name: -name.count("/")):
        if not any(name.startswith(folder + "/") for name in kept) and not remote.listing(
            f"{file_path}/{folder}"
        ):
            remote.delete(f"{file_path}/{folder}")


def _deployment(files: tuple[LocalFile, ...], ident: str, number: int) -> bytes:
    return go_json(
        {
            "version": 1,
            "seq": number,
            "cli_version": CLI_VERSION,
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "files": [{"local_path": f.name, "is_notebook": f.is_notebook} for f in files],
            "id": ident,
        },
        indent=2,
    ).encode()


def _write_list(
    remote: RemoteFiles,
    state_path: str,
    file_path: str,
    digests: Mapping[str, str],
    deployment: Mapping[str, object],
) -> None:
    content = {
        "version": 1,
        "deployment": dict(deployment),
        "file_path": file_path,
        "files": dict(sorted(digests.items())),
    }
    remote.write(f"{state_path}/{LIST}", go_json(content, indent=1).encode())


def _read_json(remote: RemoteFiles, path: str) -> dict[str, Any]:
    content = remote.read(path)
    try:
        data = json.loads(content) if content else {}
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
