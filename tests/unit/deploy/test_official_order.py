"""What `bundle deploy` does in which order, and says when, as the official CLI does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fake_workspace import ROOT, MakeProject

from brickyard.cli.dialect import remember
from brickyard.cli.failures import Refused
from brickyard.cli.official_deploy import deploy_officially, say_synced
from brickyard.deploy import Deployed, Project, apply_plan, make_plan
from brickyard.deploy.apply import edges
from brickyard.deploy.binding import bind
from brickyard.deploy.edited import check_edited, stop_if_dashboards_edited
from brickyard.deploy.http import RETRIES, Answer, ApiFailure, Workspace, bearer
from brickyard.deploy.plan import Actual, Desired, PlanFault, plan
from brickyard.deploy.plan_file import BadPlan, read_plan, show_plan
from brickyard.deploy.planning import NotPlanned
from brickyard.deploy.project import BrokenBundle
from brickyard.deploy.state import BadState, Entry, State
from brickyard.deploy.state_store import NotRead
from brickyard.values import value_of

A = {"name": "a", "tasks": [{"task_key": "t"}]}
B = {"name": "b", "tasks": [{"task_key": "t"}], "description": "${resources.jobs.a.id}"}
TWO = {"jobs": {"a": A, "b": B}}
UPLOADED = f"Uploading bundle files to {ROOT}/files..."


@pytest.fixture(autouse=True)
def official() -> Iterator[None]:
    remember(official=True)
    yield
    remember(official=False)


def deploy(project: Project, capsys: pytest.CaptureFixture[str]) -> tuple[str, bool]:
    """What is said of a deploy, and whether it succeeded."""

    def tell_end(deployed: Deployed) -> None:
        print("Done" if deployed.succeeded else "Not done")
        say_synced(deployed.synced)

    went_well = True
    try:
        deploy_officially(
            project,
            None,
            select=(),
            auto_approve=True,
            force=False,
            force_lock=False,
            fail_on_active=False,
            quiet=0,
            say=print,
            told=None,
            tell_end=tell_end,
        )
    except Refused:
        went_well = False
    said = capsys.readouterr()
    return said.out + said.err, went_well


def world(project: Project) -> Any:
    return project.workspace.world  # type: ignore[attr-defined]


def calls(project: Project) -> list[str]:
    found: list[str] = project.workspace.calls  # type: ignore[attr-defined]
    return found


def test_what_cannot_be_planned_is_said_when_the_files_are_there(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project({"jobs": {"b": B}})
    (project.root / "new.txt").write_text("1")
    said, went_well = deploy(project, capsys)
    assert not went_well
    refused = said.index('Error: invalid dependency "${resources.jobs.a.id}"')
    assert refused < said.index("Files: 1 uploaded, 0 deleted")
    assert f"{ROOT}/files/new.txt" in world(project)["files"]
    assert f"{ROOT}/state/deploy.lock" not in world(project)["files"]


def test_what_needs_an_unreadable_resource_is_named_as_waiting_for_it(
    make_project: MakeProject,
) -> None:
    apply_plan(make_project(TWO), make_plan(make_project(TWO)))
    with pytest.raises(NotPlanned) as refused:
        make_plan(make_project(TWO, forbids=("jobs/get",)))
    assert [str(part).partition(": ")[2].partition(":")[0] for part in refused.value.parts] == [
        'reading id="101"',
        "dependency failed",
        "",
    ]


def test_a_failed_script_after_the_deploy_does_not_hide_what_was_done(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project({"jobs": {"a": A}})
    scripts = {"scripts": {"postdeploy": "exit 3"}}
    tree = project.resolved.tree.put("experimental", value_of(scripts))
    project = replace(project, resolved=replace(project.resolved, tree=tree))
    said, went_well = deploy(project, capsys)
    assert not went_well
    assert said.count("failed to execute script: exit status 3") == 1
    assert "Done\n" in said
    assert "Files: 0 uploaded, 0 deleted" in said


def test_the_end_is_told_before_the_lock_goes(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ApiFailure):
        deploy(make_project({"jobs": {"a": A}}, refuses={'deploy.lock"}': "no"}), capsys)
    assert "Done\n" in capsys.readouterr().out


def test_metadata_is_of_what_was_deployed_whole(make_project: MakeProject) -> None:
    failing = make_project(TWO, refuses={"jobs/create": "no"})
    assert apply_plan(failing, make_plan(failing)).failures
    assert f"{ROOT}/state/metadata.json" not in world(failing)["files"]
    project = make_project(TWO)
    assert not apply_plan(project, make_plan(project)).failures
    assert f"{ROOT}/state/metadata.json" in world(project)["files"]


def test_a_resource_is_changed_when_those_that_referred_to_it_are_deleted(
    make_project: MakeProject,
) -> None:
    project = make_project(TWO)
    apply_plan(project, make_plan(project))
    later = make_project({"jobs": {"a": {**A, "name": "a2"}}})
    waits = edges(make_plan(later), later.store.pull().state)
    assert waits == {
        "resources.jobs.a": frozenset({"resources.jobs.b"}),
        "resources.jobs.b": frozenset(),
    }


def test_an_edited_dashboard_is_told_before_the_upload(make_project: MakeProject) -> None:
    board = {"display_name": "d", "warehouse_id": "w", "serialized_dashboard": "{}"}
    project = make_project({"dashboards": {"d": {**board, "parent_path": "/p"}}})
    apply_plan(project, make_plan(project))
    recorded = project.store.pull().state
    stop_if_dashboards_edited(project, recorded)
    (id,) = world(project)["dashboards"]
    project.workspace.call("PATCH", f"/api/2.0/lakeview/dashboards/{id}", body={"x": "y"})
    with pytest.raises(BrokenBundle) as refused:
        stop_if_dashboards_edited(project, recorded)
    assert "modified remotely" in refused.value.diagnostics[0].summary
    (found,) = check_edited(project, make_plan(project), force=False)
    assert "modified remotely" in found.summary
    project.workspace.call("DELETE", f"/api/2.0/lakeview/dashboards/{id}")
    stop_if_dashboards_edited(project, recorded)
    assert check_edited(project, make_plan(project), force=False) == ()


def test_a_bind_looks_for_the_object_before_it_takes_the_lock(make_project: MakeProject) -> None:
    project = make_project({"schemas": {"s": {"catalog_name": "dev", "name": "sales"}}})
    with pytest.raises(PlanFault, match=r"dev\.nope"):
        bind(
            project,
            "resources.schemas.s",
            "dev.nope",
            agrees=lambda _: True,
            say=lambda _: None,
        )
    assert not any("deploy.lock" in call for call in calls(project))


def test_a_plan_of_another_version_names_both() -> None:
    with pytest.raises(BadPlan, match=r"plan has version 9 \(generated with CLI \"1.2\"\)"):
        read_plan(json.dumps({"plan_version": 9, "cli_version": "1.2"}), "p.json")
    with pytest.raises(BadPlan, match=r"plan has version 0 .* current version is 2"):
        read_plan("[]", "p.json")


def test_states_of_two_deployments_are_both_named(make_project: MakeProject) -> None:
    project = make_project({"jobs": {"a": A}})
    apply_plan(project, make_plan(project))
    local = project.store.path
    other = json.loads(local.read_text()) | {"lineage": "other"}
    local.write_text(json.dumps(other))
    with pytest.raises(BadState) as refused:
        project.store.pull()
    lines = str(refused.value).splitlines()
    assert lines[0] == "lineage mismatch in state files"
    assert lines[-1] == f'- {local}: local direct state serial=1 lineage="other"'


def test_a_state_that_may_not_be_read_is_named(make_project: MakeProject) -> None:
    with pytest.raises(NotRead, match=r"^reading resources\.json: opening: no"):
        make_project(TWO, forbids=("GET /api/2.0/workspace/export",)).store.pull()


def test_a_read_that_is_made_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([Answer(502, {}, b"{}"), Answer(200, {}, b'{"a": 1}')])
    monkeypatch.setattr(Workspace, "_once", lambda *_: next(answers))
    said: list[str] = []
    token = RETRIES.set(said.append)
    workspace = Workspace(host="https://x", authorize=bearer("t"), pause=lambda _: None)
    assert workspace.get("/api/2.2/jobs/get", {"job_id": 1}) == {"a": 1}
    RETRIES.reset(token)
    assert said == ["retrying after 502 Bad Gateway from GET /api/2.2/jobs/get"]


def test_what_is_deleted_and_cannot_be_read_is_a_warning(make_project: MakeProject) -> None:
    apply_plan(make_project(TWO), make_plan(make_project(TWO)))
    said: list[str] = []
    made = make_plan(make_project({}, refuses={"jobs/get": "odd"}), say=said.append)
    assert {node.action.word for node in made.nodes.values()} == {"delete"}
    assert sorted(said) == [
        f'Warn: planning resources.jobs.{key}: reading resources.jobs.{key} id="{id}": odd'
        for key, id in (("a", 101), ("b", 102))
    ]


def test_a_lost_resource_is_planned_with_what_the_bundle_changed(make_project: MakeProject) -> None:
    apply_plan(make_project(TWO), make_plan(make_project(TWO)))
    project = make_project({"jobs": {"a": {**A, "name": "a2"}, "b": B}})
    project.workspace.post("/api/2.2/jobs/delete", {"job_id": 101})
    node = make_plan(project).nodes["resources.jobs.a"]
    (change,) = node.changes.values()
    assert node.action.word == "create"
    assert (change.action.word, change.old, change.new, change.remote) == (
        "update",
        "a",
        "a2",
        None,
    )


def test_grants_of_a_schema_that_is_made_anew_are_an_update(make_project: MakeProject) -> None:
    grants = [{"principal": "account users", "privileges": ["SELECT"]}]
    schema = {"catalog_name": "dev", "name": "sales", "grants": grants}
    project = make_project({"schemas": {"s": schema}})
    apply_plan(project, make_plan(project))
    later = make_project({"schemas": {"s": {**schema, "name": "renamed"}}})
    shown = show_plan(make_plan(later))["plan"]["resources.schemas.s.grants"]
    assert shown["action"] == "update"
    assert shown["new_state"]["vars"] == {"full_name": "${resources.schemas.s.id}"}
    assert shown["changes"] == {
        "full_name": {"action": "update", "old": "dev.sales", "new": "", "remote": "dev.sales"}
    }
    apply_plan(later, make_plan(later))
    entry = later.store.pull().state.entries["resources.schemas.s.grants"]
    assert entry.state["full_name"] == "dev.renamed"
    assert make_plan(later).is_empty


def test_permissions_named_by_a_field_of_the_answer_follow_every_change() -> None:
    """Until the model was changed nobody knows that its number stays."""
    address = "resources.models.m"
    access = f"{address}.permissions"
    entries = [{"group_name": "users", "level": "CAN_READ"}]
    state = State(
        entries={
            address: Entry(id="m", state={"name": "m", "description": "old"}),
            access: Entry(
                id="/registered-models/7",
                state={"object_id": "/registered-models/7", "__embed__": entries},
            ),
        }
    )
    actual = {
        address: Actual(
            configuration={"name": "m", "description": "old"},
            whole={"name": "m", "id": "7", "model_id": "7"},
        ),
        access: Actual(configuration=entries, whole={"__embed__": entries}),
    }

    def actions(description: str) -> dict[str, str]:
        wanted = {"name": "m", "description": description}
        desired = [
            Desired(address=address, type="models", key="m", value=wanted),
            Desired(address=access, type="models", key="m", value=entries, part="permissions"),
        ]
        return {a: node.action.word for a, node in plan(state, desired, actual).nodes.items()}

    assert actions("new") == {address: "update", access: "update"}
    assert actions("old") == {address: "skip", access: "skip"}
