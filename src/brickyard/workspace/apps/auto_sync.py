"""Apps deployed with mode AUTO_SYNC: run anew whenever their source folder changes.

One thread looks at all of them. What changed is told by names, sizes and times of the files; a
change is taken when it has not gone on since the look before.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 1.0
Stamp = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class _Watched:
    folder: Path
    refresh: Callable[[], bool]  # False: no longer to be watched
    taken: Stamp
    seen: Stamp


class AutoSync:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, key: str, folder: Path, stamp: Stamp, refresh: Callable[[], bool]) -> None:
        """Call `refresh` when the folder is no longer as `stamp` says; one watch per key."""
        with self._lock:
            self._watched[key] = _Watched(folder, refresh, stamp, stamp)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="apps-sync", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_S):
            with self._lock:
                watched = dict(self._watched)
            for key, one in watched.items():
                now = stamp_of(one.folder)
                is_settled, one.seen = now == one.seen, now
                if now == one.taken or not is_settled:
                    continue
                one.taken = now
                if not one.refresh():
                    with self._lock:
                        if self._watched.get(key) is one:
                            del self._watched[key]


def stamp_of(folder: Path) -> Stamp:
    """What is in a folder, cheaply. Links are not followed."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                state = path.lstat()
            except OSError:
                continue
            found.append((str(path), state.st_size, state.st_mtime_ns))
    return tuple(sorted(found))
