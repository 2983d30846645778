"""The planner's rules through its front door: recorded, desired, actual in; actions out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from brickyard.deploy.plan import (
    Action,
    Actual,
    Desired,
    Plan,
    PlanFault,
    access_changes,
    plan,
)
from brickyard.deploy.state import Dependency, Entry, State
from brickyard.resources import ACCESS, TYPES

JOB = {"name": "nightly", "tasks": [{"task_key": "a"}]}
SCHEMA = {"catalog_name": "dev", "name": "s"}


def planned(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], got: Mapping[str, Any]
) -> Plan:
    """One resource `resources.<kind>.x`, recorded as `old`, wanted as `new`, read as `got`."""
    address = f"resources.{kind}.x"
    actual = Actual(configuration=TYPES[kind].read.configuration(dict(got)), whole=dict(got))
    return plan(
        State(lineage="l", serial=1, entries={address: Entry(id="1", state=old)}),
        [Desired(address=address, type=kind, key="x", value=new)],
        {address: actual},
    )


def action(kind: str, old: Any, new: Any, got: Any) -> str:
    (node,) = planned(kind, old, new, got).nodes.values()
    return node.action.word


@pytest.mark.parametrize(
    ("new", "got", "expected"),
    [
        (JOB, JOB, "skip"),
        (JOB | {"max_concurrent_runs": 2}, JOB, "update"),
        (JOB | {"max_concurrent_runs": 2}, JOB | {"max_concurrent_runs": 2}, "skip"),
        (JOB, JOB | {"tags": {"by": "hand"}}, "update"),
        (JOB, JOB | {"timeout_seconds": 0, "email_notifications": {}}, "skip"),
        (JOB, JOB | {"format": "MULTI_TASK"}, "skip"),
        (JOB, JOB | {"tasks": [{"task_key": "a", "run_if": "ALL_SUCCESS"}]}, "skip"),
        (JOB, JOB | {"tasks": [{"task_key": "a", "run_if": "ALL_DONE"}]}, "update"),
    ],
)
def test_jobs(new: Any, got: Any, expected: str) -> None:
    assert action("jobs", JOB, new, {"job_id": 1, "settings": got}) == expected


@pytest.mark.parametrize(
    ("new", "got", "expected"),
    [
        (SCHEMA, SCHEMA | {"owner": "me", "created_at": 5, "full_name": "dev.s"}, "skip"),
        (SCHEMA | {"name": "t"}, SCHEMA, "recreate"),
        (SCHEMA, SCHEMA | {"comment": "by hand"}, "update"),
        (SCHEMA, SCHEMA | {"properties": {"unity.catalog.managed.x.defaults.y": "1"}}, "skip"),
        (SCHEMA, SCHEMA | {"properties": {"mine": "1"}}, "update"),
        (SCHEMA | {"storage_root": "s3://b/"}, SCHEMA | {"storage_root": "s3://b"}, "skip"),
        (SCHEMA | {"storage_root": "s3://b"}, SCHEMA | {"storage_root": "s3://c"}, "recreate"),
        (SCHEMA, SCHEMA | {"storage_root": "s3://b"}, "recreate"),
    ],
)
def test_schemas(new: Any, got: Any, expected: str) -> None:
    assert action("schemas", SCHEMA, new, got) == expected


def changes(kind: str, old: Any, new: Any, got: Any) -> dict[str, str]:
    (node,) = planned(kind, old, new, got).nodes.values()
    return {path: change.reason for path, change in node.changes.items()}


def test_an_empty_text_on_one_side_is_told_and_changes_nothing() -> None:
    wanted = JOB | {"description": ""}
    told = {"description": "empty"}
    assert changes("jobs", JOB, JOB, {"job_id": 1, "settings": wanted}) == told
    assert changes("jobs", wanted, wanted, {"job_id": 1, "settings": JOB}) == told
    assert changes("jobs", wanted, wanted, {"job_id": 1, "settings": wanted}) == {}


def test_what_a_request_must_have_is_sent_empty() -> None:
    wanted = JOB | {"health": {"rules": [{"metric": "RUN_DURATION_SECONDS"}]}}
    (node,) = planned("jobs", JOB, wanted, {"job_id": 1, "settings": JOB}).nodes.values()
    (rule,) = node.value["health"]["rules"]
    assert rule == {"metric": "RUN_DURATION_SECONDS", "op": "", "value": 0}


def test_elements_of_one_key_are_matched_in_their_order() -> None:
    tasks = [{"task_key": "a", "timeout_seconds": 1}, {"task_key": "a", "timeout_seconds": 2}]
    old = {"name": "nightly", "tasks": tasks}
    new = {"name": "nightly", "tasks": [tasks[0], {"task_key": "a", "timeout_seconds": 3}]}
    found = changes("jobs", old, new, {"job_id": 1, "settings": old})
    assert list(found) == ["tasks[task_key='a'].timeout_seconds"]


@pytest.mark.parametrize(
    ("state", "reason"), [("RUNNING", "run in progress"), ("TERMINATED", "immutable")]
)
def test_a_run_that_goes_on_is_waited_for(state: str, reason: str) -> None:
    run = {"job_id": 1, "state": {"life_cycle_state": state}}
    wanted = {"job_id": 1, "result_state": "SUCCESS"}
    assert changes("job_runs", {"job_id": 1}, wanted, run)["result_state"] == reason


@pytest.mark.parametrize(
    ("privileges", "expected"),
    [
        (["USE_SCHEMA", "SELECT"], {}),
        (["SELECT", "USE_SCHEMA", "SELECT"], {}),
        (["SELECT"], {"[principal='users'].privileges": Action.UPDATE}),
        (["ALL_PRIVILEGES", "SELECT"], {"[principal='users'].privileges": Action.UPDATE}),
    ],
)
def test_grants_are_compared_as_sets(privileges: list[str], expected: dict[str, Action]) -> None:
    old = [{"principal": "users", "privileges": ["USE_SCHEMA", "SELECT"]}]
    entry = Entry(id="schema/dev.s", state={"__embed__": old})
    new = [{"principal": "users", "privileges": privileges}]
    got = Actual(
        configuration=[{"principal": "users", "privileges": ["SELECT", "USE_SCHEMA"]}], whole={}
    )
    found = access_changes(ACCESS["grants"], entry, new, got)
    assert {path: change.action for path, change in found.items()} == expected


def test_a_volume_is_renamed_in_place() -> None:
    old = {"catalog_name": "dev", "schema_name": "s", "name": "v", "volume_type": "MANAGED"}
    assert action("volumes", old, old | {"name": "w"}, old) == "update_id"
    assert action("volumes", old, old | {"schema_name": "t"}, old) == "recreate"


def test_an_endpoint_without_configuration_keeps_what_a_release_gave_it() -> None:
    old = {"name": "e"}
    got = {"name": "e", "config": {"served_entities": [{"entity_name": "m", "workload_size": "S"}]}}
    assert action("model_serving_endpoints", old, old, got) == "skip"


def test_reasons_are_the_official_words() -> None:
    (node,) = planned("schemas", SCHEMA, SCHEMA | {"name": "t"}, SCHEMA).nodes.values()
    assert {path: c.reason for path, c in node.changes.items()} == {"name": "id_field"}


def test_a_reference_to_nothing_is_refused() -> None:
    job = Desired(
        address="resources.jobs.a",
        type="jobs",
        key="a",
        value={"name": "${resources.jobs.b.id}"},
    )
    with pytest.raises(PlanFault, match=r'invalid dependency .* no such node "resources\.jobs\.b"'):
        plan(State(), [job], {})


def test_what_depends_on_a_recreated_job_is_updated() -> None:
    entries = {
        "resources.schemas.s": Entry(id="dev.s", state=SCHEMA),
        "resources.jobs.a": Entry(
            id="1",
            state={"name": "dev.s"},
            depends_on=(Dependency("resources.schemas.s", "${resources.schemas.s.id}"),),
        ),
    }
    made = plan(
        State(lineage="l", serial=1, entries=entries),
        [
            Desired(
                address="resources.schemas.s",
                type="schemas",
                key="s",
                value=SCHEMA | {"name": "t"},
            ),
            Desired(
                address="resources.jobs.a",
                type="jobs",
                key="a",
                value={"name": "${resources.schemas.s.id}"},
            ),
        ],
        {
            "resources.schemas.s": Actual(configuration=SCHEMA, whole=SCHEMA),
            "resources.jobs.a": Actual(configuration={"name": "dev.s"}, whole={}),
        },
    )
    actions = {address: node.action for address, node in made.nodes.items()}
    assert actions == {
        "resources.schemas.s": Action.RECREATE,
        "resources.jobs.a": Action.UPDATE,
    }
    assert made.nodes["resources.jobs.a"].late == {"name": "${resources.schemas.s.id}"}


def test_what_left_the_bundle_is_deleted_and_what_is_gone_only_forgotten() -> None:
    entries = {f"resources.jobs.{key}": Entry(id=key, state=JOB) for key in ("here", "gone")}
    made = plan(
        State(lineage="l", serial=1, entries=entries),
        [],
        {
            "resources.jobs.here": Actual(configuration=JOB, whole=JOB),
            "resources.jobs.gone": None,
        },
    )
    assert {n.address: n.is_gone for n in made.pending} == {
        "resources.jobs.gone": True,
        "resources.jobs.here": False,
    }
