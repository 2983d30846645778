"""Lists whose elements have a key: two elements with one key, from two places, become one."""

from __future__ import annotations

from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.resources import TYPES
from brickyard.values import Diagnostic, Path, Value, merge

KEYED: Final = {
    "jobs": (
        ("job_clusters", "job_cluster_key"),
        ("tasks", "task_key"),
        ("parameters", "name"),
    ),
    "pipelines": (("clusters", "label"),),
}


def merge_keyed_lists(draft: Draft) -> Draft:
    """Elements with one key become one. Reads and writes: keyed lists, grants."""
    found: list[Diagnostic] = []
    changes: dict[Path, Value] = {}
    for kind, lists in KEYED.items():
        for key, value in draft.each(kind):
            for name, by in lists:
                old = value.child(name)
                if old is None or not old.elements:
                    continue
                path: Path = ("resources", kind, key, name)
                label = _labelled if kind == "pipelines" else _as_it_is
                elements = old.with_data(tuple(map(label, old.elements)))
                made = _merged(elements, by, path, found)
                if name == "tasks":
                    made = tuple(sorted(made, key=lambda task: _key_of(task, by)))
                if made != old.elements or len(made) != len(old.elements):
                    changes[path] = old.with_data(made)
    for key, value in draft.each("apps"):
        held = value.child("resources")
        if held is not None and held.elements:
            path = ("resources", "apps", key, "resources")
            changes[path] = held.with_data(_overridden(held))
    for kind, declared in TYPES.items():
        for key, value in draft.each(kind) if declared.securable else ():
            grants = value.child("grants")
            if grants is not None and grants.elements:
                path = ("resources", kind, key, "grants")
                made = tuple(map(_privileges_once, _merged(grants, "principal", path, found)))
                changes[path] = grants.with_data(made)
    return draft.putting(changes, found)


def _merged(old: Value, by: str, path: Path, found: list[Diagnostic]) -> tuple[Value, ...]:
    made: dict[str, Value] = {}
    for element in old.elements:
        key = _key_of(element, by)
        if key in made:
            whole, problems = merge(made[key], element, (*path, 0))
            found.extend(problems)
            made[key] = whole
        else:
            made[key] = element
    return tuple(
        element
        if isinstance(element.data, dict) is False or element.child(by) is not None
        else element.put(by, Value("", element.locations))
        for element in made.values()
    )


def _as_it_is(element: Value) -> Value:
    return element


def _labelled(cluster: Value) -> Value:
    """A pipeline's cluster under its label in lower case; `default` when it has none."""
    label = cluster.child("label")
    if not isinstance(cluster.data, dict):
        return cluster
    text = (label.text if label is not None else "").lower() or "default"
    return cluster.put("label", (label or Value("", cluster.locations)).with_data(text))


def _overridden(held: Value) -> tuple[Value, ...]:
    """An app's resources: of two with one name, the later replaces what the earlier says."""
    made: dict[str, Value] = {}
    for element in held.elements:
        name = _key_of(element, "name")
        earlier = made.get(name)
        made[name] = element if earlier is None else _laid_over(earlier, element)
    return tuple(made.values())


def _laid_over(earlier: Value, later: Value) -> Value:
    """What the later one says; maps stay where they were first written."""
    if not isinstance(earlier.data, dict) or not isinstance(later.data, dict):
        return later
    parts = {
        name: _laid_over(earlier.data[name], part) if name in earlier.data else part
        for name, part in later.data.items()
    }
    return Value(parts, earlier.locations, earlier.key)


def _key_of(element: Value, by: str) -> str:
    key = element.child(by)
    return str(key.data) if key is not None and key.data is not None else ""


def _privileges_once(grant: Value) -> Value:
    held = grant.child("privileges")
    if held is None or not held.elements:
        return grant
    once = tuple({str(part.data): part for part in reversed(held.elements)}.values())[::-1]
    names = dict.fromkeys(str(part.data) for part in held.elements)
    by_name = {str(part.data): part for part in reversed(once)}
    kept = tuple(by_name[name] for name in names)
    return (
        grant if len(kept) == len(held.elements) else grant.put("privileges", held.with_data(kept))
    )
