"""Creates whose outcome is not known: nothing made twice, nothing of somebody else's taken over."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from fake_workspace import KILLED, ROOT, FakeWorkspace, MakeProject
from test_deploy import deployed, world

from brickyard.deploy import apply_plan, destroy, make_plan
from brickyard.deploy.calls import MAX_WAIT, Caller, NotReady
from brickyard.deploy.http import ApiFailure, Unreachable
from brickyard.deploy.planning import NotPlanned, Prevented
from brickyard.deploy.selection import narrowed
from brickyard.deploy.state import Entry, State
from brickyard.deploy.unrecorded import find_made
from brickyard.resources import TYPES, Wait

JOB = {"name": "nightly", "max_concurrent_runs": 1, "tasks": [{"task_key": "a"}]}
JOBS = {"jobs": {"nightly": JOB}}
TWO_JOBS = {"jobs": {"nightly": JOB, "other": {"name": "other", "tasks": [{"task_key": "b"}]}}}
DASHBOARD = {
    "dashboards": {
        "d": {
            "display_name": "sales",
            "warehouse_id": "w",
            "parent_path": "/Workspace/x",
            "serialized_dashboard": "{}",
        }
    }
}
SCHEMA = {"schemas": {"s": {"catalog_name": "dev", "name": "sales"}}}
INTENTS = f"{ROOT}/state/intents.json"
Match = Callable[[str, str], bool]


RUN = {"jobs": {"nightly": JOB}, "job_runs": {"once": {"job_id": "${resources.jobs.nightly.id}"}}}
CREATES = ("jobs/create", "schemas", "dashboards")


def is_create(method: str, path: str, ends: tuple[str, ...] = CREATES) -> bool:
    return method == "POST" and path.endswith(ends)


def killed_at_create(
    make_project: MakeProject,
    resources: dict[str, Any],
    *,
    after: bool,
    ends: tuple[str, ...] = CREATES,
) -> None:
    """Deploy in a process that dies before or after its first create."""
    child = os.fork()
    if child == 0:
        real = FakeWorkspace.send

        def send(self: FakeWorkspace, method: str, path: str, **more: Any) -> Any:
            if is_create(method, path, ends):
                if after:
                    real(self, method, path, **more)
                os._exit(KILLED)
            return real(self, method, path, **more)

        FakeWorkspace.send = send  # type: ignore[method-assign]
        try:
            project = make_project(resources)
            apply_plan(project, make_plan(project))
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def put_schema(project: Any, **fields: str) -> None:
    """Somebody makes the schema by other means."""
    made = world(project)
    made["schemas"]["dev.sales"] = {
        "catalog_name": "dev",
        "name": "sales",
        "full_name": "dev.sales",
        **fields,
    }
    project.workspace.disk.write_text(json.dumps(made))


def test_what_was_there_before_a_killed_create_is_not_taken_over(
    make_project: MakeProject,
) -> None:
    put_schema(make_project(SCHEMA), owner="somebody@else")
    killed_at_create(make_project, SCHEMA, after=False)
    project = make_project(SCHEMA)
    failures = apply_plan(project, make_plan(project)).failures
    assert "deployment bind s dev.sales" in failures[0]
    destroy(project)
    assert list(world(project)["schemas"]) == ["dev.sales"]


def test_what_somebody_else_made_since_is_not_taken_over(make_project: MakeProject) -> None:
    killed_at_create(make_project, SCHEMA, after=False)
    put_schema(make_project(SCHEMA), created_by="somebody@else")
    project = make_project(SCHEMA)
    failures = apply_plan(project, make_plan(project)).failures
    assert "deployment bind s dev.sales" in failures[0]
    destroy(project)
    assert list(world(project)["schemas"]) == ["dev.sales"]


def test_what_the_killed_deploy_made_is_taken_over(make_project: MakeProject) -> None:
    killed_at_create(make_project, SCHEMA, after=True)
    project = make_project(SCHEMA)
    deployed(project)
    assert INTENTS not in world(project)["files"]
    destroy(project)
    assert world(project)["schemas"] == {}


@pytest.mark.parametrize("loss", ["connection", "internal error"])
def test_a_create_whose_answer_is_lost_is_not_repeated(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    real = FakeWorkspace.send
    lost: list[str] = []

    def send(self: FakeWorkspace, method: str, path: str, **more: Any) -> Any:
        answer = real(self, method, path, **more)
        if not is_create(method, path) or lost:
            return answer
        lost.append(path)
        if loss == "connection":
            raise Unreachable("https://fake", "no answer in time")
        raise ApiFailure(
            status=500, code="INTERNAL_ERROR", message="oops", method=method, path=path
        )

    monkeypatch.setattr(FakeWorkspace, "send", send)
    first = make_project(JOBS)
    assert len(apply_plan(first, make_plan(first)).failures) == 1
    assert INTENTS in world(first)["files"]
    second = make_project(JOBS, clone="another")
    deployed(second)
    assert len(world(second)["jobs"]) == 1
    assert INTENTS not in world(second)["files"]
    destroy(second)
    assert world(second)["jobs"] == {}


def test_a_run_whose_answer_is_lost_is_not_made_again(make_project: MakeProject) -> None:
    for _ in range(2):
        killed_at_create(make_project, RUN, after=True, ends=("run-now",))
    project = make_project(RUN, clone="another")
    deployed(project)
    assert len(world(project)["runs"]) == 1
    assert INTENTS not in world(project)["files"]
    assert make_plan(project).is_empty


def test_a_run_with_other_parameters_is_another_one(make_project: MakeProject) -> None:
    killed_at_create(make_project, RUN, after=True, ends=("run-now",))
    once = {**RUN["job_runs"]["once"], "job_parameters": {"day": "2"}}
    project = make_project({**RUN, "job_runs": {"once": once}})
    deployed(project)
    parameters = [run["job_parameters"] for run in world(project)["runs"].values()]
    assert parameters == [[], [{"name": "day", "value": "2"}]]


def test_a_broken_connection_fails_one_resource_and_those_that_need_it(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FakeWorkspace.send

    def send(self: FakeWorkspace, method: str, path: str, **more: Any) -> Any:
        if is_create(method, path, ("jobs/create",)):
            url = f"https://fake{path}"
            raise Unreachable("https://fake", "EOF", method=method, url=url)
        return real(self, method, path, **more)

    monkeypatch.setattr(FakeWorkspace, "send", send)
    project = make_project({**RUN, **SCHEMA})
    failures = apply_plan(project, make_plan(project)).failures
    assert failures == (
        'cannot create resources.jobs.nightly: Post "https://fake/api/2.2/jobs/create": EOF',
        "cannot create resources.job_runs.once: dependency failed: resources.jobs.nightly",
    )
    assert list(project.store.pull().state.entries) == ["resources.schemas.s"]
    monkeypatch.undo()
    deployed(make_project({**RUN, **SCHEMA}))
    assert len(world(project)["jobs"]) == len(world(project)["runs"]) == 1


def test_what_needs_what_cannot_be_read_is_not_planned_and_named(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FakeWorkspace.send
    deployed(make_project(RUN))

    def send(self: FakeWorkspace, method: str, path: str, **more: Any) -> Any:
        if path.endswith("jobs/get"):
            raise Unreachable("https://fake", "EOF", method=method, url="https://fake/x")
        return real(self, method, path, **more)

    monkeypatch.setattr(FakeWorkspace, "send", send)
    with pytest.raises(NotPlanned) as told:
        make_plan(make_project(RUN))
    assert [str(part) for part in told.value.parts] == [
        'cannot plan resources.jobs.nightly: reading id="101": Get "https://fake/x": EOF',
        "cannot plan resources.job_runs.once: dependency failed: resources.jobs.nightly",
        "planning failed",
    ]


def test_a_refused_create_leaves_no_doubt(make_project: MakeProject) -> None:
    project = make_project(JOBS, refuses={"jobs/create": "no"})
    assert len(apply_plan(project, make_plan(project)).failures) == 1
    assert INTENTS not in world(project)["files"]


def test_a_selection_keeps_what_is_in_doubt_of_the_others(make_project: MakeProject) -> None:
    killed_at_create(make_project, JOBS, after=True)
    project = make_project(TWO_JOBS)
    some = narrowed(make_plan(project), ("resources.jobs.other",))
    assert apply_plan(project, some).failures == ()
    deployed(make_project(TWO_JOBS))
    names = sorted(job["name"] for job in world(project)["jobs"].values())
    assert names == ["nightly", "other"]


def test_a_recorded_job_is_not_taken_for_a_lost_one_of_the_same_name(
    make_project: MakeProject,
) -> None:
    deployed(make_project(JOBS))
    twins = {"jobs": {"nightly": JOB, "twin": JOB}}
    killed_at_create(make_project, twins, after=False)
    deployed(make_project(twins))
    assert len(world(make_project(twins))["jobs"]) == 2


class Starting:
    """A workspace in which nothing ever becomes ready."""

    calls = 0

    def get(self, path: str, query: object = None) -> dict[str, str]:
        self.calls += 1
        return {"state": "STARTING"}


def test_a_cap_on_waiting_ends_it_with_a_warning_not_a_failure() -> None:
    wait = Wait(path="/x", ready={"state": ("RUNNING",)}, failed={}, timeout_s=1)
    for seconds, calls in ((0.0, 0), (0.01, 1)):
        workspace, said = Starting(), []
        caller = Caller(
            workspace=workspace,  # type: ignore[arg-type]
            max_wait_s=seconds,
            warn=said.append,
        )
        caller.wait(wait, "1")
        assert (workspace.calls > 0) == (calls > 0)
        assert MAX_WAIT in said[0]
    unready = Wait(path="/x", ready={"state": ("RUNNING",)}, failed={}, timeout_s=0)
    with pytest.raises(NotReady, match="not ready"):
        Caller(workspace=Starting()).wait(unready, "1")  # type: ignore[arg-type]


def test_a_cap_that_is_no_number_is_refused(make_project: MakeProject) -> None:
    project = make_project(JOBS)
    project.environment[MAX_WAIT] = "soon"
    with pytest.raises(Prevented, match="non-negative number of seconds"):
        apply_plan(project, make_plan(project))
    assert world(project)["jobs"] == world(project)["files"] == {}


@pytest.mark.parametrize("resources", [JOBS, SCHEMA, DASHBOARD], ids=["job", "schema", "dashboard"])
def test_destroy_deletes_what_an_interrupted_deploy_made(
    make_project: MakeProject, resources: dict[str, Any]
) -> None:
    killed_at_create(make_project, resources, after=True)
    project = make_project(resources)
    (kind,) = resources
    assert len(world(project)[kind]) == 1
    done = destroy(project)
    assert done.succeeded
    assert not world(project)[kind]
    assert not world(project)["files"]


def test_destroy_names_what_it_cannot_look_for(make_project: MakeProject) -> None:
    killed_at_create(make_project, JOBS, after=True)
    said: list[str] = []
    assert destroy(make_project(SCHEMA), say=said.append).succeeded
    assert any("resources.jobs.nightly may have been made" in text for text in said)


def test_a_deploy_names_what_may_have_been_made_and_is_no_longer_declared(
    make_project: MakeProject,
) -> None:
    killed_at_create(make_project, JOBS, after=True)
    said: list[str] = []
    project = make_project(SCHEMA)
    assert apply_plan(project, make_plan(project), say=said.append).failures == ()
    assert any("resources.jobs.nightly may have been made" in text for text in said)


def test_a_lost_dashboard_is_taken_over_unless_its_name_was_taken(
    make_project: MakeProject,
) -> None:
    killed_at_create(make_project, DASHBOARD, after=True)
    project = make_project(DASHBOARD)
    deployed(project)
    assert len(world(project)["dashboards"]) == 1
    assert make_plan(project).is_empty


def test_a_dashboard_of_that_name_that_was_there_is_left_alone(make_project: MakeProject) -> None:
    project = make_project(DASHBOARD)
    body = DASHBOARD["dashboards"]["d"]
    project.workspace.call("POST", "/api/2.0/lakeview/dashboards", body=body)
    killed_at_create(make_project, DASHBOARD, after=False)
    project = make_project(DASHBOARD)
    deployed(project)
    assert len(world(project)["dashboards"]) == 2


def test_an_id_that_another_type_has_as_well_is_looked_for_all_the_same(
    make_project: MakeProject,
) -> None:
    project = make_project(SCHEMA)
    put_schema(project)
    caller = Caller(workspace=project.workspace)
    desired = {"catalog_name": "dev", "name": "sales"}
    for kind, found in (("catalogs", "dev.sales"), ("schemas", None)):
        entries = {f"resources.{kind}.x": Entry(id="dev.sales", state={})}
        state = State(lineage="l", serial=1, entries=entries)
        assert find_made(caller, TYPES["schemas"], desired, "", state) == found
