"""The write-ahead log of an apply: `resources.json.wal`, in the official CLI's format.

Line 1 is the header `{lineage, serial, state_version, cli_version}` with the serial the finished
state will have; each further line is `{"k": address, "v": entry}`, without `v` for a removal. Every
line is on disk before the next call to the workspace is made, so a killed deploy loses at most
the one call in flight (which `state_store.py` covers: it notes the creates before the first).

Creates in doubt, which may have made something that no line records, are kept beside the state.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from brickyard.deploy.state import (
    CLI_VERSION,
    STATE_VERSION,
    BadState,
    Entry,
    State,
    go_json,
    read_entry,
    write_entry,
)


@dataclass(slots=True)
class Journal:
    """An open log and the state as it stands after its lines. Safe to share between threads."""

    path: Path
    state: State
    _file: IO[bytes]
    in_doubt: dict[str, str] = field(default_factory=dict)  # address -> who may have made it
    is_noted: bool = False  # the workspace has a note of creates
    is_changed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, address: str, entry: Entry | None) -> None:
        """Note one step that has succeeded; returns once it is on disk."""
        line: dict[str, object] = {"k": address}
        if entry is not None:
            line["v"] = write_entry(entry)
        with self._lock:
            _append(self._file, line)
            self.state = self.state.put(address, entry)
            self.is_changed = True
            if entry is not None:
                self.in_doubt.pop(address, None)

    def doubt(self, address: str, user: str) -> None:
        """A create is about to be sent."""
        with self._lock:
            self.in_doubt[address] = user

    def refused(self, address: str) -> None:
        """The create certainly made nothing."""
        with self._lock:
            self.in_doubt.pop(address, None)

    def close(self) -> None:
        self._file.close()


def open_journal(path: Path, before: State) -> Journal:
    """Start the log of a deployment that ends with `before`'s successor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    after = before.following()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    file = os.fdopen(descriptor, "wb")
    _append(
        file,
        {
            "lineage": after.lineage,
            "serial": after.serial,
            "state_version": STATE_VERSION,
            "cli_version": CLI_VERSION,
        },
    )
    return Journal(path=path, state=after, _file=file)


def replay(path: Path, state: State) -> State:
    """The state with a left-over log applied, or as it was when there is none.

    The log stays on disk: whoever writes the returned state removes it afterwards. A line cut off
    by a crash is skipped. Raises `BadState` for a log of another deployment.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return state
    header = _decode(lines[0]) if lines else None
    if header is None:
        return state
    serial, lineage = int(header.get("serial", 0)), str(header.get("lineage", ""))
    if serial <= state.serial and lineage == state.lineage:
        return state
    if (state.lineage and lineage != state.lineage) or serial != state.serial + 1:
        raise BadState(
            f"{path} belongs to another deployment (lineage {lineage}, serial {serial}; the state"
            f" has {state.lineage or 'none'}, {state.serial}): move it away to go on"
        )
    steps = [step for step in map(_decode, lines[1:]) if step and isinstance(step.get("k"), str)]
    if not steps:
        return state
    after = replace(state.following(), lineage=lineage)
    for step in steps:
        after = after.put(step["k"], read_entry(step["v"]) if "v" in step else None)
    return after


def _append(file: IO[bytes], line: dict[str, object]) -> None:
    file.write(go_json(line).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _decode(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None
