"""Whether a process, or one that it started, listens on a port. Linux only: elsewhere, nobody does.

Follows proc(5): listening sockets and their inodes in `/proc/net/tcp`, who has them open in
`/proc/<pid>/fd`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

LISTENING = "0A"
PROC = Path("/proc")


def listens(pid: int, port: int) -> bool:
    """True when the process or one below it has a listening socket on the port."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port)}
    return bool(wanted) and any(_has_open(one, wanted) for one in _family(pid))


def _inodes(port: int) -> Iterator[str]:
    suffix = f":{port:04X}"
    for name in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[1].endswith(suffix) and fields[3] == LISTENING:
                yield fields[9]


def _family(pid: int) -> set[int]:
    """The process and everything below it."""
    parents: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            # The name in parentheses may hold anything; state and parent follow it.
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        parents.setdefault(parent, []).append(int(entry.name))
    found, waiting = {pid}, [pid]
    while waiting:
        for child in parents.get(waiting.pop(), ()):
            found.add(child)
            waiting.append(child)
    return found


def _has_open(pid: int, wanted: set[str]) -> bool:
    folder = PROC / str(pid) / "fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return False
    for name in names:
        try:
            if str((folder / name).readlink()) in wanted:
                return True
        except OSError:
            continue
    return False
