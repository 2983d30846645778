"""Dynamic value references in task parameters: `{{job.parameters.x}}`, `{{tasks.t.values.k}}`, ...

Resolved when a task starts. A reference to a value that a task did not set fails the task; text in
braces that is no reference stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

REFERENCE = re.compile(r"\{\{\s*([A-Za-z_][^{}]*?)\s*\}\}")


class UnknownReference(ValueError):
    """A reference that cannot be resolved; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What references may name."""

    job: Mapping[str, Any]  # id, name, run_id, repair_count, start_ms, trigger
    parameters: Mapping[str, str]
    workspace: Mapping[str, Any]  # id, url
    task: Mapping[str, Any] = field(default_factory=dict)  # name, run_id, execution_count, ...
    tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # result_state, values
    input: Any = None  # of a for-each iteration


def resolve(value: Any, facts: Facts) -> Any:
    """The value with every reference in its texts replaced. Raises UnknownReference."""
    if isinstance(value, str):
        return REFERENCE.sub(lambda found: _text(_look_up(found[1], facts, found[0])), value)
    if isinstance(value, Mapping):
        return {key: resolve(item, facts) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, facts) for item in value]
    return value


def _look_up(name: str, facts: Facts, as_written: str) -> Any:
    parts = _parts(name)
    match parts:
        case ["job", "parameters", key] if key in facts.parameters:
            return facts.parameters[key]
        case ["job", "parameters", key]:
            raise UnknownReference(f"{as_written}: the job has no parameter {key}")
        case ["job", "start_time", unit]:
            return _time(facts.job["start_ms"], unit, as_written)
        case ["job", "trigger", "type"]:
            return facts.job["trigger"]
        case ["job", "trigger", "time", unit]:
            return _time(facts.job["start_ms"], unit, as_written)
        case ["job", key] if key in facts.job:
            return facts.job[key]
        case ["task", key] if key in facts.task:
            return facts.task[key]
        case ["workspace", key] if key in facts.workspace:
            return facts.workspace[key]
        case ["tasks", task, *rest]:
            return _of_task(task, rest, facts, as_written)
        case ["input", *path]:
            return _inside(facts.input, path, as_written)
        case [key] if key in LEGACY:
            return LEGACY[key](facts)
    return as_written


LEGACY: Mapping[str, Callable[[Facts], Any]] = {
    "job_id": lambda facts: facts.job["id"],
    "run_id": lambda facts: facts.task.get("run_id", facts.job["run_id"]),
    "parent_run_id": lambda facts: facts.job["run_id"],
    "task_key": lambda facts: facts.task.get("name", ""),
    "task_retry_count": lambda facts: max(int(facts.task.get("execution_count", 1)) - 1, 0),
    "start_date": lambda facts: _time(facts.job["start_ms"], "iso_date", ""),
    "start_time": lambda facts: facts.job["start_ms"],
}


def _of_task(task: str, rest: list[str], facts: Facts, as_written: str) -> Any:
    found = facts.tasks.get(task)
    if found is None:
        raise UnknownReference(f"{as_written}: no task {task} has ended before this one")
    match rest:
        case ["values", key, *path]:
            values = found.get("values", {})
            if key not in values:
                raise UnknownReference(f"{as_written}: task {task} has set no value {key}")
            return _inside(values[key], path, as_written)
        case ["output", *path]:
            return _inside(found.get("output", {}), path, as_written)
        case ["outcome"]:
            return found.get("outcome", "")
        case [key] if key in found:
            return found[key]
    raise UnknownReference(f"{as_written}: a task has no {'.'.join(rest)}")


def _inside(value: Any, path: list[str], as_written: str) -> Any:
    for key in path:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise UnknownReference(f"{as_written}: there is no {key} in the value")
    return value


def _parts(name: str) -> list[str]:
    """Dots separate; a part in brackets or backquotes may have any character."""
    found = re.findall(r"\.?(?:`([^`]+)`|\[['\"]?([^\]'\"]+)['\"]?\]|([^.`\[\]]+))", name)
    return [next(part for part in parts if part) for parts in found]


def _time(at_ms: int, unit: str, as_written: str) -> Any:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    known = {
        "iso_date": at.date().isoformat(),
        "iso_datetime": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "iso_weekday": at.isoweekday(),
        "is_weekday": str(at.isoweekday() < 6).lower(),
        "timestamp_ms": at_ms,
        "year": at.year,
        "month": at.month,
        "day": at.day,
        "hour": at.hour,
        "minute": at.minute,
        "second": at.second,
    }
    if unit not in known:
        raise UnknownReference(f"{as_written}: a time has no {unit}")
    return known[unit]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)
