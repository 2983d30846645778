"""The order of a rollout's steps: as written, as `after` says, as references need."""

from __future__ import annotations

from textwrap import dedent

import pytest

from brickyard.release.settings import read_settings
from brickyard.release.step_kinds import KINDS, keys_of


def order(text: str) -> list[str]:
    settings = read_settings(dedent(text).encode())
    assert not settings.diagnostics
    return [step.name for step in settings.rollout]


def faults(text: str) -> list[tuple[str, int]]:
    found = read_settings(dedent(text).encode()).diagnostics
    return [(one.summary, one.locations[0].line) for one in found]


def test_steps_are_done_as_they_are_written() -> None:
    text = """
        rollout:
          - {step: a, run_job: x}
          - {step: b, run_job: y}
          - {step: c, run_job: z}
    """
    assert order(text) == ["a", "b", "c"]


def test_after_moves_a_step_behind_those_that_it_names() -> None:
    text = """
        rollout:
          - {step: alias, run_job: x, after: [gate, tests]}
          - {step: gate, run_job: y, after: []}
          - {step: tests, run_job: z, after: gate}
    """
    assert order(text) == ["gate", "tests", "alias"]


def test_a_reference_is_waited_for_whatever_after_says() -> None:
    text = """
        rollout:
          - {step: gate, metrics: "${steps.score.metrics}", require: {m: "> 0"}, after: []}
          - {step: score, run_job: y, after: []}
    """
    assert order(text) == ["score", "gate"]


def test_steps_that_wait_for_each_other_are_refused_with_the_ring() -> None:
    text = """
        rollout:
          - {step: a, run_job: x, after: c}
          - {step: b, run_job: y}
          - {step: c, run_job: z}
    """
    assert faults(text) == [("rollout steps wait for each other", 3)]
    (found,) = read_settings(dedent(text).encode()).diagnostics
    assert "a → c → b → a" in found.detail


@pytest.mark.parametrize(
    ("step", "summary"),
    [
        ("{step: b, run_job: y, after: aa}", "a rollout step waits for one that is not there"),
        (
            '{step: b, run_job: y, parameters: {v: "${steps.aa.v}"}}',
            "a rollout step waits for one that is not there",
        ),
        ("{step: b, run_job: y, in: [live]}", "`in` names no environment"),
        ("{step: policy, run_job: y}", "a rollout step has a name that is taken"),
        ("{step: b, metrics: {}, no_worse: []}", "`no_worse` compares nothing"),
        (
            "{step: b, metrics: {}, no_worse: {metrics: [x], alpha: 2}}",
            "`alpha` is not a number that it can be",
        ),
        ("{step: b, sql: SELECT 1, require: high}", "`require` is not a mapping"),
    ],
)
def test_what_can_not_be_meant_is_refused_at_its_place(step: str, summary: str) -> None:
    text = f"rollout:\n  - {{step: a, run_job: x}}\n  - {step}\n"
    assert faults(text) == [(summary, 3)]


def test_a_key_that_is_ignored_does_not_drop_its_step() -> None:
    settings = read_settings(b"rollout:\n- {step: a, run_job: x, wait: true}\n")
    assert [found.summary for found in settings.diagnostics] == ["unknown key in brickyard.yml"]
    assert [step.name for step in settings.rollout] == ["a"]


def test_a_step_can_be_for_some_environments() -> None:
    settings = read_settings(b"rollout:\n- {step: a, test: pytest, in: staging}\n")
    (step,) = settings.rollout
    assert step.is_for("staging")
    assert not step.is_for("prod")


def test_what_measures_can_be_a_gate_and_what_does_not_can_not() -> None:
    assert {action for action in KINDS if "require" in keys_of(action)} == {
        "evaluate",
        "metrics",
        "measure",
        "sql",
        "monitor",
    }
    assert {action for action in KINDS if "no_worse" in keys_of(action)} == {"evaluate", "metrics"}
