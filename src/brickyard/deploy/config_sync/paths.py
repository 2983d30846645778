"""Paths as plans write them: `tasks[task_key='main'].tags['k'][0]`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from brickyard.deploy.config_sync.blocks import Passed
from brickyard.values import Path, Value
from brickyard.values.yaml_edits import END

PART: Final = re.compile(
    r"\.?(?P<name>[^.\[\]]+)"
    r"|\[(?P<index>\d+)\]"
    r"|\['(?P<quoted>.*?)'\](?=[.\[]|$)"
    r"|\[(?P<field>\w+)='(?P<key>.*?)'\](?=[.\[]|$)"
)


class Keyed(NamedTuple):
    """An element of a list by its key."""

    field: str
    key: str


Step: TypeAlias = str | int | Keyed


class NoElement(Exception):
    """A path leads through an element that is not in the configuration."""


def steps_of(path: str) -> tuple[Step, ...]:
    """The steps of a path in a plan."""
    return tuple(_step(found) for found in PART.finditer(path))


def _step(found: re.Match[str]) -> Step:
    if found["index"] is not None:
        return int(found["index"])
    if found["field"] is not None:
        return Keyed(found["field"], found["key"])
    return found["name"] if found["quoted"] is None else found["quoted"]


def located(
    tree: Value, path: tuple[Step, ...], *, is_new: bool
) -> tuple[Path, tuple[Passed, ...], Value | None]:
    """A path by the indices of the merged tree, the elements on the way, and what is there.

    A new element has the index `END`. Raises `NoElement`.
    """
    found: list[str | int] = []
    passed: list[Passed] = []
    here: Value | None = tree
    for at, step in enumerate(path):
        if isinstance(step, str):
            found.append(step)
            here = here.child(step) if here is not None else None
            continue
        index, element = _element(here, step)
        if element is None and isinstance(step, Keyed) and not is_new:
            raise NoElement(f"no array element found with {step.field}='{step.key}'")
        found.append(index)
        passed.append(Passed(at=at, element=element))
        here = element
    return tuple(found), tuple(passed), here


def _element(here: Value | None, step: int | Keyed) -> tuple[int, Value | None]:
    elements = here.elements if here is not None else ()
    if isinstance(step, int):
        return step, elements[step] if step < len(elements) else None
    for at, element in enumerate(elements):
        key = element.child(step.field)
        if key is not None and key.data == step.key:
            return at, element
    return END, None
