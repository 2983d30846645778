"""What a pipeline's flows have read already: kept between updates, whole or not at all.

datasets     full name -> kind: the tables that the pipeline made
flows        flow -> {sources: {source -> {id, version}}, files: {path -> mark}, done}
pending      a write that was begun: what will have been read when it is committed

A write and the note of what it read are two steps. The note is made first, as pending, with the
version the target had; after a sudden end, the target's log says whether the write happened.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brickyard.runtime.pipelines import delta_log


class State:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.json"
        self._data: dict[str, Any] = {"datasets": {}, "flows": {}, "pending": None}
        if self._file.exists():
            self._data |= json.loads(self._file.read_text())

    def settle(self) -> None:
        """Find out whether a write that was begun before a sudden end was committed."""
        pending = self._data["pending"]
        if pending is None:
            return
        if delta_log.has_data_since(Path(pending["location"]), pending["version"]):
            self._data["flows"][pending["flow"]] = pending["progress"]
        self._data["pending"] = None
        self._save()

    def progress(self, flow: str) -> Mapping[str, Any]:
        """What the flow has read; empty before its first write."""
        found: Mapping[str, Any] = self._data["flows"].get(flow) or {}
        return found

    def reset(self, flow: str) -> None:
        if self._data["flows"].pop(flow, None) is not None:
            self._save()

    def begin(self, flow: str, progress: Mapping[str, Any], location: Path, version: int) -> None:
        """A write of the flow begins; its target has this version before it."""
        self._data["pending"] = {
            "flow": flow,
            "progress": dict(progress),
            "location": str(location),
            "version": version,
        }
        self._save()

    def done(self, flow: str, progress: Mapping[str, Any]) -> None:
        self._data["flows"][flow] = dict(progress)
        self._data["pending"] = None
        self._save()

    def made(self, dataset: str, kind: str) -> None:
        if self._data["datasets"].get(dataset) != kind:
            self._data["datasets"][dataset] = kind
            self._save()

    def _save(self) -> None:
        beside = self._file.with_suffix(".new")
        with beside.open("w") as opened:
            json.dump(self._data, opened)
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(self._file)
