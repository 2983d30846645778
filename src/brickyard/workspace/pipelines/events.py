"""What a pipeline's event log says: the words of each event, and what an update's process writes.

The process appends one JSON object a line to `events.jsonl` of its folder. `{"state": …}` is a new
state of the update; everything else is an event with `type`, `message` and what belongs to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.pipelines.records import NewEvent, Update

ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELED"})
OF_PROCESS: Final = frozenset({"SETTING_UP_TABLES", "RESETTING", "RUNNING"})
SHORT_ID: Final = 6
LEVELS: Final = frozenset({"INFO", "WARN", "ERROR", "METRICS"})


def created(one: Update, user: str) -> NewEvent:
    cause = str(one.request.get("cause", "API_CALL"))
    return NewEvent(
        type="create_update",
        message=f"Update {one.update_id[:SHORT_ID]} started by {cause}.",
        details={"cause": cause, "user_name": user, "full_refresh": one.request["full_refresh"]},
    )


def progress(one: Update, state: str, error: Mapping[str, Any] | None = None) -> NewEvent:
    """The update is, or has, `state`."""
    has = {"COMPLETED": "has COMPLETED", "FAILED": "has FAILED"}.get(state, f"is {state}")
    return NewEvent(
        type="update_progress",
        message=f"Update {one.update_id[:SHORT_ID]} {has}.",
        level="ERROR" if state == "FAILED" else "INFO",
        details={"state": state},
        error=error,
    )


def warning(message: str) -> NewEvent:
    return NewEvent(type="planning_information", message=message, level="WARN")


def failure(message: str, class_name: str = "", *, is_fatal: bool = True) -> dict[str, Any]:
    """An exception as events carry it."""
    one: dict[str, Any] = {"message": message}
    if class_name:
        one["class_name"] = class_name
    return {"fatal": is_fatal, "exceptions": [one]}


class Log:
    """The file that an update's process writes, read as it grows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0

    def new(self) -> Iterator[Mapping[str, Any]]:
        """The lines that were completed since the last look."""
        try:
            with self._file.open("rb") as opened:
                opened.seek(self._at)
                found = opened.read()
        except FileNotFoundError:
            return
        whole, newline, _ = found.rpartition(b"\n")
        self._at += len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue  # the user's code may have written there
            if isinstance(said, dict):
                yield said


def read_event(said: Mapping[str, Any]) -> NewEvent | None:
    """An event of the process, or None for what is none."""
    kind, message = said.get("type"), said.get("message")
    if not isinstance(kind, str) or not isinstance(message, str):
        return None
    level = said.get("level")
    return NewEvent(
        type=kind,
        message=message,
        level=level if level in LEVELS else "INFO",
        origin=_object(said.get("origin")),
        details=_object(said.get("details")),
        error=_object(said.get("error")),
    )


def _object(given: Any) -> Mapping[str, Any] | None:
    return given if isinstance(given, dict) else None
