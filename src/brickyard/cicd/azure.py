"""Azure Pipelines: `azure-pipelines.yml`.

Followed: Azure's YAML schema reference; Databricks' page on workload identity federation for Azure
DevOps (`DATABRICKS_AUTH_TYPE: azure-devops-oidc`, which needs `SYSTEM_ACCESSTOKEN`). Approvals are
checks of the Azure environment that a deployment names. Azure has no variables for an environment,
so address and client id carry its name: `DATABRICKS_HOST_STAGING`. Tasks have only major versions:
they can't be pinned to a commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brickyard.cicd.model import NIGHTLY, OUTPUT, Event, Pipeline, Stage, Step
from brickyard.cicd.parsed import ParsedJob, ParsedPipeline, ParsedStep, Unreadable, texts, words
from brickyard.cicd.yaml_text import write

FILE: Final = "azure-pipelines.yml"
IMAGE: Final = "ubuntu-24.04"
CONDITIONS: Final[Mapping[Event, str]] = {
    Event.PULL_REQUEST: "eq(variables['Build.Reason'], 'PullRequest')",
    Event.MAIN: "eq(variables['Build.SourceBranch'], 'refs/heads/{main}'),"
    " ne(variables['Build.Reason'], 'Schedule')",
    Event.TAG: "startsWith(variables['Build.SourceBranch'], 'refs/tags/')",
    Event.SCHEDULE: "eq(variables['Build.Reason'], 'Schedule')",
}
NOT_AT_NIGHT: Final = "ne(variables['Build.Reason'], 'Schedule')"
CACHE: Final = "$(Pipeline.Workspace)/.cache"


def render(pipeline: Pipeline) -> str:
    """The pipeline, without the header."""
    tree: dict[str, Any] = {
        "name": f"brickyard_{pipeline.name}_$(Date:yyyyMMdd)$(Rev:.r)",
        "trigger": {
            "branches": {"include": [pipeline.main]},
            "tags": {"include": [pipeline.tags]},
        },
        "pr": {"branches": {"include": [pipeline.main]}},
        "schedules": [
            {
                "cron": NIGHTLY,
                "displayName": "Nightly: drift",
                "branches": {"include": [pipeline.main]},
                "always": "true",
            }
        ],
        "pool": {"vmImage": IMAGE},
        "variables": {
            "BRICKYARD_REQUIREMENT": pipeline.requirement,
            "PIP_CACHE_DIR": f"{CACHE}/pip",
            "UV_CACHE_DIR": f"{CACHE}/uv",
        },
        "stages": [_stage(pipeline, stage) for stage in pipeline.stages],
    }
    return write(tree)


def _stage(pipeline: Pipeline, stage: Stage) -> dict[str, Any]:
    made: dict[str, Any] = {
        "stage": stage.key,
        "displayName": stage.title,
        "dependsOn": list(stage.needs),
    }
    if stage.events != frozenset(Event):
        parts = [
            CONDITIONS[event].format(main=pipeline.main) for event in Event if event in stage.events
        ]
        if len(parts) > 1:
            parts = [NOT_AT_NIGHT]
        made["condition"] = f"and(succeeded(), {', '.join(parts)})"
    if stage.identity is not None and stage.identity.environment and not stage.identity.only_reads:
        made["lockBehavior"] = "sequential"
    made["jobs"] = [_job(pipeline, stage)]
    return made


def _job(pipeline: Pipeline, stage: Stage) -> dict[str, Any]:
    steps = _all_steps(pipeline, stage)
    name = {"displayName": stage.title, "timeoutInMinutes": str(stage.minutes)}
    variables: dict[str, str] = {}
    if stage.is_embedded:
        variables = {"BRICKYARD_HOME": "/tmp/brickyard", "BRICKYARD_PORTS": "0,0,0"}
    if stage.identity is not None:
        suffix = stage.identity.suffix
        variables = {
            "DATABRICKS_AUTH_TYPE": "azure-devops-oidc",
            "DATABRICKS_HOST": f"$(DATABRICKS_HOST{suffix})",
            "DATABRICKS_CLIENT_ID": f"$(DATABRICKS_CLIENT_ID{suffix})",
        }
    given = {"variables": variables} if variables else {}
    if stage.identity is None or not stage.identity.environment or stage.identity.only_reads:
        return {"job": stage.key, **name, **given, "steps": steps}
    return {
        "deployment": stage.key,
        **name,
        "environment": stage.identity.environment,
        **given,
        "strategy": {"runOnce": {"deploy": {"steps": steps}}},
    }


def _all_steps(pipeline: Pipeline, stage: Stage) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [
        {"checkout": "self", "displayName": "Check out", "fetchDepth": "0"},
        {
            "task": "UsePythonVersion@0",
            "displayName": "Python",
            "inputs": {"versionSpec": pipeline.python},
        },
        {
            "task": "Cache@2",
            "displayName": "Cache",
            "inputs": {
                "key": f'brickyard | {stage.key} | "$(Agent.OS)" | "$(Build.SourceVersion)"',
                "restoreKeys": f'brickyard | {stage.key} | "$(Agent.OS)"',
                "path": CACHE,
            },
        },
        {
            "bash": 'python -m pip install --quiet "$BRICKYARD_REQUIREMENT"\n',
            "displayName": "Install Brickyard",
        },
    ]
    for step in stage.steps:
        steps += _step(pipeline, stage, step)
    if stage.artifact:
        place = f"{_folder(pipeline)}/{OUTPUT}"
        steps.append(
            {
                "bash": f'mkdir -p "{place}"\n',
                "displayName": "Plan and record, also where there is none",
                "condition": "always()",
            }
        )
        steps.append(
            {
                "publish": place,
                "displayName": "Keep plan and record",
                "artifact": f"{stage.artifact}-$(System.JobAttempt)",
                "condition": "always()",
            }
        )
    return steps


def _folder(pipeline: Pipeline) -> str:
    source = "$(Build.SourcesDirectory)"
    return f"{source}/{pipeline.folder}" if pipeline.folder else source


def _step(pipeline: Pipeline, stage: Stage, step: Step) -> list[dict[str, Any]]:
    env = dict(step.env)
    if stage.identity is not None:
        env["SYSTEM_ACCESSTOKEN"] = "$(System.AccessToken)"
    found: list[dict[str, Any]] = [
        {
            "bash": "".join(f"{line}\n" for line in ("set -euo pipefail", *_reporting(step))),
            "displayName": step.name,
            **({"condition": "always()"} if step.always else {}),
            "workingDirectory": _folder(pipeline),
            **({"env": env} if env else {}),
        }
    ]
    if step.summary:
        shown = f"{_folder(pipeline)}/{step.summary}"
        found.append(
            {
                "bash": f'if [ -f "{shown}" ]; then\n'
                f'  echo "##vso[task.uploadsummary]{shown}"\nfi\n',
                "displayName": f"Show: {step.name}",
                "condition": "always()",
            }
        )
    return found


def _reporting(step: Step) -> tuple[str, ...]:
    """Findings of `validate` as issues at the lines that they are about."""
    return tuple(
        f"{line} -o azure" if line.startswith("brickyard validate ") else line
        for line in step.script
    )


def parse(tree: Mapping[str, Any]) -> ParsedPipeline:
    """What is in a pipeline of stages, of jobs or of steps alone. Raises `Unreadable`.

    A job needs what its stage depends on; without `dependsOn`, the stage before.
    """
    variables = _variables(tree.get("variables"))
    stages = tree.get("stages")
    if stages is None:
        stages = [{"stage": "pipeline", "jobs": tree.get("jobs") or [_lone_job(tree)]}]
    if not isinstance(stages, list):
        raise Unreadable("`stages` is a list")
    jobs: list[ParsedJob] = []
    before: tuple[str, ...] = ()
    by_stage: dict[str, tuple[str, ...]] = {}
    for stage in stages:
        if not isinstance(stage, Mapping) or not isinstance(stage.get("jobs"), list):
            raise Unreadable("a stage has `jobs`, a list: templates are not read here")
        name = str(stage.get("stage", f"stage{len(by_stage)}"))
        after = words(stage["dependsOn"]) if "dependsOn" in stage else before
        needs = tuple(job for one in after for job in by_stage.get(one, ()))
        found = tuple(_parsed_job(one, stage, needs) for one in stage["jobs"])
        jobs += found
        by_stage[name] = tuple(one.key for one in found)
        before = (name,)
    return ParsedPipeline(jobs=tuple(jobs), env=variables)


def _lone_job(tree: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(tree.get("steps"), list):
        raise Unreadable("a pipeline has `stages`, `jobs` or `steps`")
    return {"job": "job", "steps": tree["steps"]}


def _parsed_job(job: Any, stage: Mapping[str, Any], needs: tuple[str, ...]) -> ParsedJob:
    if not isinstance(job, Mapping):
        raise Unreadable("a job is a mapping")
    key = str(job.get("job") or job.get("deployment") or "job")
    steps = job.get("steps") or _deploy_steps(job)
    if not isinstance(steps, list):
        raise Unreadable(f"job {key} has no `steps`: templates are not read here")
    environment = job.get("environment")
    if isinstance(environment, Mapping):
        environment = environment.get("name")
    return ParsedJob(
        key=key,
        title=str(stage.get("displayName") or job.get("displayName") or key),
        needs=needs + words(job.get("dependsOn")),
        condition=str(stage.get("condition") or job.get("condition") or ""),
        env=_variables(stage.get("variables")) | _variables(job.get("variables")),
        environment=str(environment or ""),
        steps=tuple(_parsed_step(one) for one in steps),
    )


def _deploy_steps(job: Mapping[str, Any]) -> Any:
    found: Any = job
    for key in ("strategy", "runOnce", "deploy", "steps"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _parsed_step(step: Any) -> ParsedStep:
    kinds = ("bash", "script", "task", "checkout", "publish", "download")
    kind = next((one for one in kinds if isinstance(step, Mapping) and step.get(one)), None)
    if kind is None:
        raise Unreadable(f"a step has one of {', '.join(kinds)}")
    is_script = kind in {"bash", "script"}
    script = str(step[kind]) if is_script else ""
    inputs = step.get("inputs")
    named = {"path": step[kind], "name": step.get("artifact")} if kind == "publish" else {}
    return ParsedStep(
        name=str(step.get("displayName") or script.partition("\n")[0] or step[kind]),
        script=script,
        uses="" if is_script else str(step[kind] if kind == "task" else kind),
        inputs=inputs if isinstance(inputs, Mapping) else named,
        env=texts(step.get("env")),
        condition=str(step.get("condition", "")),
        folder=str(step.get("workingDirectory") or ""),
    )


def _variables(given: Any) -> dict[str, str]:
    """Both spellings: a mapping, or a list of `name` and `value`."""
    if isinstance(given, list):
        pairs = [one for one in given if isinstance(one, Mapping) and "name" in one]
        return texts({one["name"]: one.get("value") for one in pairs})
    return texts(given)
