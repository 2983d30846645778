"""GitLab CI: `.gitlab-ci.yml`.

Followed: GitLab's YAML reference; Databricks' page on workload identity federation for GitLab
(`DATABRICKS_AUTH_TYPE: env-oidc`, an `id_tokens` entry called `DATABRICKS_OIDC_TOKEN`). Address,
client id and audience are CI/CD variables with the scope of the stage's environment. Production is
a manual job of a protected environment. `resource_group` keeps releases one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from typing import Any, Final

from brickyard.cicd.model import OUTPUT, Event, Pipeline, Stage
from brickyard.cicd.parsed import ParsedJob, ParsedPipeline, ParsedStep, Unreadable, texts, words
from brickyard.cicd.yaml_text import write

FILE: Final = ".gitlab-ci.yml"
RULES: Final[Mapping[Event, str]] = {
    Event.PULL_REQUEST: '$CI_PIPELINE_SOURCE == "merge_request_event"',
    Event.MAIN: '$CI_COMMIT_BRANCH == "{main}" && $CI_PIPELINE_SOURCE == "push"',
    Event.TAG: "$CI_COMMIT_TAG =~ /{tags}/",
    Event.SCHEDULE: '$CI_PIPELINE_SOURCE == "schedule"',
}
SAME_PROJECT: Final = "$CI_MERGE_REQUEST_SOURCE_PROJECT_PATH == $CI_PROJECT_PATH"
CACHE: Final = ".databricks/cache"  # must be within the checkout; a bundle's sync leaves it out
INSTALL: Final = 'python -m pip install --quiet "$BRICKYARD_REQUIREMENT"'
# Keys of the top level that are no jobs.
GLOBAL: Final = frozenset(
    {"stages", "workflow", "variables", "default", "include", "image", "services", "cache"}
    | {"before_script", "after_script", "pages", "spec"}
)


def render(pipeline: Pipeline) -> str:
    """The pipeline, without the header."""
    every = [{"if": _rule(pipeline, event)} for event in Event]
    tree: dict[str, Any] = {
        "stages": [stage.key for stage in pipeline.stages],
        "workflow": {"rules": every},
        "variables": {
            "BRICKYARD_REQUIREMENT": pipeline.requirement,
            "GIT_DEPTH": "0",
            "PIP_CACHE_DIR": f"$CI_PROJECT_DIR/{CACHE}/pip",
            "UV_CACHE_DIR": f"$CI_PROJECT_DIR/{CACHE}/uv",
        },
        "default": {
            "image": f"python:{pipeline.python}",
            "interruptible": True,
            "cache": {"key": "brickyard-$CI_JOB_NAME", "paths": [f"{CACHE}/"]},
        },
    }
    for stage in pipeline.stages:
        tree[stage.key] = _job(pipeline, stage)
    return write(tree)


def _rule(pipeline: Pipeline, event: Event) -> str:
    # Tags are a pattern such as `v*`; GitLab compares with a regular expression.
    tags = "^" + pipeline.tags.replace(".", r"\.").replace("*", ".*") + "$"
    return RULES[event].format(main=pipeline.main, tags=tags)


def _job(pipeline: Pipeline, stage: Stage) -> dict[str, Any]:
    job: dict[str, Any] = {
        "stage": stage.key,
        "needs": list(stage.needs),
        "rules": _rules(pipeline, stage),
        "timeout": f"{stage.minutes} minutes",
    }
    variables: dict[str, str] = {}
    if stage.is_embedded:
        variables = {"BRICKYARD_HOME": "/tmp/brickyard", "BRICKYARD_PORTS": "0,0,0"}
    if stage.identity is not None:
        variables = {"DATABRICKS_AUTH_TYPE": "env-oidc"}
        job["id_tokens"] = {"DATABRICKS_OIDC_TOKEN": {"aud": "$DATABRICKS_OIDC_AUDIENCE"}}
        if stage.identity.environment:
            only_looks = {"action": "verify"} if stage.identity.only_reads else {}
            job["environment"] = {"name": stage.identity.environment, **only_looks}
        if stage.identity.environment and not stage.identity.only_reads:
            job["resource_group"] = f"brickyard-{pipeline.name}-{stage.identity.environment}"
            job["interruptible"] = False
    for step in stage.steps:
        variables |= step.env
    if variables:
        job["variables"] = variables
    enter = [f"cd {quote(pipeline.folder)}"] if pipeline.folder else []
    job["before_script"] = [INSTALL, *enter]
    job["script"] = [_item(step.name, step.script) for step in stage.steps if not step.always]
    last = [_item(step.name, step.script) for step in stage.steps if step.always]
    if last:
        job["after_script"] = [*enter, *last]
    if stage.artifact:
        folder = f"{pipeline.folder}/{OUTPUT}" if pipeline.folder else OUTPUT
        shown = {"expose_as": "Plan and record"} if Event.PULL_REQUEST in stage.events else {}
        paths = [f"{folder}/"]
        job["artifacts"] = {"name": stage.artifact, **shown, "when": "always", "paths": paths}
    return job


def _rules(pipeline: Pipeline, stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for event in Event:
        if event not in stage.events:
            continue
        rule: dict[str, Any] = {"if": _rule(pipeline, event)}
        if stage.identity is not None and event is Event.PULL_REQUEST:
            rule["if"] += f" && {SAME_PROJECT}"
        if stage.identity is not None and stage.identity.needs_approval:
            rule["when"] = "manual"
        found.append(rule)
    return found


def _item(name: str, script: tuple[str, ...]) -> str:
    """A step: its name as a comment, then its lines, which stop at the first that fails."""
    return "\n".join((f"# {name}", *script)) + "\n"


def parse(tree: Mapping[str, Any]) -> ParsedPipeline:
    """What is in a pipeline; `extends` and `include` are not followed. Raises `Unreadable`."""
    keys = [
        key
        for key, value in tree.items()
        if key not in GLOBAL and not str(key).startswith(".") and isinstance(value, Mapping)
    ]
    if not keys:
        raise Unreadable("there is no job: included files are not read here")
    order = words(tree.get("stages"))
    default = tree.get("default")
    shared = default if isinstance(default, Mapping) else {}
    stage_of = {key: str(tree[key].get("stage", "test")) for key in keys}
    jobs = [_parsed_job(str(key), tree[key], shared, _before(key, stage_of, order)) for key in keys]
    return ParsedPipeline(jobs=tuple(jobs), env=_variables(tree.get("variables")))


def _before(key: str, stage_of: Mapping[str, str], order: tuple[str, ...]) -> tuple[str, ...]:
    """Without `needs`, a job waits for every job of the stages before its own."""
    if stage_of[key] not in order:
        return ()
    earlier = order[: order.index(stage_of[key])]
    return tuple(one for one, stage in stage_of.items() if stage in earlier)


def _parsed_job(
    key: str, job: Mapping[str, Any], shared: Mapping[str, Any], before: tuple[str, ...]
) -> ParsedJob:
    if "script" not in job:
        raise Unreadable(f"{key} has no `script`: `extends`, `trigger` and `run` are not read here")
    start = _lines(job.get("before_script", shared.get("before_script")))
    main, last = _lines(job["script"]), _lines(job.get("after_script"))
    needs = job.get("needs")
    if isinstance(needs, list):
        before = tuple(str(one["job"] if isinstance(one, Mapping) else one) for one in needs)
    environment, artifacts = job.get("environment"), job.get("artifacts")
    if isinstance(environment, Mapping):
        environment = environment.get("name")
    paths = artifacts.get("paths") if isinstance(artifacts, Mapping) else None
    rules = job.get("rules")
    steps = [ParsedStep(name="Script", script="\n".join((*start, *main)))]
    if last:
        steps.append(ParsedStep(name="After script", script="\n".join(last), condition="always()"))
    return ParsedJob(
        key=key,
        title=key,
        needs=before,
        rules=tuple(rules) if isinstance(rules, list) else (),
        env=_variables(job.get("variables")),
        environment=str(environment or ""),
        steps=tuple(steps),
        artifacts=words(paths),
    )


def _lines(script: Any) -> tuple[str, ...]:
    """A script's entries; a list within it is one more level, as anchors make them."""
    if script is None:
        return ()
    if isinstance(script, list):
        return tuple(line for one in script for line in _lines(one))
    return (str(script),)


def _variables(given: Any) -> dict[str, str]:
    """Variables may be described: `{value: …, description: …}`."""
    table = given if isinstance(given, Mapping) else {}
    return texts(
        {key: one.get("value") if isinstance(one, Mapping) else one for key, one in table.items()}
    )
