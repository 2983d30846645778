"""GitHub Actions: `.github/workflows/brickyard.yml`.

Followed: GitHub's workflow syntax; Databricks' page on workload identity federation for GitHub
Actions (`DATABRICKS_AUTH_TYPE: github-oidc`, `id-token: write`). Address and client id are
variables of the GitHub environment of each stage, which also holds its reviewers. The plan of a
pull request has no environment: it reads as the principal in the repository's own variables, and
not at all for a fork, which gets no token. What looks for drift at night has an environment of its
own (`prod-drift`), since reviewers of `prod` would be asked every night.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brickyard.cicd.actions import pinned, with_versions
from brickyard.cicd.model import NIGHTLY, OUTPUT, Event, Pipeline, Stage, Step
from brickyard.cicd.parsed import ParsedJob, ParsedPipeline, ParsedStep, Unreadable, texts, words
from brickyard.cicd.yaml_text import write

FILE: Final = ".github/workflows/brickyard.yml"
FORMAT: Final = "github"
RUNNER: Final = "ubuntu-24.04"
SAME_REPOSITORY: Final = "github.event.pull_request.head.repo.full_name == github.repository"
ENVIRONMENTS: Final = "~/.cache/uv"


def file_of(pipeline: Pipeline) -> str:
    return FILE


def render(pipeline: Pipeline) -> str:
    """The workflow, without the header."""
    tree: dict[str, Any] = {
        "name": f"Brickyard: {pipeline.name}",
        "on": {
            "pull_request": {"branches": [pipeline.main]},
            "push": {"branches": [pipeline.main], "tags": [pipeline.tags]},
            "schedule": [{"cron": NIGHTLY}],
        },
        "permissions": {"contents": "read"},
        "concurrency": {
            "group": "${{ github.workflow }}-${{ github.event_name }}-${{ github.ref }}",
            "cancel-in-progress": "${{ github.event_name == 'pull_request' }}",
        },
        "env": {"BRICKYARD_REQUIREMENT": pipeline.requirement},
        "defaults": {"run": _run_defaults(pipeline)},
        "jobs": {stage.key: _job(pipeline, stage) for stage in pipeline.stages},
    }
    return with_versions(write(tree))


def _run_defaults(pipeline: Pipeline) -> dict[str, str]:
    folder = {"working-directory": pipeline.folder} if pipeline.folder else {}
    return {"shell": "bash", **folder}


def _job(pipeline: Pipeline, stage: Stage) -> dict[str, Any]:
    job: dict[str, Any] = {"name": stage.title, "runs-on": RUNNER}
    condition = _condition(pipeline, stage)
    if condition:
        job["if"] = condition
    if stage.needs:
        job["needs"] = list(stage.needs)
    job["timeout-minutes"] = stage.minutes
    env: dict[str, str] = {}
    if stage.identity is not None:
        permissions = {"contents": "read", "id-token": "write"}
        if Event.PULL_REQUEST in stage.events:
            permissions["pull-requests"] = "write"
        job["permissions"] = permissions
        env = {
            "DATABRICKS_AUTH_TYPE": "github-oidc",
            "DATABRICKS_HOST": "${{ vars.DATABRICKS_HOST }}",
            "DATABRICKS_CLIENT_ID": "${{ vars.DATABRICKS_CLIENT_ID }}",
        }
        if stage.identity.environment:
            job["environment"] = stage.identity.environment
        if stage.identity.environment and not stage.identity.only_reads:
            group = f"brickyard-{pipeline.name}-{stage.identity.environment}"
            job["concurrency"] = {"group": group, "cancel-in-progress": False}
    if stage.is_embedded:
        env = {"BRICKYARD_HOME": "/tmp/brickyard", "BRICKYARD_PORTS": "0,0,0"}
    if env:
        job["env"] = env
    job["steps"] = [*_setup(pipeline, stage), *_steps(pipeline, stage), *_kept(pipeline, stage)]
    return job


def _condition(pipeline: Pipeline, stage: Stage) -> str:
    if stage.events == frozenset(Event):
        return ""
    if stage.events == frozenset(Event) - {Event.SCHEDULE}:
        return "github.event_name != 'schedule'"
    parts = {
        Event.PULL_REQUEST: "github.event_name == 'pull_request'",
        Event.MAIN: f"github.event_name == 'push' && github.ref == 'refs/heads/{pipeline.main}'",
        Event.TAG: "github.event_name == 'push' && startsWith(github.ref, 'refs/tags/')",
        Event.SCHEDULE: "github.event_name == 'schedule'",
    }
    condition = " || ".join(parts[event] for event in Event if event in stage.events)
    if stage.identity is not None and Event.PULL_REQUEST in stage.events:
        condition = f"{condition} && {SAME_REPOSITORY}"
    return condition


def _setup(pipeline: Pipeline, stage: Stage) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [
        {
            "name": "Check out",
            "uses": pinned("checkout"),
            "with": {"fetch-depth": 0, "persist-credentials": False},
        },
        {
            "name": "Python",
            "uses": pinned("setup-python"),
            "with": {"python-version": pipeline.python},
        },
        {
            "name": "Cache",
            "uses": pinned("cache"),
            "with": {
                "path": f"~/.cache/pip\n{ENVIRONMENTS}\n",
                "key": f"brickyard-{stage.key}-${{{{ runner.os }}}}-${{{{ github.sha }}}}",
                "restore-keys": f"brickyard-{stage.key}-${{{{ runner.os }}}}-\n",
            },
        },
        {
            "name": "Install Brickyard",
            "run": 'python -m pip install --quiet "$BRICKYARD_REQUIREMENT"\n',
        },
    ]
    return steps


def _steps(pipeline: Pipeline, stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for step in stage.steps:
        found.append(_step(step))
        if step.summary:
            found.append(
                {
                    "name": f"Show: {step.name}",
                    "if": "always()",
                    "run": f"if [ -f {step.summary} ]; then\n"
                    f'  cat {step.summary} >> "$GITHUB_STEP_SUMMARY"\nfi\n',
                }
            )
            if Event.PULL_REQUEST in stage.events:
                found.append(
                    {
                        "name": f"Comment: {step.name}",
                        "env": {
                            "GH_TOKEN": "${{ github.token }}",
                            "PULL_REQUEST": "${{ github.event.pull_request.number }}",
                        },
                        "run": 'gh pr comment "$PULL_REQUEST" --edit-last --create-if-none'
                        f" --body-file {step.summary}\n",
                    }
                )
    return found


def _step(step: Step) -> dict[str, Any]:
    made: dict[str, Any] = {"name": step.name}
    if step.always:
        made["if"] = "always()"
    if step.env:
        made["env"] = dict(step.env)
    made["run"] = "".join(f"{_reporting(line)}\n" for line in step.script)
    return made


def _reporting(line: str) -> str:
    """Findings of `validate` as annotations at the lines that they are about."""
    return f"{line} -o github" if line.startswith("brickyard validate ") else line


def _kept(pipeline: Pipeline, stage: Stage) -> list[dict[str, Any]]:
    if not stage.artifact:
        return []
    folder = f"{pipeline.folder}/{OUTPUT}" if pipeline.folder else OUTPUT
    return [
        {
            "name": "Keep plan and record",
            "if": "always()",
            "uses": pinned("upload-artifact"),
            "with": {
                "name": stage.artifact,
                "path": folder,
                "include-hidden-files": True,
                "if-no-files-found": "ignore",
            },
        }
    ]


def parse(tree: Mapping[str, Any]) -> ParsedPipeline:
    """What is in a workflow. Raises `Unreadable`."""
    jobs = tree.get("jobs")
    if not isinstance(jobs, Mapping):
        raise Unreadable("a workflow has `jobs`, a mapping")
    defaults = _folder(tree)
    return ParsedPipeline(
        env=texts(tree.get("env")),
        jobs=tuple(_parsed_job(str(key), job, defaults) for key, job in jobs.items()),
    )


def _parsed_job(key: str, job: Any, folder: str) -> ParsedJob:
    if not isinstance(job, Mapping) or not isinstance(job.get("steps"), list):
        raise Unreadable(f"jobs.{key} has no `steps`: reusable workflows are not run here")
    environment = job.get("environment")
    if isinstance(environment, Mapping):
        environment = environment.get("name")
    here = _folder(job) or folder
    return ParsedJob(
        key=key,
        title=str(job.get("name") or key),
        needs=words(job.get("needs")),
        condition=str(job.get("if", "")),
        env=texts(job.get("env")),
        environment=str(environment or ""),
        steps=tuple(_parsed_step(one, here) for one in job["steps"]),
    )


def _parsed_step(step: Any, folder: str) -> ParsedStep:
    if not isinstance(step, Mapping) or not (step.get("run") or step.get("uses")):
        raise Unreadable("a step has `run` or `uses`")
    inputs = step.get("with")
    script = str(step.get("run") or "")
    return ParsedStep(
        name=str(step.get("name") or script.partition("\n")[0] or step.get("uses")),
        script=script,
        uses=str(step.get("uses") or "").partition("@")[0],
        inputs=inputs if isinstance(inputs, Mapping) else {},
        env=texts(step.get("env")),
        condition=str(step.get("if", "")),
        folder=str(step.get("working-directory") or folder),
    )


def _folder(tree: Mapping[str, Any]) -> str:
    defaults = tree.get("defaults")
    run = defaults.get("run") if isinstance(defaults, Mapping) else None
    return str(run.get("working-directory") or "") if isinstance(run, Mapping) else ""
