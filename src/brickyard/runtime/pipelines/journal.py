"""What an update tells the workspace: one JSON object a line, in the order of what happened."""

from __future__ import annotations

import json
import os
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from brickyard.runtime import output

OWN_FOLDER: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
FLOW_STATES: Final[Mapping[str, str]] = {
    "QUEUED": "is QUEUED",
    "PLANNING": "is PLANNING",
    "STARTING": "is STARTING",
    "RUNNING": "is RUNNING",
    "COMPLETED": "has COMPLETED",
    "FAILED": "has FAILED",
    "SKIPPED": "was SKIPPED",
    "EXCLUDED": "is EXCLUDED",
}
MAX_MESSAGE: Final = 20_000


class Journal:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def state(self, name: str) -> None:
        """A new state of the update."""
        self._write({"state": name})

    def event(self, type: str, message: str, **more: Any) -> None:
        self._write({"type": type, "message": message, **more})

    def flow(
        self,
        name: str,
        dataset: str,
        state: str,
        *,
        level: str = "INFO",
        reason: str = "",
        metrics: Mapping[str, Any] | None = None,
        quality: Mapping[str, Any] | None = None,
        error: BaseException | None = None,
    ) -> None:
        """A flow has come to a state."""
        details: dict[str, Any] = {"status": state}
        if metrics:
            details["metrics"] = dict(metrics)
        if quality:
            details["data_quality"] = dict(quality)
        more: dict[str, Any] = {"error": failure(error, is_fatal=False)} if error else {}
        self.event(
            "flow_progress",
            f"Flow '{name}' {FLOW_STATES[state]}{reason or '.'}",
            level="ERROR" if error else level,
            origin={"flow_name": name, "dataset_name": dataset},
            details=details,
            **more,
        )

    def _write(self, said: Mapping[str, Any]) -> None:
        line = output.redacted(json.dumps(said, default=str))
        with self._lock, self._file.open("a") as opened:
            opened.write(line + "\n")


def failure(fault: BaseException, *, is_fatal: bool) -> dict[str, Any]:
    """An exception as events carry it, with those behind it; frames of this room are left out."""
    chain: list[BaseException] = []
    current: BaseException | None = fault
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__
    return {"fatal": is_fatal, "exceptions": [_exception(one) for one in chain]}


def _exception(fault: BaseException) -> dict[str, Any]:
    kind = type(fault)
    frames = [
        {
            "declaring_class": "",
            "method_name": frame.name,
            "file_name": frame.filename,
            "line_number": frame.lineno,
        }
        for frame in traceback.extract_tb(fault.__traceback__)
        if not frame.filename.startswith(OWN_FOLDER)
    ]
    return {
        "class_name": f"{kind.__module__}.{kind.__qualname__}",
        "message": output.redacted(message_of(fault))[:MAX_MESSAGE],
        "stack": frames,
    }


def message_of(fault: BaseException) -> str:
    """What the exception says; a place too, when it is an error of syntax."""
    text = str(fault) or type(fault).__name__
    if isinstance(fault, SyntaxError) and fault.filename:
        return f"{fault.msg} ({fault.filename}, line {fault.lineno})"
    return text
