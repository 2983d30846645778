"""Changes of the workspace find their place in the files, and their references again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brickyard.bundle import BundleFiles, CurrentUser, Facts, as_written, resolve
from brickyard.deploy.config_sync import (
    Change,
    NotDeployed,
    Operation,
    changed_files,
    changes_of,
    route,
    selected,
    shown,
)
from brickyard.deploy.config_sync.blocks import blocks_of
from brickyard.deploy.config_sync.restoring import References, restored
from brickyard.deploy.plan import Action, Node, Plan
from brickyard.deploy.plan import Change as Planned
from brickyard.deploy.state import Entry, State

JOB = "resources.jobs.a"
TEXT = """\
bundle:
  name: shop
variables:
  who:
    default: people
  pre:
    default: abc
include:
  - more.yml
targets:
  dev:
    default: true
    resources:
      jobs:
        a:
          tasks:
            - task_key: main
              timeout_seconds: 60
"""
MORE = """\
resources:
  jobs:
    a:
      name: one
      description: ${var.who} and ${var.pre}
      tasks:
        - task_key: zeta
          run_job_task: {job_id: 1}
        - task_key: main
          condition_task:
            op: EQUAL_TO
            left: ${var.who}
            right: b
"""


def written_with(
    tmp_path: Path, changes: Mapping[str, Change], ids: Mapping[str, str] = {}
) -> tuple[dict[str, str], Mapping[str, Change]]:
    """The files after the changes, and what became of these."""
    for name, text in (("databricks.yml", TEXT), ("more.yml", MORE)):
        (tmp_path / name).write_text(text)
    files = BundleFiles({"databricks.yml": TEXT.encode(), "more.yml": MORE.encode()})
    facts = Facts(user=CurrentUser(user_name="me@example.com"))
    resolved = resolve(files, facts=facts)
    assert not resolved.has_errors, resolved.diagnostics
    written = as_written(files, facts=facts, target="dev")
    blocks = blocks_of(files, resolved.tree, "dev")
    routed = route({JOB: changes}, tree=resolved.tree, written=written, blocks=blocks)
    references = References(resolved.tree, ids)
    edits = [restored(edit, written, references) for edit in routed.edits]
    made = changed_files(edits, root=tmp_path, sync_root=tmp_path)
    return {one.path.name: one.modified for one in made}, routed.changes[JOB]


def replaced(value: Any) -> Change:
    return Change(operation=Operation.REPLACE, value=value)


def added(value: Any) -> Change:
    return Change(operation=Operation.ADD, value=value)


REMOVED = Change(operation=Operation.REMOVE)


def test_a_field_is_written_in_the_block_that_decides_it(tmp_path: Path) -> None:
    files, _ = written_with(
        tmp_path,
        {
            "tasks[task_key='main'].timeout_seconds": replaced(90),
            "tasks[task_key='main'].condition_task.right": replaced("c"),
        },
    )
    assert files == {
        "databricks.yml": TEXT.replace("60", "90"),
        "more.yml": MORE.replace("right: b", "right: c"),
    }


def test_an_index_is_that_of_the_file_not_of_the_merged_list(tmp_path: Path) -> None:
    files, _ = written_with(tmp_path, {"tasks[task_key='zeta'].run_job_task.job_id": replaced(2)})
    assert "zeta\n          run_job_task:\n            job_id: 2\n" in files["more.yml"]
    assert list(files) == ["more.yml"]


def test_an_element_is_removed_wherever_it_is_written(tmp_path: Path) -> None:
    files, _ = written_with(tmp_path, {"tasks[task_key='main']": REMOVED})
    assert "main" not in files["more.yml"]
    assert files["databricks.yml"].endswith("          tasks: []\n")


def test_a_renamed_element_keeps_its_parts_where_they_are(tmp_path: Path) -> None:
    element = {
        "condition_task": {"op": "EQUAL_TO", "left": "people", "right": "b"},
        "timeout_seconds": 60,
    }
    files, _ = written_with(
        tmp_path,
        {
            "tasks[task_key='main']": REMOVED,
            "tasks[task_key='new']": added({"task_key": "new", **element}),
        },
    )
    assert files == {
        "databricks.yml": TEXT.replace("main", "new"),
        "more.yml": MORE.replace("main", "new"),
    }


def test_a_renamed_and_edited_element_of_two_blocks_is_left_alone(tmp_path: Path) -> None:
    element = {
        "condition_task": {"op": "EQUAL_TO", "left": "people", "right": "b"},
        "timeout_seconds": 61,
    }
    files, _ = written_with(
        tmp_path,
        {
            "tasks[task_key='main']": REMOVED,
            "tasks[task_key='new']": added({"task_key": "new", **element}),
        },
    )
    assert files == {}


def test_references_stay_where_their_values_do(tmp_path: Path) -> None:
    files, _ = written_with(
        tmp_path,
        {
            "description": replaced("people or abc"),
            "tasks[task_key='main'].condition_task": replaced(
                {"op": "NOT_EQUAL", "left": "people", "right": "b"}
            ),
        },
    )
    assert "description: ${var.who} or ${var.pre}\n" in files["more.yml"]
    assert "left: ${var.who}\n" in files["more.yml"]


def test_a_variable_becomes_the_one_that_has_the_value(tmp_path: Path) -> None:
    path = "tasks[task_key='main'].condition_task.left"
    files, _ = written_with(tmp_path, {path: replaced("abc")})
    assert "left: ${var.pre}\n" in files["more.yml"]
    files, _ = written_with(tmp_path, {path: replaced("else")})
    assert "left: else\n" in files["more.yml"]


def test_a_new_element_has_its_neighbours_references(tmp_path: Path) -> None:
    task = {"task_key": "new", "condition_task": {"op": "NOT_EQUAL", "left": "people"}}
    files, _ = written_with(tmp_path, {"tasks[task_key='new']": added(task)})
    assert files["more.yml"].endswith(
        "        - condition_task:\n"
        "            left: ${var.who}\n"
        "            op: NOT_EQUAL\n"
        "          task_key: new\n"
    )


def test_what_no_file_says_is_added_and_told_so(tmp_path: Path) -> None:
    files, told = written_with(tmp_path, {"max_concurrent_runs": replaced(4)})
    assert files["more.yml"].endswith("      max_concurrent_runs: 4\n")
    assert told["max_concurrent_runs"].operation is Operation.ADD


def plan_of(**changes: Planned) -> Plan:
    node = Node(address=JOB, action=Action.UPDATE, changes=changes, remote={"job_id": 1})
    access = replace(node, address=f"{JOB}.permissions")
    gone = replace(node, address="resources.jobs.gone", action=Action.CREATE, remote=None)
    return Plan(nodes={one.address: one for one in (node, access, gone)})


def test_what_the_service_fills_in_is_no_change() -> None:
    update = Action.UPDATE
    found = changes_of(
        plan_of(
            name=Planned(action=update, new="[dev me] one", remote="[dev me] two"),
            edit_mode=Planned(action=update, new="UI_LOCKED", remote="EDITABLE"),
            timeout_seconds=Planned(action=update, remote=0),
            email_notifications=Planned(action=update, remote={"no_alert_for_skipped_runs": False}),
            queue=Planned(action=update, new={"enabled": True}),
            description=Planned(action=update, new="old"),
            tags=Planned(action=Action.SKIP, new="old"),
            schedule=Planned(action=update, remote={"timezone_id": "UTC"}),
        ),
        name_prefix="[dev me] ",
    )
    assert found == {
        JOB: {
            "name": replaced("two"),
            "queue": replaced({"enabled": False}),
            "description": REMOVED,
            "schedule": added({"timezone_id": "UTC"}),
        }
    }
    assert shown(found) == (
        f"Detected changes in 1 resource(s):\n\nResource: {JOB}\n  description: remove\n"
        "  name: replace\n  queue: replace\n  schedule: add\n\n"
    )
    assert shown({}) == "No changes detected.\n"


def test_selectors_name_type_and_id() -> None:
    changes = {JOB: {"name": replaced("x")}, "resources.jobs.b": {"name": replaced("y")}}
    state = State(
        entries={JOB: Entry(id="1", state={}), "resources.jobs.b": Entry(id="2", state={})}
    )
    assert list(selected(changes, state, ["jobs:2", "jobs:9"])) == ["resources.jobs.b"]
    for selectors, told in (
        (["jobs"], 'invalid --select-ids value "jobs"'),
        (["jobs:9"], "no deployed jobs resource with id 9; deployed jobs ids in state: 1, 2"),
        (["pipelines:1"], "contains no pipelines resources (deployed resources by type: jobs=2)"),
    ):
        with pytest.raises(NotDeployed) as refused:
            selected(changes, state, selectors)
        assert told in str(refused.value)
