"""One deploy at a time: the lock file in the workspace's state folder.

The official CLI's format and rules: created without overwrite, read back, deleted by whoever's ID
is in it. We take it in development mode too. Ours also names machine and process, which the CLI
ignores; so a lock left by a process of this machine that is gone is taken over, with a word, and
a killed deploy needs no manual repair.
"""

from __future__ import annotations

import json
import os
import platform
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from brickyard.deploy.remote_files import FileExists, RemoteFiles

NAME: Final = "deploy.lock"
TIMESTAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Locked(Exception):
    """Somebody else holds the lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock we hold."""

    path: str
    id: str
    files: RemoteFiles

    def release(self) -> None:
        """Delete the file; a missing one is fine. Raises `Locked` if somebody else took it over."""
        holder = _holder(self.files, self.path)
        if holder is None:
            return
        if holder.get("ID") != self.id:
            raise Locked(f"unlock called when lock is not held: {_refusal(holder)}")
        self.files.delete(self.path)


def acquire(
    files: RemoteFiles,
    folder: str,
    *,
    user: str,
    force: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Lock:
    """Take the lock or raise `Locked`, naming who has it since when."""
    path, ident = f"{folder}/{NAME}", str(uuid.uuid4())
    content = _content(ident, user, is_forced=force)
    try:
        (files.write if force else files.create)(path, content)
    except FileExists:
        holder = _holder(files, path) or {}
        if holder.get("ID") != ident:
            if not _is_dead(holder):
                raise Locked(_refusal(holder)) from None
            say("Taking over the deploy lock of a process of this machine that is gone")
            files.write(path, content)
    holder = _holder(files, path) or {}
    if holder.get("ID") != ident:
        raise Locked(_refusal(holder))
    return Lock(path=path, id=ident, files=files)


def _content(ident: str, user: str, *, is_forced: bool) -> bytes:
    return json.dumps(
        {
            "ID": ident,
            "AcquisitionTime": datetime.now(UTC).isoformat(),
            "IsForced": is_forced,
            "User": user,
            "Machine": _machine(),
            "Process": os.getpid(),
            "ProcessStart": _process_start(os.getpid()),
        }
    ).encode()


def _holder(files: RemoteFiles, path: str) -> dict[str, Any] | None:
    content = files.read(path)
    if content is None:
        return None
    try:
        data = json.loads(content)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _refusal(holder: dict[str, Any]) -> str:
    """The official CLI's words."""
    forced = "force-" if holder.get("IsForced") else ""
    return (
        f"deploy lock {forced}acquired by {holder.get('User') or 'somebody'} at"
        f" {_as_go_writes(str(holder.get('AcquisitionTime') or ''))}.\n"
        "Another deployment may be in progress. Use --force-lock to override, but this may\n"
        "conflict with the other deployment if it is still active"
    )


def _as_go_writes(timestamp: str) -> str:
    """A time of RFC 3339 as Go prints it: `2026-01-31 20:00:00.1 +0000 UTC`."""
    parts = TIMESTAMP.fullmatch(timestamp)
    if parts is None:
        return timestamp or "an unknown time"
    day, time, fraction, zone = parts.groups()
    offset = "+0000" if zone == "Z" else zone.replace(":", "")
    digits = (fraction or "").rstrip("0").rstrip(".")
    return f"{day} {time}{digits} {offset} {'UTC' if offset == '+0000' else offset}"


def _is_dead(holder: dict[str, Any]) -> bool:
    """True only when the holder was a process of this very machine and start-up, now gone."""
    process = holder.get("Process")
    if holder.get("Machine") != _machine() or not isinstance(process, int) or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return _process_start(process) != holder.get("ProcessStart")


def _machine() -> str:
    """This machine, and on Linux this boot of it and this process namespace."""
    parts = [platform.node(), f"{uuid.getnode():012x}"]
    for source in (Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")):
        try:
            linked = source.parent.name == "ns"
            parts.append(str(source.readlink()) if linked else source.read_text().strip())
        except OSError:
            parts.append("-")
    return "/".join(parts)


def _process_start(process: int) -> str:
    """When the process began (clock ticks since boot on Linux), to tell a reused number."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return after_name[19]
    except (OSError, IndexError):
        return ""
