"""Dynamic value references."""

from __future__ import annotations

import pytest

from brickyard.workspace.jobs.references import Facts, UnknownReference, resolve

FACTS = Facts(
    job={"id": 7, "name": "nightly", "run_id": 8, "repair_count": 0, "start_ms": 0, "trigger": ""},
    parameters={"day": "monday", "with.dot": "x"},
    workspace={"id": 9, "url": "http://w"},
    task={"name": "load", "run_id": 10, "execution_count": 2},
    tasks={"count": {"values": {"rows": [1, {"n": 2}], "ok": True}, "result_state": "success"}},
    input={"table": "flights"},
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{job.parameters.day}}", "monday"),
        ("{{ job.parameters.[with.dot] }}", "x"),
        ("{{job.run_id}}-{{task.name}}", "8-load"),
        ("{{job.start_time.iso_date}}", "1970-01-01"),
        ("{{tasks.count.values.rows}}", '[1, {"n": 2}]'),
        ("{{tasks.count.values.rows.1.n}}", "2"),
        ("{{tasks.count.values.ok}}", "true"),
        ("{{tasks.count.result_state}}", "success"),
        ("{{input.table}}", "flights"),
        ("{{input}}", '{"table": "flights"}'),
        ("{{workspace.id}}", "9"),
        ("{{run_id}} {{parent_run_id}} {{task_retry_count}}", "10 8 1"),
        ("{{ not_a_reference }}", "{{ not_a_reference }}"),
        ("a {b} {{}}", "a {b} {{}}"),
    ],
)
def test_a_reference_is_replaced_by_its_value(text: str, value: str) -> None:
    assert resolve(text, FACTS) == value


def test_references_are_replaced_in_lists_and_mappings() -> None:
    assert resolve({"a": ["{{job.id}}", 3]}, FACTS) == {"a": ["7", 3]}


@pytest.mark.parametrize(
    "text",
    ["{{job.parameters.nope}}", "{{tasks.nope.values.x}}", "{{tasks.count.values.nope}}"],
)
def test_a_missing_value_is_named(text: str) -> None:
    with pytest.raises(UnknownReference, match="nope"):
        resolve(text, FACTS)
