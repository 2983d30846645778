"""A deploy that must not disturb what runs."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.deploy.active import check_idle
from brickyard.deploy.http import Answer, ApiFailure, Workspace, bearer
from brickyard.deploy.planning import Prevented
from brickyard.deploy.state import Entry, State


class Running(Workspace):
    """Job 1 runs, job 2 does not, job 3 is gone; pipelines are in the state they are called."""

    def __init__(self) -> None:
        super().__init__(host="https://x", authorize=bearer("t"))

    def send(self, method: str, path: str, *, query: Any = None, **_: Any) -> Answer:
        if "pipelines" in path:
            return Answer(200, {}, b'{"state": "%s"}' % path.rpartition("/")[2].encode())
        job = str((query or {})["job_id"])
        if job == "3":
            raise ApiFailure(status=404, code="X", message="gone", method=method, path=path)
        return Answer(200, {}, b'{"runs": [{"run_id": 5}]}' if job == "1" else b"{}")


def state(**ids: str) -> State:
    found = State()
    for name, id in ids.items():
        found = found.put(f"resources.{name.replace('__', '.')}", Entry(id=id, state={}))
    return found


def test_what_is_at_rest_or_gone_is_no_hindrance() -> None:
    check_idle(
        Running(),
        state(jobs__a="2", jobs__b="3", pipelines__c="IDLE", pipelines__d="FAILED", schemas__e="1"),
    )


@pytest.mark.parametrize(
    ("recorded", "message"),
    [
        (state(jobs__a="1"), "job 1 is running"),
        (state(pipelines__a="RUNNING"), "pipeline RUNNING is running"),
    ],
)
def test_a_run_stops_the_deploy(recorded: State, message: str) -> None:
    with pytest.raises(Prevented, match=message):
        check_idle(Running(), recorded)
