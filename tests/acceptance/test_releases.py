"""Promotion, gates and rollback from the command line, on a real embedded workspace."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from solution_under_test import RELEASE, Solution, write_solution

if TYPE_CHECKING:
    from conftest import EmbeddedServer

pytestmark = [pytest.mark.belief, pytest.mark.slow]


@pytest.fixture
def solution(tmp_path: Path, workspace: EmbeddedServer) -> Solution:
    name = f"echo_{uuid.uuid4().hex[:8]}"
    return write_solution(tmp_path / "solution", name, workspace.environment())


def served(workspace: EmbeddedServer, environment: str, name: str) -> tuple[str, str]:
    """What an environment's endpoint serves, and what it answers."""
    client = workspace.client(environment)
    config = client.serving_endpoints.get(name).config
    assert config is not None
    assert config.served_entities is not None
    answer = client.serving_endpoints.query(name, inputs=["x"])
    return str(config.served_entities[0].entity_version), str(answer.predictions)


def test_a_commit_is_promoted_gated_and_rolled_back(
    solution: Solution, workspace: EmbeddedServer
) -> None:
    model = f"staging.{solution.name}.echo"
    client = workspace.client("staging")
    first = solution.commit(score=0.9)

    # What has not passed dev is not let into staging.
    refused = solution("release", "promote", "--to", "staging", code=1)
    assert "release promote --to dev" in refused.stderr

    solution("release", "promote", "--to", "dev")
    record = solution.data("release", "promote", "--to", "staging")
    assert (record["result"], record["commit"]) == ("succeeded", first)
    assert record["evaluation"] == {"score": 0.9}
    assert (record["model"], record["model_version"]) == (model, "1")
    assert record["plan"]["plan"]
    assert served(workspace, "staging", solution.name) == ("1", "['hello']")
    assert client.model_versions.get_by_alias(model, "champion").version == 1

    # A commit whose evaluation fails the gate leaves everything as it was, and is on record.
    solution.commit(score=0.1)
    failed = solution("release", "promote", "--to", "dev", code=1)
    assert "the gate `gate` is closed: score >= 0.5 (0.1)" in failed.stderr
    assert served(workspace, "dev", f"dev_{short_name(workspace)}_{solution.name}")[0] == "1"

    # One that breaks only when it is asked moves back what it had moved.
    solution.commit(score=0.9, answer="good bye")
    wrong = solution("release", "promote", "--to", "dev", code=1)
    assert "expected" in wrong.stderr
    assert "put back" in wrong.stderr
    assert served(workspace, "dev", f"dev_{short_name(workspace)}_{solution.name}")[0] == "1"

    # A third good commit goes through; rolling back returns the first, all of it.
    third = solution.commit(score=0.8)
    solution("release", "promote", "--to", "dev")
    solution("release", "promote", "--to", "staging")
    assert served(workspace, "staging", solution.name)[0] == "2"
    back = solution.data("release", "rollback", "-t", "staging")
    assert (back["commit"], back["model_version"]) == (first, "1")
    assert back["not_undone"]
    assert served(workspace, "staging", solution.name)[0] == "1"
    assert client.model_versions.get_by_alias(model, "champion").version == 1

    history = solution.data("release", "history", "-t", "staging")
    kinds = [(one["kind"], one["commit"], one["result"]) for one in history]
    assert kinds == [
        ("promote", first, "succeeded"),
        ("promote", third, "succeeded"),
        ("rollback", first, "succeeded"),
    ]


def test_a_gate_that_cannot_be_computed_stays_closed(solution: Solution) -> None:
    solution.commit(score="None")
    failed = solution("release", "promote", "--to", "dev", code=1)
    assert "score >= 0.5 (not computed)" in failed.stderr


def test_a_broken_policy_stops_a_release_before_anything_is_deployed(
    solution: Solution, workspace: EmbeddedServer
) -> None:
    stray = "# Databricks notebook source\nspark.range(1).write.saveAsTable('prod.a.b')\n"
    solution.commit(score=0.9, **{"stray.py": stray})
    failed = solution("release", "promote", "--to", "dev", code=1)
    assert "stray.py:2" in failed.stderr
    names = [schema.name for schema in workspace.client("dev").schemas.list("dev")]
    assert not any(solution.name in str(name) for name in names)


def short_name(workspace: EmbeddedServer) -> str:
    return workspace.user("dev").split("@")[0].replace(".", "_").replace("-", "_")


def test_deploy_holds_the_policy_too(solution: Solution, workspace: EmbeddedServer) -> None:
    stray = "# Databricks notebook source\nspark.range(1).write.saveAsTable('prod.a.b')\n"
    solution.commit(score=0.9, **{"stray.py": stray})
    refused = solution("deploy", "-t", "dev", code=1)
    assert "stray.py:2" in refused.stderr
    assert "nothing was deployed" in refused.stderr
    (solution.folder / "brickyard.yml").write_text("policy: {mode: report}\n")
    told = solution("deploy", "-t", "dev")
    assert "The data policy is broken once (mode report)" in told.stderr


BIT_BY_BIT = """\
  - step: canary
    shift_traffic: echo_endpoint
    model: echo
    version: ${steps.register.version}
    percent: 25
  - step: measure
    measure: echo_endpoint
    requests: request.json
    count: 5
    require: {latency_p95_s: "<= 60", error_rate: "<= 0"}
  - step: serve
    shift_traffic: echo_endpoint
    model: echo
    version: ${steps.register.version}
    percent: 100
  - step: ask
"""


def test_a_version_goes_live_bit_by_bit_and_is_promoted_as_it_is(
    solution: Solution, workspace: EmbeddedServer
) -> None:
    whole = RELEASE[RELEASE.index("  - step: serve") : RELEASE.index("  - step: ask\n")]
    rollout = RELEASE.replace(f"{whole}  - step: ask\n", BIT_BY_BIT)
    rollout = rollout.replace("run_job: register\n", "run_job: register\n    by_model: echo\n")
    solution.commit(score=0.9, **{"brickyard.yml": rollout})
    solution("release", "promote", "--to", "dev")
    solution.commit(score=0.8, **{"brickyard.yml": rollout})
    second = solution.data("release", "promote", "--to", "dev")
    assert second["evaluation"]["error_rate"] == 0
    assert second["outputs"]["canary"]["percent"] == 25
    name = f"dev_{short_name(workspace)}_{solution.name}"
    assert served(workspace, "dev", name)[0] == "2"

    # The version itself goes on only where that is declared.
    refused = solution("release", "promote", "--to", "staging", "--by", "model", code=1)
    assert "models_from: [dev]" in refused.stderr
    allowed = rollout.replace("staging: {", "staging: {models_from: [dev], ")
    solution.commit(score=0.7, **{"brickyard.yml": allowed})
    solution("release", "promote", "--to", "dev")
    record = solution.data("release", "promote", "--to", "staging", "--by", "model")
    model = f"staging.{solution.name}.echo"
    origin = record["models"][model]["copied_from"]
    assert (record["promoted_by"], origin["version"]) == ("model", "3")
    assert "job" not in str(record["outputs"]["register"])
    version = workspace.client("staging").model_versions.get(model, 1)
    assert version.comment == f"copied from {origin['model']} version 3"
    assert served(workspace, "staging", solution.name) == ("1", "['hello']")
