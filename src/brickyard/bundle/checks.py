"""What the service would refuse, said before anything is deployed.

Each check looks at one resource and knows nothing of the others. Values that are still references
are not judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.interpolate import leftover
from brickyard.bundle.local_paths import tasks_of
from brickyard.bundle.references import references
from brickyard.bundle.schema import schema
from brickyard.resources import TITLES, TYPES
from brickyard.values import Diagnostic, Path, Value, did_you_mean, error, show, warning

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
# Required fields whose absence another check reports as an error.
NAMED_ELSEWHERE: Final = ("task_key", "quartz_cron_expression", "served_model_name")
CRON_FIELD: Final = re.compile(r"[0-9A-Za-z*?/,#-]+")

Found = Iterator[Diagnostic]


def check_resources(draft: Draft) -> Draft:
    """Runs every check over every resource. Reads: `resources`."""
    found: list[Diagnostic] = []
    for kind, check in CHECKS.items():
        for key, value in draft.each(kind):
            if isinstance(value.data, dict):
                found.extend(check(value, ("resources", kind, key)))
    for kind, declared in TYPES.items():
        for key, value in draft.each(kind):
            at: Path = ("resources", kind, key)
            found.extend(_required(value, declared.required, at))
            found.extend(_shape(value, f"resources.{kind}", at))
    found.extend(_references(draft))
    return draft.noting(*found)


def _required(value: Value, names: tuple[str, ...], at: Path) -> Found:
    for name in names:
        part = value.child(name)
        if part is None or part.data in (None, ""):
            yield error(
                "bundle/required-field",
                f"required field {name} is not set",
                f"{TITLES[str(at[1])]} `{at[2]}` needs `{name}`. Add it.",
                path=show((*at, name)),
                at=value.key_locations,
            )


def _shape(value: Value, kind: str, at: Path) -> Found:
    """Missing fields of structures, and words that a field does not know.

    Warnings: the service may know newer words, and some fields are only needed at times.
    """
    shapes = schema()
    if kind in shapes.enumerations:
        words = shapes.enumerations[kind]
        if value.text and "${" not in value.text and value.text not in words:
            near = did_you_mean(value.text, words)
            yield warning(
                "bundle/unknown-word",
                "invalid value for a field with fixed values",
                f"`{value.text}` is none of {', '.join(words)}. {near}".rstrip(),
                path=show(at),
                at=value.locations,
            )
        return
    if isinstance(value.data, dict):
        # The resource itself and its tasks have errors of their own for this.
        for name in sorted(shapes.required.get(kind, ())) if len(at) > 3 else ():
            if value.child(name) is None and name not in NAMED_ELSEWHERE:
                yield warning(
                    "bundle/required-field",
                    f"required field {name} is not set",
                    "The service is likely to refuse it. Add the field.",
                    path=show(at),
                    at=value.locations,
                )
        for name, part in value.data.items():
            below = shapes.below(kind, name)
            if below not in {None, "any", "string", "int", "bool", "float"}:
                yield from _shape(part, str(below), (*at, name))
    elif isinstance(value.data, tuple):
        below = shapes.below(kind, 0)
        for index, part in enumerate(value.data):
            if below is not None:
                yield from _shape(part, below, (*at, index))


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
    keys = _keys(job, "tasks", "task_key")
    for index, task in enumerate(elements):
        if not _word(task.child("task_key")):
            yield error(
                "bundle/required-field",
                "required field task_key is not set",
                "Every task needs a `task_key` of its own.",
                path=show((*at, "tasks", index, "task_key")),
                at=task.locations,
            )
        yield from _depends_on(task, keys, (*at, "tasks", index))
    yield from _circles(elements, at)
    yield from _schedule(job, at)


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
        yield error(
            "bundle/task-kinds",
            "task does more than one thing",
            f"`{key}` has {', '.join(kinds)}. Keep one and make tasks of the others.",
            path=show(at),
            at=[place for name in kinds for place in task.items[name].key_locations],
        )
        return
    yield error(
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
    yield error(
        f"bundle/unknown-{name.replace('_', '-')}",
        f"{name} is not defined",
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
        "task has nothing to run on",
        f"A {kind} needs one of {', '.join(COMPUTE)}. For serverless compute add an entry to"
        " the job's `environments` and name it with `environment_key`.",
        path=show(at),
        at=task.items[kind].key_locations,
    )


def _depends_on(task: Value, known: tuple[str, ...], at: Path) -> Found:
    needs = task.child("depends_on")
    for index, need in enumerate(needs.elements if needs is not None else ()):
        key = need.child("task_key")
        if key is None or not key.text or "${" in key.text or key.text in known:
            continue
        yield error(
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
        yield error(
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


def _schedule(job: Value, at: Path) -> Found:
    triggers = [name for name in ("schedule", "continuous", "trigger") if job.child(name)]
    if len(triggers) > 1:
        yield error(
            "bundle/several-triggers",
            "job has more than one trigger",
            f"It has {', '.join(triggers)}. Keep one.",
            path=show(at),
            at=[place for name in triggers for place in job.items[name].key_locations],
        )
    cron = job.get("schedule.quartz_cron_expression")
    if job.child("schedule") is not None and (cron is None or not cron.data):
        yield error(
            "bundle/cron",
            "schedule has no cron expression",
            'Add `quartz_cron_expression`, for example "0 0 6 * * ?" for six every morning.',
            path=show((*at, "schedule")),
            at=job.items["schedule"].key_locations,
        )
    elif cron is not None and cron.text and "${" not in cron.text:
        problem = cron_problem(cron.text)
        if problem:
            yield error(
                "bundle/cron",
                "cron expression is not valid",
                f"{problem} Quartz wants second minute hour day month weekday [year], with `?`"
                ' for day or weekday: "0 0 6 * * ?" is six every morning.',
                path=show((*at, "schedule", "quartz_cron_expression")),
                at=cron.locations,
            )


LIMITS: Final = (
    ("second", 0, 59),
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day", 1, 31),
    ("month", 1, 12),
    ("weekday", 1, 7),
    ("year", 1970, 2199),
)


def cron_problem(text: str) -> str:
    """Why Quartz would not take an expression; nothing when it would, as far as can be seen."""
    fields = text.split()
    if len(fields) not in {6, 7}:
        return f"`{text}` has {len(fields)} fields instead of 6 or 7."
    for (name, low, high), field in zip(LIMITS, fields, strict=False):
        if not CRON_FIELD.fullmatch(field):
            return f"`{field}` is not a {name}."
        for number in re.findall(r"(?<![A-Za-z/#])[0-9]+", field):
            if not low <= int(number) <= high:
                return f"`{number}` is not a {name} ({low} to {high})."
    if (fields[3] == "?") == (fields[5] == "?"):
        return "Exactly one of day and weekday must be `?`."
    return ""


def check_endpoint(endpoint: Value, at: Path) -> Found:
    """Entities have a name and a version; traffic goes to them and adds up."""
    entities = endpoint.get("config.served_entities")
    names = []
    for index, entity in enumerate(entities.elements if entities is not None else ()):
        where = (*at, "config", "served_entities", index)
        names.append(_entity_name(entity))
        if entity.child("external_model") is not None:
            continue
        if not _word(entity.child("entity_name")):
            yield error(
                "bundle/served-entity",
                "served entity names no model",
                "Add `entity_name` (catalog.schema.model) or `external_model`.",
                path=show((*where, "entity_name")),
                at=entity.locations,
            )
        version = entity.child("entity_version")
        if version is None or version.data in (None, ""):
            yield error(
                "bundle/served-entity",
                "served entity has no version",
                "Add `entity_version`: which version of the model is served.",
                path=show((*where, "entity_version")),
                at=entity.locations,
            )
    routes = endpoint.get("config.traffic_config.routes")
    if routes is None or not routes.elements:
        return
    shares = [route.child("traffic_percentage") for route in routes.elements]
    numbers = [share.data for share in shares if share is not None and isinstance(share.data, int)]
    if len(numbers) == len(shares) and sum(numbers) != 100:
        yield error(
            "bundle/traffic",
            "traffic does not add up to 100 percent",
            f"The routes share {sum(numbers)} percent. Correct `traffic_percentage`.",
            path=show((*at, "config", "traffic_config", "routes")),
            at=routes.locations,
        )
    for index, route in enumerate(routes.elements):
        name = route.child("served_model_name") or route.child("served_entity_name")
        if name is None or not name.text or "${" in name.text or None in names:
            continue
        if name.text not in names:
            known = [known for known in names if known]
            yield error(
                "bundle/traffic",
                "route leads to no served entity",
                f"There is no entity `{name.text}`. {did_you_mean(name.text, known)}".rstrip()
                + f" There are {', '.join(known)}.",
                path=show((*at, "config", "traffic_config", "routes", index)),
                at=name.locations,
            )


def _entity_name(entity: Value) -> str | None:
    """The name of an entity as routes use it; None when only the deployment knows it."""
    own = _word(entity.child("name"))
    if own:
        return None if "${" in own else own
    model, version = _word(entity.child("entity_name")), entity.child("entity_version")
    if not model or "${" in model or version is None or "${" in str(version.data):
        return None
    return f"{model.rpartition('.')[2]}-{version.data}"


def _references(draft: Draft) -> Found:
    """References to resources that are not in the bundle, and text that only looks like one."""
    resources = draft.tree.get("resources") or Value({})
    for kind, entries in resources.items.items():
        for key, value in entries.items.items():
            at: Path = ("resources", kind, key)
            for reference in references(value):
                if resources.get(reference.address.removeprefix("resources.")) is None:
                    yield _no_such_resource(resources, value, at, reference.path, reference.address)
            for path, part in value.walk() if kind in TYPES else ():
                for text in leftover(part.text):
                    yield error(
                        "bundle/unknown-reference",
                        f"reference does not exist: {text}",
                        "Nothing resolves it. Use `${var.…}`, `${bundle.…}`, `${workspace.…}` or"
                        " `${resources.…}`; for a shell write `${FOO:-}`, which is left alone.",
                        path=show((*at, *path)),
                        at=part.locations,
                    )


def _no_such_resource(
    resources: Value, value: Value, at: Path, path: str, address: str
) -> Diagnostic:
    part = value.get(path)
    _, kind, key = address.split(".", 2)
    known = resources.items.get(kind)
    hint = did_you_mean(key, known.items) if known is not None else did_you_mean(kind, TITLES)
    return error(
        "bundle/unknown-resource",
        "reference to a resource that does not exist",
        f"There is no {address} in this bundle. {hint}".rstrip() + " Correct the name or add it.",
        path=f"{show(at)}.{path}",
        at=part.locations if part is not None else (),
    )


CHECKS: Final[Mapping[str, Callable[[Value, Path], Found]]] = {
    "jobs": check_job,
    "model_serving_endpoints": check_endpoint,
}
