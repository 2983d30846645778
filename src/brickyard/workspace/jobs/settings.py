"""Job settings: checked, and given the defaults that the service adds. Everything else stays as is.

Follows the Jobs API 2.2. Clusters, notification and git settings are kept; clusters are virtual.
Task types that the embedded workspace cannot run are kept, and fail when their turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.jobs.watches import is_in_a_volume
from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.cron import require_schedule
from brickyard.workspace.kernel.decode import decode

RUNNABLE = (
    "notebook_task",
    "spark_python_task",
    "python_wheel_task",
    "shell_command_task",
    "sql_task",
    "run_job_task",
    "pipeline_task",
    "condition_task",
    "for_each_task",
    "alert_task",
)
OTHERS = (
    "spark_jar_task",
    "spark_submit_task",
    "dbt_task",
    "dbt_cloud_task",
    "dbt_platform_task",
    "dashboard_task",
    "power_bi_task",
    "clean_rooms_notebook_task",
    "gen_ai_compute_task",
    "ai_runtime_task",
    "python_operator_task",
)
RUN_IF = (
    "ALL_SUCCESS",
    "ALL_DONE",
    "NONE_FAILED",
    "AT_LEAST_ONE_SUCCESS",
    "ALL_FAILED",
    "AT_LEAST_ONE_FAILED",
)
OPERATORS = (
    "EQUAL_TO",
    "NOT_EQUAL",
    "GREATER_THAN",
    "GREATER_THAN_OR_EQUAL",
    "LESS_THAN",
    "LESS_THAN_OR_EQUAL",
)
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "notebook_task": ("notebook_path",),
    "spark_python_task": ("python_file",),
    "python_wheel_task": ("package_name", "entry_point"),
    "shell_command_task": ("command",),
    "sql_task": ("warehouse_id",),
    "run_job_task": ("job_id",),
    "pipeline_task": ("pipeline_id",),
    "condition_task": ("op", "left", "right"),
    "for_each_task": ("inputs", "task"),
}
Object = dict[str, Any]
Objects = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    task_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellCommand:
    """What MLflow submits to run a project; in no public description of the Jobs API."""

    command: list[str]
    env_vars: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskShape:
    """The types of what is read of a task; the values are kept as they came."""

    task_key: str | None = None
    run_if: str | None = None
    environment_key: str | None = None
    job_cluster_key: str | None = None
    depends_on: list[Dependency] | None = None
    libraries: Objects | None = None
    new_cluster: Object | None = None
    timeout_seconds: int | None = None
    max_retries: int | None = None
    min_retry_interval_millis: int | None = None
    notebook_task: Object | None = None
    spark_python_task: Object | None = None
    python_wheel_task: Object | None = None
    shell_command_task: ShellCommand | None = None
    sql_task: Object | None = None
    run_job_task: Object | None = None
    pipeline_task: Object | None = None
    condition_task: Object | None = None
    for_each_task: Object | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The same of a job's settings."""

    name: str | None = None
    description: str | None = None
    tasks: list[Any] | None = None
    job_clusters: Objects | None = None
    environments: Objects | None = None
    parameters: Objects | None = None
    schedule: Object | None = None
    continuous: Object | None = None
    trigger: Object | None = None
    queue: Object | None = None
    run_as: Object | None = None
    tags: Object | None = None
    timeout_seconds: int | None = None
    max_concurrent_runs: int | None = None
    access_control_list: Objects | None = None


# Triggers that start nothing, and settings that nobody hears of.
UNTRIGGERED = ("model", "sql_condition", "job_completion")
UNHEARD = ("email_notifications", "webhook_notifications", "health")
SHORTEST_WAIT_S = 60
WAITS = ("min_time_between_triggers_seconds", "wait_after_last_change_seconds")
MAX_TASKS = 1000
LEGACY_KEYS = (*RUNNABLE, *OTHERS, "existing_cluster_id", "new_cluster", "libraries")


def complete(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the service's defaults. Raises INVALID_PARAMETER_VALUE naming the field."""
    decode(settings, Shape)
    done = {name: value for name, value in settings.items() if name != "name" or value is not None}
    if "tasks" not in done and any(key in done for key in (*RUNNABLE, *OTHERS)):
        done["tasks"] = [_legacy_task(done)]
    done.setdefault("name", "Untitled")
    done.setdefault("email_notifications", {})
    done.setdefault("webhook_notifications", {})
    done.setdefault("timeout_seconds", 0)
    done.setdefault("max_concurrent_runs", 1)
    done["format"] = "MULTI_TASK"
    for name in ("schedule", "continuous"):
        if isinstance(done.get(name), Mapping):
            done[name] = {"pause_status": "UNPAUSED", **done[name]}
    if isinstance(done.get("trigger"), Mapping):
        done["trigger"] = {"pause_status": "UNPAUSED", **done["trigger"]}
    _check_git(done)
    _check_schedule(done)
    _check_triggers(done)
    source = "GIT" if done.get("git_source") else "WORKSPACE"
    done["tasks"] = [complete_task(task, source) for task in done.get("tasks") or ()]
    if not done["tasks"]:
        done.pop("tasks")
    _check_graph(done.get("tasks", []))
    _check_environments(done)
    return done


def complete_task(task: Any, source: str = "WORKSPACE") -> dict[str, Any]:
    """One task with its defaults; `source` is where a notebook without one comes from.

    Raises INVALID_PARAMETER_VALUE.
    """
    if not isinstance(task, Mapping) or not task.get("task_key"):
        raise invalid("Every task needs a task_key")
    decode(task, TaskShape)
    done = dict(task)
    kind = kind_of(done)
    for field in REQUIRED.get(kind, ()):
        if done[kind].get(field) in (None, ""):
            raise invalid(f"Task {done['task_key']}: {kind}.{field} is required")
    done.setdefault("run_if", "ALL_SUCCESS")
    if done["run_if"] not in RUN_IF:
        raise invalid(f"Task {done['task_key']}: run_if must be one of {', '.join(RUN_IF)}")
    done.setdefault("timeout_seconds", 0)
    done.setdefault("email_notifications", {})
    if kind == "condition_task" and done[kind]["op"] not in OPERATORS:
        raise invalid(f"Task {done['task_key']}: op must be one of {', '.join(OPERATORS)}")
    if kind == "notebook_task":
        done[kind] = {"source": source, **done[kind]}
    if kind == "for_each_task":
        inner = dict(done[kind])
        inner["task"] = complete_task(inner["task"], source)
        if kind_of(inner["task"]) == "for_each_task":
            raise invalid(f"Task {done['task_key']}: for_each_task cannot be nested")
        done[kind] = inner
    return done


def kind_of(task: Mapping[str, Any]) -> str:
    """The one task type of a task. Raises INVALID_PARAMETER_VALUE for none or two."""
    kinds = [kind for kind in (*RUNNABLE, *OTHERS) if task.get(kind) is not None]
    key = task.get("task_key", "")
    if len(kinds) != 1:
        found = ", ".join(kinds) or "none"
        raise invalid(f"Task {key} must have exactly one task type; found {found}")
    return kinds[0]


def ignored(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What the settings ask for and the embedded workspace keeps without doing it."""
    trigger = settings.get("trigger") or {}
    found = [f"trigger.{kind}" for kind in UNTRIGGERED if trigger.get(kind)]
    if trigger.get("file_arrival") and not is_in_a_volume(trigger["file_arrival"]):
        found.append("trigger.file_arrival")
    found += [name for name in UNHEARD if settings.get(name)]
    for task in settings.get("tasks") or ():
        found += [f"tasks.{task['task_key']}.{name}" for name in UNHEARD if task.get(name)]
        inner = (task.get("for_each_task") or {}).get("task") or {}
        found += [
            f"tasks.{one['task_key']}.{kind}"
            for one in (task, inner)
            for kind in OTHERS
            if one.get(kind) is not None
        ]
    return tuple(found)


def leaves(tasks: list[dict[str, Any]]) -> Iterator[str]:
    """Keys of tasks that no other task depends on."""
    needed = {on["task_key"] for task in tasks for on in task.get("depends_on") or ()}
    return (task["task_key"] for task in tasks if task["task_key"] not in needed)


def _legacy_task(settings: dict[str, Any]) -> dict[str, Any]:
    """Single-task settings of API 2.0, as a task."""
    moved = {key: settings.pop(key) for key in LEGACY_KEYS if key in settings}
    name = str(settings.get("name") or "task")
    return {
        "task_key": "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:100],
        **moved,
    }


def _check_git(settings: Mapping[str, Any]) -> None:
    git = settings.get("git_source")
    if git is None:
        return
    if not isinstance(git, Mapping) or not git.get("git_provider"):
        raise invalid("git_source.git_provider is required")


def _check_schedule(settings: Mapping[str, Any]) -> None:
    schedule = settings.get("schedule")
    if not schedule:
        return
    require_schedule(
        str(schedule.get("quartz_cron_expression", "")),
        str(schedule.get("timezone_id") or ""),
        field="quartz_cron_expression",
        zone_field="schedule.timezone_id",
    )


def _check_triggers(settings: Mapping[str, Any]) -> None:
    kinds = [name for name in ("schedule", "trigger", "continuous") if settings.get(name)]
    if len(kinds) > 1:
        raise invalid(f"A job has only one of schedule, trigger and continuous; found {kinds}")
    trigger = settings.get("trigger") or {}
    for kind in ("file_arrival", "table_update"):
        for name in WAITS:
            wait_s = (trigger.get(kind) or {}).get(name)
            if wait_s and int(wait_s) < SHORTEST_WAIT_S:
                raise invalid(f"trigger.{kind}.{name} must be at least {SHORTEST_WAIT_S}")
    if trigger.get("table_update") and not trigger["table_update"].get("table_names"):
        raise invalid("trigger.table_update.table_names is required")


def _check_graph(tasks: list[dict[str, Any]]) -> None:
    """Keys are unique, dependencies exist, nothing waits for itself."""
    if len(tasks) > MAX_TASKS:
        raise invalid(f"A job may have at most {MAX_TASKS} tasks")
    keys = [task["task_key"] for task in tasks]
    for key in keys:
        if keys.count(key) > 1:
            raise invalid(f"Duplicate task_key {key}")
    waits = {
        task["task_key"]: {d["task_key"] for d in task.get("depends_on") or ()} for task in tasks
    }
    for key, needed in waits.items():
        for unknown in needed - set(keys):
            raise invalid(f"Task {key} depends on {unknown}, which is not a task of the job")
    done: set[str] = set()
    while ready := {key for key, needed in waits.items() if key not in done and needed <= done}:
        done |= ready
    if len(done) < len(waits):
        stuck = ", ".join(sorted(set(waits) - done))
        raise invalid(f"The dependencies of these tasks form a cycle: {stuck}")


def _check_environments(settings: Mapping[str, Any]) -> None:
    known = {one.get("environment_key") for one in settings.get("environments") or ()}
    for task in settings.get("tasks", ()):
        key = task.get("environment_key")
        if key is not None and key not in known:
            raise invalid(f"Task {task['task_key']}: there is no environment {key} in the job")
