"""`${…}` in place of values: what was written as a reference stays one where its value still fits.

A replaced value keeps its reference, or the references inside a text. A field that was a variable
may become another variable whose value it has, if there is one such only. A new element of a list
gets the references that its neighbours have in the same field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from brickyard.deploy.config_sync.changes import Changes, Operation
from brickyard.deploy.config_sync.routing import Edit
from brickyard.values import Path, Value, steps

REFERENCE: Final = re.compile(r"\$\{([a-zA-Z][-\w]*(?:\.[a-zA-Z][-\w]*|\[\d+\])+)\}")
OF_ID: Final = 4  # resources, type, key, id


class References:
    """What references stand for: in the resolved configuration, and in the recorded ids."""

    def __init__(self, tree: Value, ids: Mapping[str, str]) -> None:
        self.tree = tree
        self.ids = ids

    def value(self, reference: str) -> Any:
        """What a path within `${}` stands for; None where that is not known."""
        path = steps(reference)
        if path[0] == "var" and len(path) > 1:
            path = ("variables", path[1], "value", *path[2:])
        if path[0] == "resources" and len(path) == OF_ID and path[-1] == "id":
            return self.ids.get(reference.removesuffix(".id"))
        found = self.tree.get(path)
        return found.plain() if found is not None else None

    def variable(self, value: Any) -> str | None:
        """The only variable that has this value."""
        found = self.tree.get("variables")
        names = [
            name
            for name, variable in (found.items.items() if found is not None else ())
            if (given := variable.child("value")) is not None and _same(given.plain(), value)
        ]
        return f"${{var.{names[0]}}}" if len(names) == 1 else None


def restored(edit: Edit, written: Value, references: References) -> Edit:
    """The edit with references in its value. `written` is the configuration with its own."""
    if edit.operation is Operation.REPLACE:
        before = written.get(edit.merged)
        if before is not None:
            return replace(edit, value=_as_before(edit.value, before, references))
    elif edit.operation is Operation.ADD and isinstance(edit.merged[-1], int):
        listed = written.get(edit.merged[:-1])
        if listed is not None and listed.elements:
            return replace(edit, value=_as_neighbours(edit.value, listed.elements, (), references))
    return edit


def told(changes: Changes, edits: Iterable[Edit]) -> Changes:
    """The changes with the references that edits have in maps and lists, as they are shown."""
    made = {address: dict(fields) for address, fields in changes.items()}
    for edit in edits:
        address, path = edit.change
        change = made[address][path]
        if isinstance(change.value, dict | list) and isinstance(edit.value, dict | list):
            made[address][path] = replace(change, value=edit.value)
    return made


def _as_before(value: Any, before: Value | None, references: References) -> Any:
    if isinstance(value, dict):
        below = before.items if before is not None else {}
        return {key: _as_before(item, below.get(key), references) for key, item in value.items()}
    if isinstance(value, list):
        old = before.elements if before is not None else ()
        return [
            _as_before(item, old[at] if at < len(old) else None, references)
            for at, item in enumerate(value)
        ]
    if before is None or value is None or isinstance(value, float):
        return value
    whole = REFERENCE.fullmatch(before.text)
    if whole is not None and _same(references.value(whole[1]), value):
        return before.text
    if whole is None and isinstance(value, str):
        return _realigned(value, before.text, references) or value
    if whole is not None and whole[1].startswith("var."):
        return references.variable(value) or value
    return value


def _as_neighbours(
    value: Any, neighbours: tuple[Value, ...], path: Path, references: References
) -> Any:
    if isinstance(value, dict):
        return {
            key: _as_neighbours(item, neighbours, (*path, key), references)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _as_neighbours(item, neighbours, (*path, at), references)
            for at, item in enumerate(value)
        ]
    found = set()
    for one in neighbours:
        there = one.get(path)
        text = there.text if there is not None else ""
        whole = REFERENCE.fullmatch(text)
        if whole is not None and _same(references.value(whole[1]), value):
            found.add(text)
        elif whole is None and isinstance(value, str):
            found.add(_realigned(value, text, references))
    found.discard("")
    return found.pop() if len(found) == 1 else value


def _realigned(value: str, template: str, references: References) -> str:
    """The text with the template's references where their values stand; empty without any."""
    made = value
    for reference in REFERENCE.finditer(template):
        stands_for = references.value(reference[1])
        if not isinstance(stands_for, str):
            return ""
        if stands_for:
            made = made.replace(stands_for, reference[0], 1)
    return made if REFERENCE.search(made) else ""


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)
