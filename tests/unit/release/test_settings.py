"""`brickyard.yml`: what it says, and what is said about its faults."""

from __future__ import annotations

from textwrap import dedent

from brickyard.release.settings import read_settings
from brickyard.values import has_errors

GOOD = """
    environments:
      dev: {target: dev}
      prod: {target: live, branches: [main]}
    rollout:
      - step: register
        run_job: register
      - step: evaluate
        run_job: evaluate
        parameters: {version: "${steps.register.version}"}
      - step: gate
        metrics: ${steps.evaluate.metrics}
        require: {recall: ">= 0.8"}
"""


def summaries(text: str) -> list[str]:
    return [found.summary for found in read_settings(dedent(text).encode()).diagnostics]


def test_environments_form_a_ladder_in_the_order_they_are_written() -> None:
    settings = read_settings(dedent(GOOD).encode())
    assert not settings.diagnostics
    assert settings.environments["dev"].after is None
    assert settings.environments["prod"].after == "dev"
    assert settings.environments["prod"].target == "live"
    assert settings.environments["prod"].branches == ("main",)


def test_steps_keep_their_action_subject_and_options() -> None:
    _, evaluate, gate = read_settings(dedent(GOOD).encode()).rollout
    assert (evaluate.name, evaluate.action, evaluate.subject) == ("evaluate", "run_job", "evaluate")
    assert evaluate.options == {"parameters": {"version": "${steps.register.version}"}}
    assert [str(one) for one in gate.requirements] == ["recall >= 0.8"]


def test_without_a_file_the_usual_three_environments_apply() -> None:
    settings = read_settings(None)
    assert list(settings.environments) == ["dev", "staging", "prod"]
    assert settings.rollout == ()


def test_every_fault_is_reported_with_its_place() -> None:
    text = """
        rollout:
          - run_job: a
          - step: b
          - step: c
            run_job: x
            serve: y
          - step: d
            metrics: x
            require: {recall: high}
          - step: e
            metrics: x
    """
    settings = read_settings(dedent(text).encode())
    assert [(found.summary, found.locations[0].line) for found in settings.diagnostics] == [
        ("a rollout step has no name", 3),
        ("a rollout step has no single action", 4),
        ("a rollout step has no single action", 5),
        ("a gate's limit can't be read", 10),
        ("a gate requires nothing", 11),
    ]


def test_unknown_keys_are_warned_about_with_the_nearest_known_one() -> None:
    settings = read_settings(b"rolout: []\n")
    assert [found.summary for found in settings.diagnostics] == ["unknown key in brickyard.yml"]
    assert "rollout" in settings.diagnostics[0].detail


def test_two_steps_of_one_name_are_refused() -> None:
    text = "rollout:\n- {step: a, run_job: x}\n- {step: a, run_job: y}\n"
    assert summaries(text) == ["two rollout steps have one name"]


def test_broken_yaml_is_an_error_not_an_exception() -> None:
    assert summaries("rollout: [") != []
    assert summaries("rollout: 3") == ["rollout is not a list"]


def test_a_rule_that_would_silently_not_apply_is_a_fault() -> None:
    text = """
        environments:
          dev: {reads: prod}
          prod: {branches: main, after: staging}
        policy: {mode: enforced, level: 1}
    """
    assert summaries(text) == [
        "unknown key in brickyard.yml",
        "the policy's mode is unknown",
        "`reads` is not a list",
        "`branches` is not a list",
        "`after` names no environment",
    ]


def test_a_policy_that_is_off_is_no_fault() -> None:
    assert summaries("policy: {mode: off}") == []


def test_a_file_that_is_no_mapping_is_refused_and_not_taken_for_an_empty_one() -> None:
    for text, summary in (
        (b"[]", "brickyard.yml is not a mapping"),
        (b"x", "brickyard.yml is not a mapping"),
        (b"environments: [1]", "environments is not a mapping"),
    ):
        found = read_settings(text).diagnostics
        assert [one.summary for one in found] == [summary]
        assert has_errors(found)
    for text in (b"", b"# nothing yet\n", b"environments:\n"):
        assert not has_errors(read_settings(text).diagnostics)
