"""Pipelines: from a project's facts to a file, and what tells that the file still fits."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
from click.testing import CliRunner

from brickyard.cicd import (
    PROVIDERS,
    Event,
    ProjectFacts,
    Provider,
    Rung,
    State,
    check,
    design,
    render_file,
    state_of,
)
from brickyard.cicd.expressions import Outcome
from brickyard.cicd.local_context import Commit, Surroundings
from brickyard.cicd.schemas import check_schema
from brickyard.cicd.yaml_text import read

LADDER = (
    Rung(name="dev", target="dev"),
    Rung(name="staging", target="stage"),
    Rung(name="prod", target="prod", takes_any_branch=False),
)
SHOP = ProjectFacts(
    name="shop",
    ladder=LADDER,
    requirement="brickyard[local]==9.9",
    unit_tests="tests",
    integration_tests="tests/integration",
    has_rollout=True,
)
ONE = ProjectFacts(name="tiny", ladder=LADDER[2:], requirement="brickyard", folder="apps/tiny")
ODD = replace(SHOP, ladder=(Rung(name="our prod; rm -rf ~", target="it's"), *LADDER[2:]))
SHAPES = {"whole": SHOP, "one environment": ONE, "odd names": ODD}


def text_of(provider: Provider, facts: ProjectFacts = SHOP) -> str:
    return render_file(provider, facts)


def codes(found: Any) -> list[str]:
    return [one.code for one in found]


def test_a_commit_meets_every_environment_in_order() -> None:
    stages = {stage.key: stage for stage in design(SHOP).stages}
    nightly = ["drift_dev", "drift_staging", "drift_prod"]
    assert list(stages) == ["checks", "rehearsal", "plan", "dev", "staging", "prod", *nightly]
    assert stages["staging"].needs == ("dev",)
    assert stages["prod"].identity is not None
    assert stages["prod"].identity.needs_approval
    assert stages["rehearsal"].identity is None, "a pull request's code gets no credentials"
    assert [s.name for s in stages["staging"].steps].count("Integration tests") == 1


def test_drift_is_looked_for_at_night_and_nothing_else_is_done_then() -> None:
    pipeline = design(SHOP)
    nightly = [one for one in pipeline.stages if Event.SCHEDULE in one.events]
    assert [one.key for one in nightly] == ["drift_dev", "drift_staging", "drift_prod"]
    for stage in nightly:
        assert stage.identity is not None
        assert stage.identity.only_reads
        assert not stage.identity.needs_approval, "nobody is asked at night"
        assert stage.needs == ()
    released = {one.identity.environment for one in pipeline.stages if one.identity is not None}
    assert {"prod", "prod-drift"} <= released, "reviewers of prod are not asked for its drift"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("event", Event)
def test_each_event_starts_its_own_stages(provider: Provider, event: Event) -> None:
    parsed = PROVIDERS[provider].parse(read(text_of(provider), "pipeline.yml"))
    commit = Commit(sha="1", event=event, main="main", tag="v1")
    job = Surroundings(provider=provider, commit=commit, folder="/w", temp="/t")
    started = [
        one.key
        for one in parsed.jobs
        if job.rule(one) != "never" and job.allows(one.condition, Outcome())
    ]
    assert started == [one.key for one in design(SHOP).stages if event in one.events]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_changed_pipeline_names_environments_for_drift(provider: Provider) -> None:
    text = text_of(provider)
    own = text + "# our own line\n"
    assert check(provider, "ci.yml", own, SHOP) == (), "`stage` is the target of staging"
    wrong = own.replace("drift -t staging", "drift -t stagign")
    assert codes(check(provider, "ci.yml", wrong, SHOP)) == ["ci/unknown-environment"]


def test_an_environment_that_none_comes_after_is_only_rehearsed() -> None:
    tried = replace(SHOP, ladder=(replace(LADDER[0], leads_on=False), *LADDER[1:]))
    stages = {stage.key: stage for stage in design(tried).stages}
    assert [one for one in stages if "drift" not in one] == [
        "checks",
        "rehearsal",
        "plan",
        "staging",
        "prod",
    ]
    assert stages["staging"].needs == ("checks",)
    (released, _) = stages["rehearsal"].steps
    assert "release promote --to dev" in released.script[0]
    text = text_of(Provider.GITHUB, tried).replace("timeout-minutes: 20", "timeout-minutes: 30")
    assert state_of(text) is State.CHANGED
    assert check(Provider.GITHUB, "ci.yml", text, tried) == ()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_pipeline_follows_its_providers_schema(provider: Provider, tmp_path: Path) -> None:
    files = []
    for number, facts in enumerate(SHAPES.values()):
        path = tmp_path / f"{number}.yml"
        path.write_text(text_of(provider, facts))
        files.append(str(path))
    words = [*PROVIDERS[provider].schema, *files]
    checked = CliRunner().invoke(check_jsonschema.main, words)
    assert checked.exit_code == 0, checked.output


def test_a_breach_of_the_schema_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ci.yml"
    path.write_text(text_of(Provider.GITHUB).replace("runs-on:", "runs_on:"))
    found = check_schema(Provider.GITHUB, path, "ci.yml")
    assert "ci/schema" in codes(found)
    assert "jobs.checks" in found[0].detail


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_script_is_bash(provider: Provider) -> None:
    scripts = []
    for facts in SHAPES.values():
        parsed = PROVIDERS[provider].parse(read(text_of(provider, facts), "pipeline.yml"))
        scripts += [step.script for job in parsed.jobs for step in job.steps if step.script]
    assert len(scripts) > 20
    whole = "\n".join(f"step_{at}() {{\n{one}\n}}" for at, one in enumerate(scripts))
    ended = subprocess.run(["bash", "-n"], input=whole, text=True, check=False, capture_output=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("provider", PROVIDERS)
def test_writing_again_changes_nothing(provider: Provider) -> None:
    text = text_of(provider)
    assert text_of(provider) == text
    assert state_of(text) is State.OURS
    assert state_of(text.replace("\n", "\r\n")) is State.OURS
    assert check(provider, "ci.yml", text, SHOP) == ()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_file_that_no_longer_fits_is_told_with_its_line(provider: Provider) -> None:
    found = check(provider, "ci.yml", text_of(provider), replace(SHOP, unit_tests=""))
    assert codes(found) == ["ci/stale"]
    assert found[0].locations[0].line > 3
    assert f"--provider {provider}" in found[0].detail


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_changed_file_is_held_to_what_it_names(provider: Provider) -> None:
    text = text_of(provider)
    changed = text.replace("plan -t stage ", "plan -t stagr ").replace("--to prod", "--to prd")
    assert state_of(changed) is State.CHANGED
    found = codes(check(provider, "ci.yml", changed, SHOP))
    assert "ci/unknown-target" in found
    assert "ci/unknown-environment" in found
    assert "ci/unreleased-environment" in found
    own = text + "# our own line\n"
    assert state_of(own) is State.CHANGED
    assert check(provider, "ci.yml", own, SHOP) == (), "a change that fits is nobody's business"


def test_what_is_not_a_pipeline_is_told() -> None:
    for text in ("a: [", "- 1", "jobs: 3", "jobs: {a: {}}", "jobs: {a: {steps: [{name: x}]}}"):
        assert codes(check(Provider.GITHUB, "ci.yml", text, SHOP)) == ["ci/unreadable"], text
    assert state_of(None) is State.ABSENT
    assert state_of("on: push\n") is State.FOREIGN


def test_actions_that_can_move_and_stored_secrets_are_told() -> None:
    text = text_of(Provider.GITHUB)
    loose = text.replace("3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "v7", 1)
    loose = loose.replace("github-oidc", "pat\n      DATABRICKS_TOKEN: ${{ secrets.TOKEN }}", 1)
    found = check(Provider.GITHUB, "ci.yml", loose, SHOP)
    assert codes(found) == ["ci/unpinned-action", "ci/stored-secret"]
    assert "actions/checkout@v7" in found[0].detail


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "brickyard", "ci", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_what_a_person_changed_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "databricks.yml").write_text(
        "bundle: {name: tiny}\ntargets: {dev: {default: true}, prod: {}}\n"
    )
    refused = run(tmp_path, "init", "--provider", "github")
    assert "declares no environments" in refused.stderr
    (tmp_path / "brickyard.yml").write_text("environments: {dev: {}, prod: {branches: [trunk]}}\n")
    written = run(tmp_path, "init", "--provider", "github")
    assert written.returncode == 0, written.stderr
    path = tmp_path / PROVIDERS[Provider.GITHUB].file
    text = path.read_text()
    assert "refs/heads/trunk" in text
    assert run(tmp_path, "check").returncode == 0
    path.write_text(text.replace("timeout-minutes: 20", "timeout-minutes: 99"))
    kept = run(tmp_path, "init")
    assert kept.returncode == 1
    assert "changed by hand" in kept.stderr
    assert "99" in path.read_text()
    assert run(tmp_path, "init", "--force").returncode == 0
    assert path.read_text() == text
