"""Which tasks of a job can run at all: outcomes of conditions, and who waits for whom.

A task with `outcome` in its `depends_on` runs only if that condition task came out so. Waiting for
both outcomes of one condition, or for a task that can't run, means never to run, unless `run_if`
says that not all must have succeeded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from brickyard.values import Diagnostic, Path, Value, refusal, show, warning

OUTCOMES: Final = ("true", "false")
# With these a task runs although something that it waits for did not.
LENIENT: Final = ("ALL_DONE", "AT_LEAST_ONE_SUCCESS", "NONE_FAILED", "AT_LEAST_ONE_FAILED")

Found: TypeAlias = Iterator[Diagnostic]


def check_flow(tasks: tuple[Value, ...], at: Path) -> Found:
    """Outcomes that make no sense, and tasks that can never run."""
    by_key = {_text(task.child("task_key")): task for task in tasks}
    for index, task in enumerate(tasks):
        for place, need in enumerate(_needs(task)):
            where = (*at, "tasks", index, "depends_on", place, "outcome")
            yield from _outcome(need, by_key.get(_text(need.child("task_key"))), where)
    never = _never(by_key)
    for index, task in enumerate(tasks):
        key = _text(task.child("task_key"))
        if key in never:
            yield warning(
                "bundle/unreachable-task",
                "task can never run",
                f"`{key}` {never[key]}. Drop one of its `depends_on`, or set `run_if:"
                " AT_LEAST_ONE_SUCCESS` if one of them is enough.",
                path=show((*at, "tasks", index)),
                at=task.locations,
            )


def _outcome(need: Value, awaited: Value | None, where: Path) -> Found:
    outcome = need.child("outcome")
    if outcome is None or not outcome.text or "${" in outcome.text or awaited is None:
        return
    key = _text(need.child("task_key"))
    if awaited.child("condition_task") is None:
        yield refusal(
            "bundle/task-outcome",
            "only condition tasks have an outcome",
            f"`{key}` is no condition task. Remove `outcome`, or make a condition of it.",
            path=show(where),
            at=outcome.locations,
        )
    elif outcome.text not in OUTCOMES:
        yield refusal(
            "bundle/task-outcome",
            "a condition's outcome is true or false",
            f'`{outcome.text}` is neither. Write "true" or "false", in quotes.',
            path=show(where),
            at=outcome.locations,
        )


def _never(tasks: dict[str, Value]) -> dict[str, str]:
    """Tasks that can't run, with the reason; those behind them follow until none is added."""
    never: dict[str, str] = {}
    for key, task in tasks.items():
        if not _is_lenient(task):
            waits: dict[str, set[str]] = {}
            for need in _needs(task):
                outcome = _text(need.child("outcome"))
                waits.setdefault(_text(need.child("task_key")), set()).add(outcome)
            both = next((one for one, said in waits.items() if said >= set(OUTCOMES)), None)
            if both is not None:
                never[key] = f"waits for both outcomes of `{both}`"
    grew = bool(never)
    while grew:
        grew = False
        for key, task in tasks.items():
            if key in never or _is_lenient(task):
                continue
            behind = next(
                (one for need in _needs(task) if (one := _text(need.child("task_key"))) in never),
                None,
            )
            if behind is not None:
                never[key] = f"waits for `{behind}`, which can never run"
                grew = True
    return never


def _is_lenient(task: Value) -> bool:
    return _text(task.child("run_if")) in LENIENT


def _needs(task: Value) -> tuple[Value, ...]:
    needs = task.child("depends_on")
    return needs.elements if needs is not None else ()


def _text(value: Value | None) -> str:
    if value is None:
        return ""
    return value.text or (str(value.data).lower() if isinstance(value.data, bool) else "")
