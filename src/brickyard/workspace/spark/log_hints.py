"""Hints in Delta logs that lead Sail past the commits it needs.

`_delta_log/_last_checkpoint` names the newest checkpoint; by the Delta protocol it is a hint that a
reader can do without. Sail 0.7 begins its listing of the log there even when it wants an older
version: time travel to before the newest checkpoint, or a commit that lost the race against the one
that made the checkpoint, fails with "Missing commit file". Without the hint it lists the whole log
and reads right. The next checkpoint brings the hint back.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

MISSING: Final = "Missing commit file: expected version"
HINT: Final = "_delta_log/_last_checkpoint"


def misled(fault: str) -> bool:
    """Whether the engine's error is the one that a hint causes."""
    return MISSING in fault


def drop(folders: Iterable[Path]) -> None:
    """Remove the hints of all tables in these folders."""
    for folder in folders:
        for hint in folder.rglob(HINT):
            hint.unlink(missing_ok=True)
