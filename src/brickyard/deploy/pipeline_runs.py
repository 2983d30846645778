"""Running a pipeline of a deployed bundle: an update started, followed by its events to its end.

Follows the official CLI (`bundle/run/pipeline.go`, `bundle/run/progress/pipeline.go`): the same
request, the same filter of events, the same line for each. Losing contact does not stop the update.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.deploy.http import ApiFailure, Json, Unreachable, Workspace, segment
from brickyard.deploy.project import Project
from brickyard.deploy.run import RunLost, Runnable, RunRefused

BASE: Final = "/api/2.0/pipelines"
PAUSES_S: Final = (0.2, 0.3, 0.5)
SLOWEST_S: Final = 1.0
STOP_LIMIT_S: Final = 20 * 60.0
EVENT_PAGE: Final = 100
SHOWN: Final = frozenset({"update_progress", "flow_progress"})
ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """What of the pipeline to bring up to date; everything, when nothing is said."""

    refresh_all: bool = False
    refresh: Sequence[str] = ()
    full_refresh_all: bool = False
    full_refresh: Sequence[str] = ()
    validate_only: bool = False

    def body(self) -> Json:
        """The request. Raises RunRefused for what excludes each other."""
        flags = {
            "--refresh-all": self.refresh_all,
            "--full-refresh-all": self.full_refresh_all,
            "--validate-only": self.validate_only,
        }
        given = [flag for flag, is_given in flags.items() if is_given]
        if len(given) > 1:
            raise RunRefused(f"{', '.join(given)} pipeline run flags are mutually exclusive")
        if given and (self.refresh or self.full_refresh):
            raise RunRefused(
                f"cannot use --refresh or --full-refresh together with {given[0]}, these flags"
                " are mutually exclusive"
            )
        body: Json = {}
        if self.refresh:
            body["refresh_selection"] = list(self.refresh)
        if self.full_refresh_all:
            body["full_refresh"] = True
        if self.full_refresh:
            body["full_refresh_selection"] = list(self.full_refresh)
        if self.validate_only:
            body["validate_only"] = True
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRun:
    """An update as it ended, or as it was started when nobody waited."""

    update_id: str
    state: str = ""
    errors: tuple[Json, ...] = ()  # events, oldest first

    @property
    def why(self) -> str:
        """What the first exception says."""
        messages = [message for event in self.errors for message in exceptions(event)]
        return messages[0] if messages else ""


def run_pipeline(
    project: Project,
    pipeline: Runnable,
    wanted: Refresh,
    *,
    wait: bool = True,
    restart: bool = False,
    started: Callable[[str], None] = lambda _: None,
    progress: Callable[[Json], None] = lambda _: None,
) -> PipelineRun:
    """Start an update and, unless `wait` is false, follow it to its end.

    `started` is told its URL, `progress` each event. Raises `RunRefused` when it cannot be started
    and `RunLost` when the workspace went away meanwhile; one that fails is not raised.
    """
    workspace = project.workspace
    if restart:
        _stop(workspace, pipeline)
    try:
        update_id = str(workspace.post(_path(pipeline.id, "updates"), wanted.body())["update_id"])
    except ApiFailure as refused:
        raise RunRefused(f"cannot run pipeline {pipeline.name}: {refused}") from refused
    url = f"{workspace.host}/#joblist/pipelines/{pipeline.id}/updates/{update_id}"
    started(url)
    if not wait:
        return PipelineRun(update_id=update_id)
    try:
        state = _follow(workspace, pipeline.id, update_id, progress)
        errors = _errors(workspace, pipeline.id, update_id) if state == "FAILED" else ()
    except Unreachable as lost:
        ended = "" if workspace.environment else f"; if it still runs, it is at {url}"
        raise RunLost(
            f"lost contact with update {update_id} of pipeline {pipeline.name}: {lost}{ended}"
        ) from lost
    return PipelineRun(update_id=update_id, state=state, errors=errors)


def await_update(workspace: Workspace, pipeline: Runnable) -> str:
    """Wait until no update of the pipeline is under way; the id of the one waited for, or ''."""
    latest = workspace.get(_path(pipeline.id)).get("latest_updates") or ()
    for update in latest:
        if update.get("state") not in ENDED:
            _follow(workspace, pipeline.id, str(update["update_id"]), lambda _: None)
            return str(update["update_id"])
    return ""


def event_line(event: Mapping[str, Any]) -> str:
    """An event as the official CLI prints it; an error with what its exceptions say."""
    kind, level = str(event.get("event_type", "")), str(event.get("level", ""))
    line = f'{event.get("timestamp", "")} {kind:<15} {level} "{event.get("message", "")}"'
    return "\n".join((line, *(exceptions(event) if level == "ERROR" else ())))


def exceptions(event: Mapping[str, Any]) -> list[str]:
    found = (event.get("error") or {}).get("exceptions") or ()
    return [str(one.get("message", "")) for one in found]


def _follow(workspace: Workspace, id: str, update_id: str, progress: Callable[[Json], None]) -> str:
    last, polls = "", 0
    while True:
        # The state first: whatever led to an end is among the events then.
        got = workspace.get(_path(id, "updates", update_id))
        state = str((got.get("update") or {}).get("state", ""))
        after = f" AND timestamp > '{last}'" if last else ""
        for event in reversed(_events(workspace, id, f"update_id = '{update_id}'{after}")):
            last = str(event.get("timestamp", last))
            if event.get("event_type") in SHOWN:
                progress(event)
        if state in ENDED:
            return state
        time.sleep(PAUSES_S[polls] if polls < len(PAUSES_S) else SLOWEST_S)
        polls += 1


def _events(workspace: Workspace, id: str, text: str) -> list[Json]:
    query = {"filter": text, "max_results": EVENT_PAGE}
    return list(workspace.pages(_path(id, "events"), "events", query))


def _errors(workspace: Workspace, id: str, update_id: str) -> tuple[Json, ...]:
    found = _events(workspace, id, f"level='ERROR' AND update_id='{update_id}'")
    return tuple(reversed(found))


def _stop(workspace: Workspace, pipeline: Runnable) -> None:
    """Stop the active update, if there is one, and wait until the pipeline is idle."""
    workspace.call("POST", _path(pipeline.id, "stop"))
    give_up_at = time.monotonic() + STOP_LIMIT_S
    while workspace.get(_path(pipeline.id)).get("state") not in ("IDLE", "FAILED"):
        if time.monotonic() > give_up_at:
            raise RunRefused(f"the active update of pipeline {pipeline.name} does not stop")
        time.sleep(SLOWEST_S)


def _path(*parts: str) -> str:
    return "/".join((BASE, *(segment(part) for part in parts)))
