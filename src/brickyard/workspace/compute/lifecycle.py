"""What becomes of a cluster's body: states, events and libraries, one function a transition.

What takes minutes on Databricks is done at once: a cluster is RUNNING or TERMINATED. `id` and
`who` (a user name) are for messages and events. `clusters` lists what a body has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.compute.libraries import on_restart
from brickyard.workspace.compute.settings import SIZE
from brickyard.workspace.kernel import ApiError, now_ms

RUNNING, TERMINATED = "RUNNING", "TERMINATED"
MOST_EVENTS: Final = 500
OF_THE_END: Final = ("terminated_ms", "terminated_by")
Body = Mapping[str, Any]


def created(settings: Body, who: str) -> Body:
    body = {
        "settings": settings,
        "state": RUNNING,
        "started_ms": now_ms(),
        "is_pinned": False,
        "owner": who,
        "events": [],
        "libraries": [],
    }
    return _noted(body, ("CREATING", "RUNNING"), who)


def runs(body: Body) -> bool:
    return bool(body["state"] == RUNNING)


def edited(body: Body, settings: Body, who: str) -> Body:
    """With other settings; a running cluster restarts with them."""
    after = {**_noted(body, ("EDITED",), who), "settings": settings}
    return restarted(after, who)


def resized(body: Body, size: Body, id: str, who: str) -> Body:
    """With another number of workers, without a restart. Raises INVALID_STATE unless it runs."""
    if not runs(body):
        raise ApiError("INVALID_STATE", f"Cluster {id} is in unexpected state Terminated.")
    kept = {name: item for name, item in body["settings"].items() if name not in SIZE}
    wanted = {name: size[name] for name in SIZE if size.get(name) is not None}
    return {**_noted(body, ("RESIZING",), who), "settings": {**kept, **wanted}}


def started(body: Body, who: str) -> Body:
    """Running again; nothing happens to one that runs."""
    if runs(body):
        return body
    noted = _noted(body, ("STARTING", "RUNNING"), who)
    kept = {name: item for name, item in noted.items() if name not in OF_THE_END}
    return {**kept, "state": RUNNING, "started_ms": now_ms()}


def restarted(body: Body, who: str) -> Body:
    """As after a restart; nothing happens to one that does not run."""
    if not runs(body):
        return body
    noted = _noted(body, ("RESTARTING", "RUNNING"), who)
    return {**noted, "restarted_ms": now_ms(), "libraries": on_restart(body["libraries"])}


def terminated(body: Body, who: str) -> Body:
    """Stopped, with its settings; nothing happens to one that is."""
    if not runs(body):
        return body
    return {
        **_noted(body, ("TERMINATING",), who),
        "state": TERMINATED,
        "terminated_ms": now_ms(),
        "terminated_by": who,
        "libraries": on_restart(body["libraries"]),
    }


def pinned(body: Body, is_pinned: bool, who: str) -> Body:
    if body["is_pinned"] == is_pinned:
        return body
    return {**_noted(body, ("PINNED" if is_pinned else "UNPINNED",), who), "is_pinned": is_pinned}


def owned(body: Body, owner: str, id: str) -> Body:
    """With another owner. Raises INVALID_STATE while it runs."""
    if runs(body):
        raise ApiError("INVALID_STATE", f"Cluster {id} is in unexpected state Running.")
    return {**body, "owner": owner}


def _noted(body: Body, events: tuple[str, ...], who: str) -> Body:
    """With these events at the end; only the newest are kept."""
    at = now_ms()
    made = [{"type": event, "timestamp": at, "details": {"user": who}} for event in events]
    return {**body, "events": [*body["events"], *made][-MOST_EVENTS:]}
