"""The state files of a deployment as they lie there: both engines', here and in the workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from brickyard.deploy.state import BadState
from brickyard.deploy.state_store import NAME, TERRAFORM, StateStore

ENGINES = ((TERRAFORM, "terraform"), (NAME, "direct"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFile:
    """One copy of a state."""

    path: str
    place: str  # local or remote
    engine: str
    serial: int
    lineage: str

    @property
    def line(self) -> str:
        """As the official CLI names it."""
        return (
            f"{self.path}: {self.place} {self.engine} state serial={self.serial}"
            f" lineage={json.dumps(self.lineage)}"
        )


def local_states(folder: Path) -> list[StateFile]:
    """Those below `folder`, the least new first. Raises `BadState`."""
    paths = (folder / "terraform" / TERRAFORM, folder / NAME)
    found = [
        _read(path.as_posix(), path.read_bytes(), "local", engine)
        for path, (_, engine) in zip(paths, ENGINES, strict=True)
        if path.exists()
    ]
    return sorted(found, key=lambda one: one.serial)


def remote_states(store: StateStore) -> list[StateFile]:
    """Those in the workspace. Raises `BadState` and `ApiFailure`."""
    return list(_remote(store))


def _remote(store: StateStore) -> Iterator[StateFile]:
    for name, engine in ENGINES:
        content = store.files.read(f"{store.remote_folder}/{name}")
        if content is not None:
            yield _read(name, content, "remote", engine)


def _read(path: str, content: bytes, place: str, engine: str) -> StateFile:
    try:
        data = json.loads(content)
        serial, lineage = int(data.get("serial") or 0), str(data.get("lineage") or "")
    except (ValueError, AttributeError, TypeError) as reason:
        raise BadState(f"parsing {path}: {reason}") from reason
    return StateFile(path=path, place=place, engine=engine, serial=serial, lineage=lineage)
