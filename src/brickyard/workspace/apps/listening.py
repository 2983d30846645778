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
    wanted = {inode for one, inode in _sockets() if one == port}
    return bool(wanted) and any(_has_open(one, wanted) for one in _family(pid))


def listening(pid: int) -> list[int]:
    """The ports that the process and those below it listen on."""
    family = _family(pid)
    found = {port for port, inode in _sockets() if any(_has_open(p, {inode}) for p in family)}
    return sorted(found)


def _sockets() -> Iterator[tuple[int, str]]:
    """(port, link of its socket) of all that listens."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING:
                yield int(fields[1].rpartition(":")[2], 16), f"socket:[{fields[9]}]"


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
