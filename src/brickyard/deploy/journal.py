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
from collections.abc import Callable, Mapping
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
    tokens: Mapping[str, str] = field(default_factory=dict)  # of creates, by address
    is_noted: bool = False  # the workspace has a note of creates
    is_changed: bool = False
    has_caught_up: bool = False  # the workspace has the state that the log begins with
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

    The log stays on disk: whoever writes the returned state removes it afterwards. A line that
    cannot be read is skipped (`keep_damaged` saves it). Raises `BadState` for a log of another
    deployment, and for lines below a header that cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return state
    header = _decode(lines[0]) if lines else None
    if header is None and len(lines) < 2:
        return state  # killed while the log was opened: nothing was done under it
    if header is None:
        raise _unusable(path, "failed to parse WAL header")
    serial, lineage = int(header.get("serial", 0)), str(header.get("lineage", ""))
    if state.lineage and lineage != state.lineage:
        raise _unusable(
            path,
            f"WAL lineage ({_quoted(lineage)}) does not match state lineage"
            f" ({_quoted(state.lineage)})",
        )
    if serial <= state.serial:
        return state
    if serial != state.serial + 1:
        raise _unusable(
            path,
            f"WAL serial ({serial}) is ahead of expected ({state.serial + 1}), state may be"
            " corrupted",
        )
    steps = [step for step in map(_decode, lines[1:]) if step is not None]
    if not steps:
        return state
    after = replace(state.following(), lineage=lineage)
    for step in steps:
        after = after.put(step["k"], read_entry(step["v"]) if step.get("v") else None)
    return after


def keep_damaged(path: Path, say: Callable[[str], None]) -> None:
    """Save the lines of a left-over log that cannot be read in `….wal.corrupted`, and say so.

    What they recorded is looked for at the next deploy if it was a create (`unrecorded.py`).
    """
    try:
        lines = path.read_bytes().splitlines()[1:]
    except FileNotFoundError:
        return
    damaged = [line for line in lines if _decode(line) is None]
    for number, line in enumerate(lines, start=2):
        if _decode(line) is None:
            say(f"Warning: Skipping corrupted WAL entry at {path}:{number}")
    if damaged:
        place = path.with_name(f"{path.name}.corrupted")
        place.write_bytes(b"\n".join(damaged))
        place.chmod(0o600)
        say(f"Warning: Saved {len(damaged)} corrupted WAL entries to {place}")


def _unusable(path: Path, reason: str) -> BadState:
    return BadState(
        f"reading state from {path.with_suffix('')}: WAL recovery failed: {reason}.\nThe log of an"
        f" interrupted deploy is not of this state: move {path} away to go on without it"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _append(file: IO[bytes], line: dict[str, object]) -> None:
    file.write(go_json(line).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _decode(line: bytes) -> dict[str, Any] | None:
    """A line's object; None when it is not one of ours."""
    try:
        data = json.loads(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) and {"k", "lineage"} & data.keys() else None
