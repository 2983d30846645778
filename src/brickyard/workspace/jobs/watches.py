"""Triggers that wait for new files in a volume, or for commits to Delta tables.

Follows `trigger.file_arrival` and `trigger.table_update`. What the job's identity may not read
triggers nothing. What is there when a job's settings change is the beginning, as it is when the
workspace starts: changes that nobody could see are not caught up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine

VOLUMES = "/Volumes/"
LOOK_EVERY_S = 3


@dataclass(slots=True, kw_only=True)
class Watch:
    """What one trigger has seen. A change is a new name, or another number for a known one."""

    settle_s: float = 0  # no further change for so long
    apart_s: float = 0  # since it fired last
    all_of_them: bool = False
    known: dict[str, int] | None = None
    changed: set[str] = field(default_factory=set)
    changed_at: float = 0
    fired_at: float = 0
    looked_at: float = 0

    def may_look(self, now: float) -> bool:
        """Not at every moment: a look may walk through many files."""
        if now - self.looked_at < LOOK_EVERY_S:
            return False
        self.looked_at = now
        return True

    def is_due(self, found: Mapping[str, int], now: float) -> bool:
        """Look at what is there now; whether the job should start."""
        if self.known is None:
            self.known = dict(found)
            return False
        news = {name for name, number in found.items() if self.known.get(name) != number}
        self.known = dict(found)
        if news:
            self.changed |= news
            self.changed_at = now
        if not self.changed or (self.all_of_them and self.changed != set(found)):
            return False
        if now - self.changed_at < self.settle_s or now - self.fired_at < self.apart_s:
            return False
        self.changed = set()
        self.fired_at = now
        return True


def watched(settings: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The kind and settings of the trigger to watch, if the job has one that is not paused."""
    trigger = settings.get("trigger") or {}
    if trigger.get("pause_status") == "PAUSED":
        return None
    if (arrival := trigger.get("file_arrival")) and is_in_a_volume(arrival):
        return "FILE_ARRIVAL", arrival
    if update := trigger.get("table_update"):
        return "TABLE", update
    return None


def watch_for(settings: Mapping[str, Any]) -> Watch:
    return Watch(
        settle_s=float(settings.get("wait_after_last_change_seconds") or 0),
        apart_s=float(settings.get("min_time_between_triggers_seconds") or 0),
        all_of_them=settings.get("condition") == "ALL_UPDATED",
    )


def is_in_a_volume(arrival: Mapping[str, Any]) -> bool:
    """Other places, such as cloud storage, are not there to be watched."""
    return str(arrival.get("url", "")).removeprefix("dbfs:").startswith(VOLUMES)


def look(
    catalog: CatalogEngine,
    principal: Principal,
    workspace: WorkspaceInfo,
    kind: str,
    settings: Mapping[str, Any],
) -> dict[str, int]:
    """Name -> number of everything that the trigger watches and the principal may read."""
    try:
        if kind == "FILE_ARRIVAL":
            return _files(catalog, principal, workspace, str(settings["url"]))
        names = [str(name) for name in settings.get("table_names") or ()]
        return {name: _version(catalog, principal, workspace, name) for name in names}
    except (ApiError, OSError):
        return {}


def _files(
    catalog: CatalogEngine, principal: Principal, workspace: WorkspaceInfo, url: str
) -> dict[str, int]:
    parts = url.removeprefix("dbfs:").removeprefix(VOLUMES).strip("/").split("/")
    if len(parts) < 3 or ".." in parts:
        return {}
    full_name = ".".join(parts[:3])
    if not catalog.can(principal, workspace, "READ_VOLUME", "volume", full_name):
        return {}
    folder = catalog.volume_path(*parts[:3]).joinpath(*parts[3:])
    return {str(path.relative_to(folder)): 0 for path in folder.rglob("*") if path.is_file()}


def _version(
    catalog: CatalogEngine, principal: Principal, workspace: WorkspaceInfo, name: str
) -> int:
    """The number of the table's last commit; -1 while there is none to be read."""
    if not catalog.can(principal, workspace, "SELECT", "table", name):
        return -1
    place = catalog.table(name).storage_location
    if place is None:
        return -1
    log = Path(place, "_delta_log")
    return max((int(one.stem) for one in log.glob("*.json") if one.stem.isdigit()), default=-1)
