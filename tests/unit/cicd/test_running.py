"""Running a pipeline's file here: conditions, order, variables, artifacts. No workspace needed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from brickyard.cicd import PROVIDERS, Event, Provider
from brickyard.cicd.expressions import BadExpression, Outcome, evaluate, holds
from brickyard.cicd.local_context import Commit, Surroundings
from brickyard.cicd.parsed import Unreadable
from brickyard.cicd.running import PipelineRun, Ran, Result, run_pipeline
from brickyard.cicd.yaml_text import read

NAMES: dict[str, Any] = {
    "github.ref": "refs/tags/v1",
    "github.event_name": "push",
    "variables.Build.Reason": "PullRequest",
    "$CI_COMMIT_TAG": "v1",
    "$CI_COMMIT_BRANCH": None,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event_name == 'push' && startsWith(github.ref, 'refs/tags/')", True),
        ("github.event_name == 'PUSH'", True),
        ("github.event_name != 'push' || !github.missing", True),
        ("(github.ref == 'a' || github.ref == 'b') && true", False),
        ("contains(github.ref, 'V1')", True),
        ("format('{0}-{1}', github.event_name, 'x') == 'push-x'", True),
        ("and(succeeded(), eq(variables['Build.Reason'], 'PullRequest'))", True),
        ("or(eq(variables['Build.Reason'], 'Manual'), failed())", False),
        ("$CI_COMMIT_TAG =~ /^v\\d+$/", True),
        ('$CI_COMMIT_BRANCH == "main" && $CI_COMMIT_TAG', False),
        ("$CI_COMMIT_BRANCH =~ /./", False),
        ("'it''s'", True),
        ("always()", True),
    ],
)
def test_conditions_of_the_three_providers(text: str, value: bool) -> None:
    assert holds(text, NAMES.get) is value


def test_a_text_keeps_its_case_where_the_provider_does() -> None:
    assert not holds("$CI_COMMIT_TAG == 'V1'", NAMES.get, ignores_case=False)
    assert evaluate("github.ref", NAMES.get) == "refs/tags/v1"


@pytest.mark.parametrize("text", ["a ==", "(a", "a b", "nope(1)", "a['x'", "%", "&& a"])
def test_what_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(BadExpression):
        evaluate(text, NAMES.get)


def test_a_condition_without_a_word_of_status_needs_success() -> None:
    commit = Commit(sha="1", event=Event.MAIN, main="main", tag="v1")
    job = Surroundings(provider=Provider.GITHUB, commit=commit, folder="/w", temp="/t")
    failed = Outcome(has_failed=True)
    assert not job.allows("github.ref == 'refs/heads/main'", failed)
    assert job.allows("${{ always() && github.ref == 'refs/heads/main' }}", failed)
    assert not job.allows("", failed)


GITHUB = """
on: push
env: {A: one, REF: "${{ github.ref_name }}"}
jobs:
  last:
    needs: [first]
    if: always()
    runs-on: x
    steps:
      - {uses: actions/checkout@v7}
      - {uses: actions/download-artifact@v8, with: {name: kept, path: got}}
      - {run: "test \\"$(cat got/file)\\" = 'one main two'"}
      - {run: "test -f README && test -z \\"${DATABRICKS_TOKEN:-}\\""}
      - {uses: some/action@v1}
  first:
    runs-on: x
    steps:
      - {uses: actions/checkout@v7}
      - {run: "echo B=two >> \\"$GITHUB_ENV\\""}
      - {run: "mkdir out && echo \\"$A $REF $B\\" > out/file", working-directory: "."}
      - {uses: actions/upload-artifact@v7, with: {name: kept, path: out}}
      - {run: "(exit 9) | true"}
      - {run: "exit 0"}
      - {run: "echo cleaned", if: "always()", name: cleaned}
  after: {needs: first, runs-on: x, steps: [{run: "exit 0"}]}
  tags: {if: "startsWith(github.ref, 'refs/tags/')", runs-on: x, steps: [{run: "exit 0"}]}
"""
GITLAB = """
stages: [a, b]
variables: {NAME: x, FULL: "$NAME-$CI_COMMIT_BRANCH"}
one:
  stage: a
  script: ["mkdir out", "cd out", "echo $FULL > file"]
  after_script: ["test -d out"]
  artifacts: {paths: [out/]}
two:
  stage: b
  script: ["test \\"$(cat out/file)\\" = x-main"]
release:
  stage: b
  environment: prod
  rules: [{if: '$CI_COMMIT_BRANCH == "main"', when: manual}]
  script: ["exit 0"]
never:
  stage: b
  rules: [{if: $CI_COMMIT_TAG}]
  script: ["exit 0"]
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    (folder / "README").write_text("x")
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "One")):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    return folder


def ran(provider: Provider, text: str, repository: Path, folder: Path, **given: Any) -> Ran:
    said = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True
    )
    commit = Commit(sha=said.stdout.strip(), event=Event.MAIN, main="main", tag="v1")
    return run_pipeline(
        PipelineRun(
            provider=provider,
            pipeline=PROVIDERS[provider].parse(read(text, "ci.yml")),
            commit=commit,
            repository=repository,
            folder=folder,
            door=lambda _: {},
            approve=given.get("approve", lambda _: False),
        )
    )


def test_jobs_run_in_order_with_what_was_left_for_them(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "mine")
    found = ran(Provider.GITHUB, GITHUB, repository, tmp_path)
    assert list(found.jobs.items()) == [
        ("first", Result.FAILED),
        ("last", Result.SUCCEEDED),
        ("after", Result.SKIPPED),
        ("tags", Result.SKIPPED),
    ]
    whys = {step.name: (step.result, step.why) for step in found.steps}
    assert whys["(exit 9) | true"] == (Result.FAILED, "exit code 9")
    assert whys["exit 0"][0] is Result.SKIPPED, "what comes after a failure"
    assert whys["cleaned"][0] is Result.SUCCEEDED
    assert whys["some/action@v1"][0] is Result.SKIPPED
    assert found.has_failed


def test_gitlab_hands_artifacts_on_and_waits_for_who_approves(
    tmp_path: Path, repository: Path
) -> None:
    found = ran(Provider.GITLAB, GITLAB, repository, tmp_path / "a")
    assert found.jobs == {
        "one": Result.SUCCEEDED,
        "two": Result.SUCCEEDED,
        "release": Result.WAITING,
        "never": Result.SKIPPED,
    }
    approved = ran(Provider.GITLAB, GITLAB, repository, tmp_path / "b", approve=lambda _: True)
    assert approved.jobs["release"] is Result.SUCCEEDED


def test_jobs_that_wait_for_each_other_are_told(tmp_path: Path, repository: Path) -> None:
    text = "jobs: {a: {needs: b, steps: [{run: x}]}, b: {needs: a, steps: [{run: x}]}}"
    with pytest.raises(Unreadable, match="wait for each other"):
        ran(Provider.GITHUB, text, repository, tmp_path)
