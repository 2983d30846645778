"""What the Jobs API would refuse: keys that lead nowhere, tasks that do nothing, circles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from brickyard.bundle.compute_checks import check_task_compute
from brickyard.bundle.path_fields import tasks_of
from brickyard.bundle.schedules import check_schedule
from brickyard.bundle.task_flow import check_flow
from brickyard.values import Diagnostic, Path, Value, did_you_mean, error, refusal, show

KINDS: Final = (
    "ai_runtime_task",
    "alert_task",
    "clean_rooms_notebook_task",
    "condition_task",
    "dashboard_task",
    "dbt_cloud_task",
    "dbt_platform_task",
    "dbt_task",
    "for_each_task",
    "gen_ai_compute_task",
    "notebook_task",
    "pipeline_task",
    "power_bi_task",
    "python_operator_task",
    "python_wheel_task",
    "run_job_task",
    "spark_jar_task",
    "spark_python_task",
    "spark_submit_task",
    "sql_task",
)
COMPUTE: Final = ("new_cluster", "existing_cluster_id", "environment_key", "job_cluster_key")
NEEDS_COMPUTE: Final = (
    "python_wheel_task",
    "spark_jar_task",
    "spark_python_task",
    "spark_submit_task",
    "dbt_task",
)

Found: TypeAlias = Iterator[Diagnostic]


def check_job(job: Value, at: Path) -> Found:
    """Keys of tasks, clusters and environments; what each task is; circles; the schedule."""
    tasks = job.child("tasks")
    elements = tasks.elements if tasks is not None else ()
    clusters = _keys(job, "job_clusters", "job_cluster_key")
    environments = _keys(job, "environments", "environment_key")
    for path, task in tasks_of(job):
        where = (*at, *path)
        yield from _one_kind(task, where)
        yield from _known_key(task, "job_cluster_key", clusters, where, "job_clusters")
        yield from _known_key(task, "environment_key", environments, where, "environments")
        yield from _compute(task, where)
        yield from check_task_compute(task, where)
    keys = _keys(job, "tasks", "task_key")
    for index, task in enumerate(elements):
        yield from _depends_on(task, keys, (*at, "tasks", index))
    yield from _circles(elements, at)
    yield from check_flow(elements, at)
    yield from check_schedule(job, at)


def _keys(job: Value, name: str, by: str) -> tuple[str, ...]:
    part = job.child(name)
    return tuple(_word(one.child(by)) for one in (part.elements if part is not None else ()))


def _word(value: Value | None) -> str:
    return value.text if value is not None else ""


def _one_kind(task: Value, at: Path) -> Found:
    kinds = [name for name in task.items if name in KINDS]
    if len(kinds) == 1:
        return
    unknown = [name for name in task.items if name.endswith("_task") and name not in KINDS]
    if not kinds and unknown:
        return
    key = _word(task.child("task_key")) or "this task"
    if kinds:
        yield refusal(
            "bundle/task-kinds",
            "task does more than one thing",
            f"`{key}` has {', '.join(kinds)}. Keep one and make tasks of the others.",
            path=show(at),
            at=[place for name in kinds for place in task.items[name].key_locations],
        )
        return
    yield refusal(
        "bundle/task-kinds",
        "task does nothing",
        f"`{key}` says not what to run. Add one of notebook_task, spark_python_task,"
        " python_wheel_task, sql_task, run_job_task, condition_task, for_each_task, …",
        path=show(at),
        at=task.locations,
    )


def _known_key(task: Value, name: str, known: tuple[str, ...], at: Path, where: str) -> Found:
    value = task.child(name)
    if value is None or not value.text or "${" in value.text or value.text in known:
        return
    hint = did_you_mean(value.text, known)
    yield refusal(
        f"bundle/unknown-{name.replace('_', '-')}",
        f"{name} {value.text} is not defined",
        f"The job has no `{value.text}` under `{where}`. {hint}".rstrip()
        + (f" It has {', '.join(known)}." if known else f" Add it to `{where}`."),
        path=show((*at, name)),
        at=value.locations,
    )


def _compute(task: Value, at: Path) -> Found:
    kind = next((name for name in NEEDS_COMPUTE if name in task.items), None)
    if kind is None or any(task.child(name) is not None for name in COMPUTE):
        return
    if kind == "dbt_task" and task.get("dbt_task.warehouse_id") is not None:
        return
    yield error(
        "bundle/no-compute",
        "Missing required cluster or environment settings",
        f"A {kind} needs one of {', '.join(COMPUTE)}. For serverless compute add an entry to"
        " the job's `environments` and name it with `environment_key`.",
        path=show(at),
        at=task.locations,
        is_explained=True,
    )


def _depends_on(task: Value, known: tuple[str, ...], at: Path) -> Found:
    needs = task.child("depends_on")
    for index, need in enumerate(needs.elements if needs is not None else ()):
        key = need.child("task_key")
        if key is None or not key.text or "${" in key.text or key.text in known:
            continue
        yield refusal(
            "bundle/unknown-task",
            "task depends on a task that does not exist",
            f"The job has no task `{key.text}`. {did_you_mean(key.text, known)}".rstrip()
            + f" Its tasks are {', '.join(known)}.",
            path=show((*at, "depends_on", index, "task_key")),
            at=key.locations,
        )


def _circles(tasks: tuple[Value, ...], at: Path) -> Found:
    """A circle among tasks, named once, from its first task in the alphabet."""
    needs: dict[str, tuple[str, ...]] = {}
    places = {}
    for task in tasks:
        part = task.child("depends_on")
        key = _word(task.child("task_key"))
        places[key] = task
        needs[key] = tuple(
            _word(need.child("task_key")) for need in (part.elements if part is not None else ())
        )
    circle = find_circle(needs)
    if circle:
        yield refusal(
            "bundle/task-circle",
            "tasks wait for each other",
            f"{' -> '.join(circle)}. Remove one of these `depends_on`.",
            path=show((*at, "tasks")),
            at=[place for key in circle[:-1] for place in places[key].locations],
        )


def find_circle(needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """A circle in a graph, its first name repeated at the end; nothing when there is none."""
    done: set[str] = set()
    for start in sorted(needs):
        if start in done:
            continue
        trail: list[str] = [start]
        pending = [iter(needs[start])]
        while pending:
            name = next(pending[-1], None)
            if name is None:
                pending.pop()
                done.add(trail.pop())
            elif name in trail:
                return (*trail[trail.index(name) :], name)
            elif name in needs and name not in done:
                trail.append(name)
                pending.append(iter(needs[name]))
    return ()
