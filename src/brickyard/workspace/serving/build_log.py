"""What happened when a served entity was built: its requirements, its environment, its failures.

Only the last attempts are kept. `GET .../build-logs` shows the file as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

KEPT_BYTES = 200_000


class BuildLog:
    def __init__(self, path: Path) -> None:
        self._path = path

    def say(self, text: str) -> None:
        """One line, or several that belong together, with the time."""
        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write("".join(f"[{at}] {line}\n" for line in text.splitlines() or [""]))
        if self._path.stat().st_size > KEPT_BYTES:
            data = self._path.read_bytes()[-KEPT_BYTES // 2 :]
            self._path.write_bytes(data.split(b"\n", 1)[-1])

    def begin(self, model: str, requirements: Sequence[str]) -> None:
        self.say(f"Building the environment of {model}")
        for line in requirements:
            if line.strip():
                self.say(f"  {line.strip()}")
