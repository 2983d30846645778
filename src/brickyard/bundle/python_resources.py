"""Resources and mutators written in Python (`python.resources`, `python.mutators`).

Follows the protocol of the `databricks-bundles` package: the whole configuration goes in as JSON,
the whole configuration comes back, with diagnostics and with the places in Python files that made
each value. Running Python is the edge's business (`RunPython`); here is decided what it may change:
loading may only add resources, mutating may only change them. What was added then goes through the
steps that every resource goes through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from brickyard.bundle.draft import Draft, Step
from brickyard.values import (
    Diagnostic,
    Location,
    Path,
    Value,
    error,
    has_errors,
    show,
    value_of,
)

GENERATED: Final = "__generated_by_python__.yml"
PHASES: Final = ("load_resources", "apply_mutators")


def run_python(draft: Draft, steps: tuple[Step, ...], again: tuple[Step, ...]) -> Draft:
    """Both phases. `steps` are for added resources, `again` for changed ones."""
    settings, found = _settings(draft.tree)
    if found:
        return draft.noting(found)
    if settings is None:
        empty = draft.tree.get("python")
        is_map = empty is not None and isinstance(empty.data, dict)
        return (
            draft.having(draft.tree.put("experimental.python", value_of({}))) if is_map else draft
        )
    if draft.run_python is None:
        return draft.noting(_cannot_run(draft.tree))
    # The package reads its settings there, where they were at first.
    draft = draft.having(draft.tree.put("experimental.python", value_of(dict(settings))))
    for phase in PHASES:
        draft = _phase(draft, phase, settings, steps, again)
        if has_errors(draft.diagnostics):
            break
    return draft


def _settings(tree: Value) -> tuple[Mapping[str, Any] | None, Diagnostic | None]:
    """The settings under `python` or, as it was, `experimental.python`."""
    old, older = tree.get("experimental.python"), tree.get("experimental.pydabs")
    new = tree.get("python")
    if older is not None and older.data:
        return None, error(
            "bundle/python-settings",
            "failed to apply python mutator: experimental/pydabs is deprecated, use python instead"
            " (https://docs.databricks.com/dev-tools/bundles/python)",
            "Rename the section to `python` at the top level.",
            path="experimental.pydabs",
            at=older.key_locations,
        )
    if old is not None and new is not None and old.data and new.data and old.data != new.data:
        return None, error(
            "bundle/python-settings",
            "failed to apply python mutator: 'experimental/python' and 'python' configuration"
            " properties are mutually exclusive, use only 'python'",
            "Remove `experimental.python`.",
            path="experimental.python",
            at=(*old.key_locations, *new.key_locations),
        )
    chosen = new if new is not None and new.data else old
    plain = chosen.plain() if chosen is not None and chosen.data else None
    return (plain if isinstance(plain, dict) else None), None


def _cannot_run(tree: Value) -> Diagnostic:
    section = tree.get("python") or tree.get("experimental.python")
    return error(
        "bundle/python-resources",
        "Running Python code is not allowed when DATABRICKS_BUNDLE_RESTRICTED_CODE_EXECUTION is"
        " set",
        "This bundle makes resources in Python. Unset the variable to run it.",
        path="python",
        at=section.key_locations if section is not None else (),
    )


def _phase(
    draft: Draft,
    phase: str,
    settings: Mapping[str, Any],
    steps: tuple[Step, ...],
    again: tuple[Step, ...],
) -> Draft:
    assert draft.run_python is not None
    plain = draft.tree.plain()
    sent: dict[str, Any] = dict(plain) if isinstance(plain, dict) else {}
    answer = draft.run_python(phase, settings, sent)
    draft = draft.noting(*(_located(one, draft.tree) for one in answer.diagnostics))
    if answer.output is None or has_errors(answer.diagnostics):
        return draft
    output = _placed(answer.output.get("resources") or {}, ("resources",), answer.places)
    before = draft.tree.get("resources") or Value({})
    added, changed, gone = _compared(before, output)
    if problem := _forbidden(phase, added, changed, gone):
        return draft.noting(problem)
    draft = _through(draft, _only(output, added), steps)
    made = {path: _kept(before.get(path[1:]), one) for path, one in _only(output, changed).items()}
    return _through(draft, made, again)


def _located(found: Diagnostic, tree: Value) -> Diagnostic:
    """What Python said of no place in particular is about the section that has it run."""
    section = tree.get("python") or tree.get("experimental.python")
    if found.locations or found.path != "python" or section is None:
        return found
    return replace(found, locations=section.key_locations)


def _forbidden(
    phase: str, added: list[Path], changed: list[Path], gone: list[Path]
) -> Diagnostic | None:
    """What this phase must not do, if it did."""
    for verb, paths, allowed in (
        ("deleted", gone, ()),
        ("added", added, ("load_resources",)),
        ("updated", changed, ("apply_mutators",)),
    ):
        if paths and phase not in allowed:
            names = " ".join(f"{{{' '.join(map(str, path[1:3]))}}}" for path in paths)
            return error(
                "bundle/python-changes",
                f"unexpected {verb} resources: [{names}]",
                "Functions under `python.resources` add resources, those under `python.mutators`"
                " change them; neither removes any.",
                path="python",
            )
    return None


def _compared(before: Value, after: Value) -> tuple[list[Path], list[Path], list[Path]]:
    """Paths of resources that were added, changed and removed."""
    old, new = dict(_each(before)), dict(_each(after))
    added = [path for path in new if path not in old]
    changed = [path for path in new if path in old and new[path] != old[path]]
    gone = [path for path in old if path not in new]
    return added, changed, gone


def _each(resources: Value) -> Iterator[tuple[Path, Value]]:
    for kind, entries in resources.items.items():
        for key, value in entries.items.items():
            yield ("resources", kind, key), value


def _only(output: Value, paths: list[Path]) -> Mapping[Path, Value]:
    return {path: found for path in paths if (found := output.get(path[1:])) is not None}


def _through(draft: Draft, made: Mapping[Path, Value], steps: tuple[Step, ...]) -> Draft:
    """The draft with these resources, which have gone through the steps by themselves."""
    if not made:
        return draft
    alone = replace(draft, tree=draft.tree.put("resources", Value({})).put_all(made))
    for step in steps:
        alone = step(alone)
    done = dict(_each(alone.tree.get("resources") or Value({})))
    whole = replace(alone, tree=draft.tree)
    return whole.putting(done)


def _kept(old: Value | None, new: Value) -> Value:
    """`new`, with every part that is as it was in the place that it had: a relative path in a
    YAML file still counts from there."""
    if old is None:
        return new
    if isinstance(old.data, dict) and isinstance(new.data, dict):
        return old.with_data(
            {name: _kept(old.child(name), part) for name, part in new.items.items()}
        )
    if isinstance(old.data, tuple) and isinstance(new.data, tuple):
        olds = [*old.elements, *[None] * len(new.elements)]
        return old.with_data(
            tuple(_kept(one, part) for one, part in zip(olds, new.elements, strict=False))
        )
    return old if old == new else new


def _placed(data: Any, path: Path, places: Mapping[str, Location]) -> Value:
    """A tree whose values are where Python made them: at the nearest place above that is known."""

    def build(part: Any, at: Path, near: Location) -> Value:
        near = places.get(show(at), near)
        if isinstance(part, Mapping):
            entries = {
                str(name): build(item, (*at, str(name)), near) for name, item in part.items()
            }
            return Value(
                {name: value.with_key(value.location) for name, value in entries.items()}, (near,)
            )
        if isinstance(part, list | tuple):
            elements = (build(item, (*at, index), near) for index, item in enumerate(part))
            return Value(tuple(elements), (near,))
        return value_of(part, (near,))

    return build(data, path, Location(GENERATED, 1, 1))
