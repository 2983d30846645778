"""A deploy killed at any call, before or after its effect: the next one converges.

The process really ends (`os._exit`), so nothing tidies up: no lock release, no log closed.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from fake_workspace import KILLED, MakeProject
from test_deploy import JOB, TWO, deployed, world

from brickyard.deploy import apply_plan, destroy, make_plan

CALLS_AT_MOST = 80


def killed_at(call: int, after: bool, make_project: MakeProject, verb: Any, **options: Any) -> bool:
    """Run `verb` in a process that dies at the call; False when it ended before."""
    child = os.fork()
    if child == 0:
        try:
            verb(make_project(TWO, dies_at=call, after=after, **options))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == KILLED


def deploy(project: Any) -> None:
    apply_plan(project, make_plan(project))


@pytest.mark.parametrize("after", [False, True])
def test_a_killed_deploy_is_finished_by_the_next(make_project: MakeProject, after: bool) -> None:
    (make_project({}).root / "main.py").write_text("print(1)")
    for call in range(1, CALLS_AT_MOST):
        was_killed = killed_at(call, after, make_project, deploy)
        project = make_project(TWO)
        deployed(project)
        assert len(world(project)["jobs"]) == 2, f"killed at call {call}"
        assert list(world(project)["schemas"]) == ["dev.sales"]
        assert make_plan(project).is_empty, f"killed at call {call}"
        destroy(project)
        assert world(project)["jobs"] == {}
        if not was_killed:
            return
    raise AssertionError("the deploy never ended")


def test_another_clone_finishes_it_too(make_project: MakeProject) -> None:
    """The other machine has no log; it knows from the workspace what may have been made."""
    for call in range(1, CALLS_AT_MOST):
        was_killed = killed_at(call, True, make_project, deploy, clone=f"killed{call}")
        project = make_project(TWO, clone=f"next{call}")
        deployed(project)
        assert len(world(project)["jobs"]) == 2, f"killed at call {call}"
        assert make_plan(project).is_empty
        destroy(project)
        if not was_killed:
            return
    raise AssertionError("the deploy never ended")


def test_a_killed_update_and_a_killed_destroy_converge(make_project: MakeProject) -> None:
    old = {"jobs": {"gone": {"name": "gone"}, "nightly": JOB}}
    for call in range(1, CALLS_AT_MOST):
        deployed(make_project(old))
        update_killed = killed_at(call, True, make_project, deploy)
        project = make_project(TWO)
        deployed(project)
        names = sorted(s["name"] for s in world(project)["jobs"].values())
        assert names == ["caller", "nightly"], f"killed at call {call}"
        destroy_killed = killed_at(call, True, make_project, destroy)
        assert destroy(make_project(TWO)).succeeded
        assert world(project)["jobs"] == world(project)["schemas"] == {}
        if not update_killed and not destroy_killed:
            return
    raise AssertionError("it never ended")
