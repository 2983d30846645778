"""Requests to run a job, turned into the settings and parameters of one run.

Follows `run-now`, `runs/submit` and `runs/repair`: job parameters, the older `notebook_params` and
their like, `only`, `queue`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.jobs.show import key_values
from brickyard.workspace.kernel import invalid

MAX_TOKEN_LENGTH = 64
LEGACY_PARAMETERS = (
    "notebook_params",
    "python_params",
    "python_named_params",
    "jar_params",
    "sql_params",
    "pipeline_params",
)


def token(request: Mapping[str, Any]) -> str | None:
    """The idempotency token of a request. Raises INVALID_PARAMETER_VALUE."""
    found = str(request.get("idempotency_token") or "")
    if len(found) > MAX_TOKEN_LENGTH:
        raise invalid(f"idempotency_token may have at most {MAX_TOKEN_LENGTH} characters")
    return found or None


def settings_for(settings: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """A job's settings as one run has them. Raises INVALID_PARAMETER_VALUE."""
    found = with_legacy_parameters(settings, request)
    if request.get("only"):
        found = _only(found, list(request["only"]))
    if request.get("queue"):
        found["queue"] = request["queue"]
    return found


def parameters(settings: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, str]:
    """Name -> value of every job parameter. Raises INVALID_PARAMETER_VALUE."""
    declared = {
        one["name"]: str(one.get("default", "")) for one in settings.get("parameters") or ()
    }
    given = key_values(request.get("job_parameters") or {}, "job_parameters")
    if unknown := set(given) - set(declared):
        raise invalid(f"The job has no parameter {', '.join(sorted(unknown))}")
    return {**declared, **given}


def with_legacy_parameters(
    settings: Mapping[str, Any], request: Mapping[str, Any]
) -> dict[str, Any]:
    """`notebook_params` and their like, put into every task of their kind."""
    given = {name: request[name] for name in LEGACY_PARAMETERS if request.get(name)}
    if given and settings.get("parameters"):
        raise invalid("The job declares parameters: use job_parameters instead")
    tasks = []
    for task in settings.get("tasks") or ():
        done = dict(task)
        if "notebook_params" in given and "notebook_task" in task:
            body = task["notebook_task"]
            merged = {**(body.get("base_parameters") or {}), **given["notebook_params"]}
            done["notebook_task"] = {**body, "base_parameters": merged}
        if "python_params" in given:
            for kind in ("spark_python_task", "python_wheel_task"):
                if kind in task:
                    done[kind] = {**task[kind], "parameters": given["python_params"]}
        if "python_named_params" in given and "python_wheel_task" in task:
            body = task["python_wheel_task"]
            done["python_wheel_task"] = {**body, "named_parameters": given["python_named_params"]}
        if "sql_params" in given and "sql_task" in task:
            body = task["sql_task"]
            merged = {**(body.get("parameters") or {}), **given["sql_params"]}
            done["sql_task"] = {**body, "parameters": merged}
        if "pipeline_params" in given and "pipeline_task" in task:
            done["pipeline_task"] = {**task["pipeline_task"], **given["pipeline_params"]}
        tasks.append(done)
    return {**settings, "tasks": tasks}


def _only(settings: dict[str, Any], only: list[str]) -> dict[str, Any]:
    """The settings with some tasks, `+key` meaning with everything it depends on."""
    tasks = {task["task_key"]: task for task in settings["tasks"]}
    wanted: set[str] = set()
    for name in only:
        key = name.strip("+")
        if key not in tasks:
            raise invalid(f"The job has no task {key}")
        wanted.add(key)
        if name.startswith("+"):
            wanted |= _needed(tasks, key)
        if name.endswith("+"):
            wanted |= dependents(list(tasks.values()), {key})
    kept = []
    for key, task in tasks.items():
        if key in wanted:
            needs = [on for on in task.get("depends_on") or () if on["task_key"] in wanted]
            kept.append({**task, "depends_on": needs})
    return {**settings, "tasks": kept}


def _needed(tasks: Mapping[str, Mapping[str, Any]], key: str) -> set[str]:
    found: set[str] = set()
    for on in tasks[key].get("depends_on") or ():
        found |= {on["task_key"]} | _needed(tasks, on["task_key"])
    return found


def dependents(tasks: list[dict[str, Any]], of: set[str]) -> set[str]:
    """Every task that depends on one of these, however far."""
    found = set(of)
    while True:
        more = {
            task["task_key"]
            for task in tasks
            if any(on["task_key"] in found for on in task.get("depends_on") or ())
        } - found
        if not more:
            return found
        found |= more
