"""Which tasks start which plain Python files of the bundle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from brickyard.bundle import Resolved
from brickyard.policy.fixing.draft import Starts
from brickyard.policy.references import plain_text
from brickyard.policy.sources import Sources
from brickyard.values import Value


def python_starts(resolved: Resolved, files: Mapping[str, bytes], sources: Iterable[str]) -> Starts:
    """File -> (job, task) of all that start it. Tasks of a `for_each` are left out."""
    remote = resolved.tree.get("workspace.file_path")
    known = Sources(files, sources, remote.text if remote is not None else "")
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in resolved.resources:
        if one.type != "jobs" or one.part:
            continue
        for task in _tasks(one.value):
            path, key = task.get("spark_python_task.python_file"), task.get("task_key")
            local = known.local(plain_text(path, resolved.tree)) if path is not None else None
            if local is not None and key is not None:
                found[local].append((one.address.removeprefix("resources.jobs."), key.text))
    return {path: tuple(tasks) for path, tasks in found.items()}


def _tasks(job: Value) -> tuple[Value, ...]:
    tasks = job.get("tasks")
    return tasks.elements if tasks is not None else ()
