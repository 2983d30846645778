"""Deploying to a fake workspace: order, failures, drift, plans that survive their file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from fake_workspace import ROOT, MakeProject

from brickyard.bundle import CurrentUser, Facts, resolve
from brickyard.deploy import Project, apply_plan, destroy, make_plan, read_plan, write_plan
from brickyard.deploy.lock import Locked, acquire
from brickyard.deploy.may_deploy import NoFolder
from brickyard.deploy.plan import Action
from brickyard.deploy.plan_file import BadPlan
from brickyard.deploy.planning import Prevented, losses
from brickyard.deploy.project import OF_DEPLOYS, BrokenBundle, stop_on_errors
from brickyard.values import value_of

JOB = {"name": "nightly", "max_concurrent_runs": 1, "tasks": [{"task_key": "a"}]}
TWO = {
    "schemas": {"s": {"catalog_name": "dev", "name": "sales"}},
    "jobs": {
        "nightly": {
            **JOB,
            "parameters": [{"name": "schema", "default": "${resources.schemas.s.full_name}"}],
            "permissions": [{"level": "CAN_MANAGE", "user_name": "jane@x"}],
        },
        "caller": {
            "name": "caller",
            "tasks": [
                {
                    "task_key": "call",
                    "run_job_task": {"job_id": "${resources.jobs.nightly.id}"},
                }
            ],
        },
    },
}


def deployed(project: Project) -> Any:
    done = apply_plan(project, make_plan(project))
    assert done.failures == ()
    return done


def world(project: Project) -> Any:
    return project.workspace.world  # type: ignore[attr-defined]


def actions(project: Project) -> dict[str, str]:
    plan = make_plan(project)
    return {address: node.action.word for address, node in plan.nodes.items()}


def test_resources_are_created_in_the_order_of_their_references(make_project: MakeProject) -> None:
    project = make_project(TWO)
    deployed(project)
    calls = [c for c in project.workspace.calls if c.startswith("POST")]  # type: ignore[attr-defined]
    calls = [c for c in calls if "create" in c or "schemas" in c]
    assert calls[0].endswith("schemas")
    jobs = {settings["name"]: (id, settings) for id, settings in world(project)["jobs"].items()}
    called = jobs["caller"][1]["tasks"][0]["run_job_task"]["job_id"]
    assert called == int(jobs["nightly"][0])
    assert jobs["nightly"][1]["parameters"][0]["default"] == "dev.sales"


def test_a_second_deploy_changes_nothing(make_project: MakeProject) -> None:
    (make_project({}).root / "main.py").write_text("print(1)")
    deployed(make_project(TWO))
    project = make_project(TWO)
    again = deployed(project)
    assert again.changed_nothing
    writes = [c for c in project.workspace.calls if "import-file" in c]  # type: ignore[attr-defined]
    assert len(writes) == 1
    assert "deploy.lock" in writes[0]


def test_a_fresh_clone_uploads_nothing_that_is_there(make_project: MakeProject) -> None:
    for clone in ("a", "b"):
        (make_project({}, clone=clone).root / "main.py").write_text("print(1)")
    first = deployed(make_project(TWO))
    second = deployed(make_project(TWO, clone="b"))
    assert first.synced.uploaded == 1
    assert second.changed_nothing


def test_a_removed_file_is_removed_from_the_workspace(make_project: MakeProject) -> None:
    main = make_project({}).root / "lib" / "main.py"
    main.parent.mkdir()
    main.write_text("print(1)")
    deployed(make_project({}))
    assert f"{ROOT}/files/lib/main.py" in world(make_project({}))["files"]
    main.unlink()
    done = deployed(make_project({}))
    assert done.synced.deleted == 1
    assert f"{ROOT}/files/lib/main.py" not in world(make_project({}))["files"]


def test_a_change_updates_in_place_and_drift_is_put_right(make_project: MakeProject) -> None:
    deployed(make_project({"jobs": {"nightly": JOB}}))
    changed = make_project({"jobs": {"nightly": {**JOB, "max_concurrent_runs": 2}}})
    plan = make_plan(changed)
    node = plan.nodes["resources.jobs.nightly"]
    assert node.action is Action.UPDATE
    assert list(node.changes) == ["max_concurrent_runs"]
    deployed(changed)
    disk = changed.workspace.disk  # type: ignore[attr-defined]
    now = json.loads(disk.read_text())
    for settings in now["jobs"].values():
        settings["tags"] = {"by": "hand"}
    disk.write_text(json.dumps(now))
    assert actions(changed) == {"resources.jobs.nightly": "update"}
    deployed(changed)
    assert actions(changed) == {"resources.jobs.nightly": "skip"}


def test_an_object_deleted_outside_is_created_again(make_project: MakeProject) -> None:
    project = make_project({"jobs": {"nightly": JOB}})
    deployed(project)
    disk = project.workspace.disk  # type: ignore[attr-defined]
    disk.write_text(json.dumps(world(project) | {"jobs": {}}))
    assert actions(project) == {"resources.jobs.nightly": "create"}


def test_a_renamed_schema_is_recreated_and_the_loss_is_named(make_project: MakeProject) -> None:
    deployed(make_project({"schemas": {"s": {"catalog_name": "dev", "name": "old"}}}))
    plan = make_plan(make_project({"schemas": {"s": {"catalog_name": "dev", "name": "new"}}}))
    (loss,) = losses(plan)
    assert loss.node.action is Action.RECREATE
    assert "tables" in loss.line


def test_prevent_destroy_stops_before_anything_happens(make_project: MakeProject) -> None:
    guard = {"lifecycle": {"prevent_destroy": True}}
    deployed(make_project({"schemas": {"s": {"catalog_name": "dev", "name": "old", **guard}}}))
    project = make_project({"schemas": {"s": {"catalog_name": "dev", "name": "new", **guard}}})
    with pytest.raises(Prevented, match="prevent_destroy"):
        deployed(project)
    with pytest.raises(Prevented, match="recreated or destroyed"):
        destroy(project)
    assert list(world(project)["schemas"]) == ["dev.old"]


def test_a_failure_skips_dependants_by_name_and_nothing_else(make_project: MakeProject) -> None:
    project = make_project(TWO, refuses={"jobs/create": "quota reached"})
    done = apply_plan(project, make_plan(project))
    assert "cannot create resources.jobs.nightly: quota reached" in done.failures[0]
    assert done.failures[1] == (
        "cannot create resources.jobs.caller: dependency failed: resources.jobs.nightly"
    )
    assert list(world(project)["schemas"]) == ["dev.sales"]
    deployed(make_project(TWO))
    assert len(world(project)["jobs"]) == 2


def test_a_destroy_leaves_nothing_and_a_deploy_starts_over(make_project: MakeProject) -> None:
    project = make_project(TWO)
    deployed(project)
    assert destroy(project).succeeded
    assert world(project)["jobs"] == world(project)["schemas"] == world(project)["files"] == {}
    assert destroy(project).succeeded
    deployed(make_project(TWO, clone="b"))
    deployed(make_project(TWO))


def test_a_plan_survives_its_file(make_project: MakeProject) -> None:
    project = make_project(TWO)
    plan = make_plan(project)
    assert write_plan(read_plan(write_plan(plan), "p")) == write_plan(plan)
    done = apply_plan(project, read_plan(write_plan(plan), "p"))
    assert done.succeeded
    assert make_plan(project).is_empty


def test_a_plan_overtaken_by_another_deploy_is_refused(make_project: MakeProject) -> None:
    plan = make_plan(make_project(TWO))
    deployed(make_project(TWO, clone="b"))
    with pytest.raises(BadPlan, match="make a new plan"):
        apply_plan(make_project(TWO), plan)


def test_a_renamed_key_does_not_collide_with_its_old_self(make_project: MakeProject) -> None:
    schema = {"catalog_name": "dev", "name": "sales"}
    deployed(make_project({"schemas": {"old": schema}}))
    project = make_project({"schemas": {"new": schema}})
    deployed(project)
    assert list(world(project)["schemas"]) == ["dev.sales"]


def test_the_lock_names_its_holder(make_project: MakeProject) -> None:
    project = make_project(TWO)
    lock = acquire(project.files, f"{ROOT}/state", user="bob@x")
    with pytest.raises(
        Locked,
        match=r"deploy lock acquired by bob@x at [-\d]+ [:.\d]+ \+0000 UTC.\n.*--force-lock",
    ):
        deployed(project)
    lock.release()
    deployed(project)


def test_the_lock_is_forced_by_the_target_too(make_project: MakeProject) -> None:
    project = make_project(TWO)
    acquire(project.files, f"{ROOT}/state", user="bob@x")
    forced = value_of({"lock": {"force": True}})
    tree = project.resolved.tree.put_all({("bundle", "deployment"): forced})
    deployed(replace(project, resolved=replace(project.resolved, tree=tree)))


def test_a_lock_taken_by_force_meanwhile_fails_the_deploy_which_is_recorded(
    make_project: MakeProject,
) -> None:
    project = make_project(TWO)
    plan = make_plan(project)
    seized: list[object] = []

    def seize(_: object) -> None:
        if not seized:
            seized.append(acquire(project.files, f"{ROOT}/state", user="bob@x", force=True))

    with pytest.raises(Locked, match="unlock called when lock is not held"):
        apply_plan(project, plan, seize)
    assert make_plan(project).is_empty


def test_a_folder_that_cannot_be_written_says_whom_to_ask(make_project: MakeProject) -> None:
    project = make_project(TWO, forbids=("deploy.lock",))
    entries = [
        {"level": "CAN_MANAGE", "user_name": "bob@x"},
        {"level": "CAN_VIEW", "user_name": "eve@x"},
    ]
    tree = project.resolved.tree.put_all({("permissions",): value_of(entries)})
    project = replace(project, resolved=replace(project.resolved, tree=tree))
    with pytest.raises(NoFolder, match=r"as jane@x\.\nPlease make sure.*\n.*include: bob@x\."):
        deployed(project)
    entries.append({"level": "CAN_MANAGE", "user_name": "jane@x"})
    tree = project.resolved.tree.put_all({("permissions",): value_of(entries)})
    project = replace(project, resolved=replace(project.resolved, tree=tree))
    with pytest.raises(NoFolder, match=r"Cannot apply local.*\n.*bob@x\.\nThey can redeploy"):
        deployed(project)


def test_what_may_not_be_deleted_is_forgotten_with_a_warning(make_project: MakeProject) -> None:
    deployed(make_project(TWO))
    said: list[str] = []
    project = make_project({}, forbids=("jobs/delete",))
    done = apply_plan(project, make_plan(project), say=said.append)
    assert done.failures == ()
    assert len(world(project)["jobs"]) == 2
    assert world(project)["schemas"] == {}
    assert "Ignoring permission error when deleting resources.jobs.nightly" in "".join(said)
    assert done.state.entries == {}


def test_a_recreate_whose_delete_is_forbidden_fails(make_project: MakeProject) -> None:
    deployed(make_project(TWO))
    moved = {"schemas": {"s": {"catalog_name": "other", "name": "sales"}}}
    project = make_project(moved, forbids=("DELETE /api/2.1/unity-catalog/schemas",))
    done = apply_plan(project, make_plan(project))
    assert any("cannot recreate resources.schemas.s" in line for line in done.failures)
    assert "resources.schemas.s" in done.state.entries


def test_permissions_removed_from_the_bundle_are_left_in_place(make_project: MakeProject) -> None:
    project = make_project(TWO)
    deployed(project)
    nightly = {k: v for k, v in TWO["jobs"]["nightly"].items() if k != "permissions"}
    less = make_project({**TWO, "jobs": {**TWO["jobs"], "nightly": nightly}})
    assert actions(less)["resources.jobs.nightly.permissions"] == "delete"
    deployed(less)
    assert len(world(project)["acls"]) == 1
    assert make_plan(less).is_empty


def test_grants_emptied_in_the_bundle_are_withdrawn_and_forgotten(
    make_project: MakeProject,
) -> None:
    schema = {"catalog_name": "dev", "name": "s"}
    given = [{"principal": "users", "privileges": ["USE_SCHEMA"]}]
    deployed(make_project({"schemas": {"s": {**schema, "grants": given}}}))
    project = make_project({"schemas": {"s": {**schema, "grants": []}}})
    assert actions(project)["resources.schemas.s.grants"] == "update"
    done = deployed(project)
    assert world(project)["grants"] == {"schema/dev.s": {"users": []}}
    assert list(done.state.entries) == ["resources.schemas.s"]
    assert list(actions(project)) == ["resources.schemas.s"]


def test_each_reference_to_a_node_is_an_edge_of_its_own(make_project: MakeProject) -> None:
    job = {
        **JOB,
        "description": "${resources.schemas.s.name} in ${resources.schemas.s.catalog_name}",
    }
    schema = {"catalog_name": "dev", "name": "s"}
    plan = make_plan(make_project({"jobs": {"j": job}, "schemas": {"s": schema}}))
    assert [edge.label for edge in plan.nodes["resources.jobs.j"].depends_on] == [
        "${resources.schemas.s.catalog_name}",
        "${resources.schemas.s.name}",
    ]


def test_what_only_a_deploy_must_not_get_past_is_tolerated_by_other_verbs() -> None:
    resolved = resolve(
        {
            "databricks.yml": b"bundle: {name: x}\nresources: {jobs: {j: {tasks: [{task_key: t,"
            b" spark_python_task: {python_file: /x.py}}]}}}"
        },
        facts=Facts(user=CurrentUser(user_name="jane@x")),
    )
    with pytest.raises(BrokenBundle):
        stop_on_errors(resolved)
    stop_on_errors(resolved, but=OF_DEPLOYS)
    assert resolved.tree.get("resources.jobs.j.deployment.kind") is not None
