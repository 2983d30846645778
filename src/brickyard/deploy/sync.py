"""Copying a bundle's files to the workspace, by content.

What the workspace holds is written down beside the state as `files.json`: a hash per file. So a
fresh clone uploads nothing that is there already. Before the first upload the changed files are
struck from that list: a deploy killed half way leaves a list that promises too little, never too
much. `deployment.json` is kept too, for the official CLI; when the CLI has deployed since, our list
is out of date and everything goes up again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from brickyard.deploy.http import Json
from brickyard.deploy.local_files import LocalFile
from brickyard.deploy.remote_files import RemoteFiles
from brickyard.deploy.state import CLI_VERSION, go_json
from brickyard.deploy.state_store import write_atomically

UPLOADS: Final = 10
LIST: Final = "files.json"
DEPLOYMENT: Final = "deployment.json"
Told = Callable[[str, str, float], None]


def _untold(_action: str, _name: str, _progress: float) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """How many files were sent and removed."""

    uploaded: int
    deleted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs between here and there: files to send, names to remove, folders to make first.

    Of new folders only the innermost: the others come with them.
    """

    put: tuple[LocalFile, ...] = ()
    delete: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.put and not self.delete


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a workspace holds of ours, as is written down beside the state."""

    remote: RemoteFiles
    file_path: str
    state_path: str
    local_state: Path

    def read(self) -> tuple[dict[str, str], dict[str, Any]]:
        """Hash by remote name, empty where the content is not known for sure; the deployment."""
        deployment = _read_json(self.remote, f"{self.state_path}/{DEPLOYMENT}")
        return _held(self.remote, self.state_path, self.file_path, deployment), deployment

    def mark(self, held: Mapping[str, str], changes: Changes, deployment: Json) -> bytes:
        """Promise nothing of what is about to change; the list as it is now."""
        names = [file.remote_name for file in changes.put] + list(changes.delete)
        same = {"id": deployment["id"], "seq": deployment["seq"]} if deployment else {}
        return self._write({**held, **dict.fromkeys(names, "")}, same)

    def settle(
        self,
        files: Iterable[LocalFile],
        deployment: Json,
        *,
        held: Mapping[str, str] | None = None,
    ) -> tuple[bytes, Json]:
        """Promise these files; list and deployment as they are now.

        They are in place, unless `held` says what is: the others are listed without a promise.
        """
        ident = str(deployment.get("id") or uuid.uuid4())
        number = int(deployment.get("seq", 0)) + 1
        listed = tuple(files)
        document = _deployment(listed, ident, number)
        self.remote.write(f"{self.state_path}/{DEPLOYMENT}", document)
        digests = {file.remote_name: file.digest for file in listed}
        if held is not None:
            wanted = digests
            digests = dict.fromkeys(wanted.keys() | held.keys(), "") | {
                name: digest for name, digest in wanted.items() if held.get(name) == digest
            }
        content = self._write(digests, {"id": ident, "seq": number})
        write_atomically(self.local_state / DEPLOYMENT, document)
        return content, {"id": ident, "seq": number}

    def promise(self, digests: Mapping[str, str], deployment: Json) -> None:
        """Write the list anew; nothing else has changed."""
        self._write(digests, {"id": deployment.get("id"), "seq": deployment.get("seq")})

    def listed(self) -> bytes | None:
        """The list as it lies in the workspace."""
        return self.remote.read(f"{self.state_path}/{LIST}")

    def _write(self, digests: Mapping[str, str], deployment: Mapping[str, object]) -> bytes:
        document = {
            "version": 1,
            "deployment": dict(deployment),
            "file_path": self.file_path,
            "files": dict(sorted(digests.items())),
        }
        content = go_json(document, indent=1).encode()
        self.remote.write(f"{self.state_path}/{LIST}", content)
        return content


def compare(files: Iterable[LocalFile], held: Mapping[str, str], *, full: bool = False) -> Changes:
    """What has to be sent and removed, so that the workspace holds exactly these files."""
    wanted = {file.remote_name: file for file in files}
    changed = [f for name, f in sorted(wanted.items()) if full or held.get(name) != f.digest]
    folders = folders_of(file.name for file in changed)
    if not full:
        folders -= folders_of(held)
    leaves = [f for f in folders if not any(other.startswith(f"{f}/") for other in folders)]
    return Changes(
        put=tuple(changed),
        delete=tuple(sorted(held.keys() - wanted.keys())),
        folders=tuple(sorted(leaves)),
    )


def synchronise(
    files: tuple[LocalFile, ...],
    *,
    remote: RemoteFiles,
    file_path: str,
    state_path: str,
    local_state: Path,
    say: Callable[[str], None] = lambda _: None,
    told: Told | None = None,
) -> Synced:
    """Make `file_path` in the workspace hold exactly `files` (of those that were ever ours)."""
    ledger = Ledger(
        remote=remote, file_path=file_path, state_path=state_path, local_state=local_state
    )
    held, deployment = ledger.read()
    changes = compare(files, held)
    say(f"Uploading bundle files to {file_path}...")
    if changes.is_empty and deployment:
        return Synced(uploaded=0, deleted=0)
    send(files, changes, held, deployment, ledger, told=told or _untold)
    return Synced(uploaded=len(changes.put), deleted=len(changes.delete))


def send(
    files: Iterable[LocalFile],
    changes: Changes,
    held: Mapping[str, str],
    deployment: Json,
    ledger: Ledger,
    *,
    told: Told = _untold,
) -> tuple[bytes, Json]:
    """Carry the changes out, promising nothing meanwhile; the list and deployment afterwards."""
    if not changes.is_empty:
        ledger.mark(held, changes, deployment)
        transfer(changes, ledger, told=told)
    return ledger.settle(files, deployment)


def transfer(changes: Changes, ledger: Ledger, *, told: Told = _untold) -> None:
    """Remove and send. `told` hears of each: `put` or `delete`, the name, 0.0 before, 1.0 after."""
    remote, file_path = ledger.remote, ledger.file_path

    def remove(name: str) -> None:
        told("delete", name, 0.0)
        remote.delete(f"{file_path}/{name}")
        told("delete", name, 1.0)

    def make(folder: str) -> None:
        told("put", folder, 0.0)
        remote.make_folder(f"{file_path}/{folder}")
        told("put", folder, 1.0)

    def write(file: LocalFile) -> None:
        told("put", file.name, 0.0)
        remote.write(f"{file_path}/{file.name}", Path(file.source).read_bytes())
        told("put", file.name, 1.0)

    with ThreadPoolExecutor(max_workers=UPLOADS, thread_name_prefix="upload") as pool:
        list(pool.map(remove, changes.delete))
        list(pool.map(make, changes.folders))
        list(pool.map(write, changes.put))
    for folder in _emptied(changes):
        if not remote.listing(f"{file_path}/{folder}"):
            remove(folder)


def _emptied(changes: Changes) -> list[str]:
    """Folders that the deletions may have emptied, deepest first."""
    kept = {file.name for file in changes.put}
    folders = sorted(folders_of(changes.delete), key=lambda name: -name.count("/"))
    return [f for f in folders if not any(name.startswith(f"{f}/") for name in kept)]


def folders_of(names: Iterable[str]) -> set[str]:
    """Every folder that files of these names are in, at any depth."""
    found: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


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


def _read_json(remote: RemoteFiles, path: str) -> dict[str, Any]:
    content = remote.read(path)
    try:
        data = json.loads(content) if content else {}
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
