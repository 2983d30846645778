"""Giving every variable its value, and replacing the references to it.

A value comes from, first found first: `--var`, `BUNDLE_VAR_<name>`, the look-up, the target's
`variable-overrides.json`, the target's default, the declared default. Look-ups are questions: the
workspace's answer comes back in `Facts.answers`; until then references to them stay as text.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.interpolate import interpolate
from brickyard.bundle.normalise import normalise
from brickyard.bundle.references import names_in
from brickyard.bundle.resolved import Question
from brickyard.bundle.schema import schema
from brickyard.values import (
    Diagnostic,
    Location,
    Path,
    Value,
    did_you_mean,
    error,
    has_errors,
    recommendation,
    value_of,
    warning,
)

PLACES: Final = "Give it with `--var {0}=…`, as BUNDLE_VAR_{0} in the environment, or as `default`."


def parse_assignments(texts: Iterable[str]) -> tuple[dict[str, str], tuple[Diagnostic, ...]]:
    """`--var` arguments as a mapping. One argument may hold several, as comma-separated values."""
    given: dict[str, str] = {}
    found: list[Diagnostic] = []
    for text in texts:
        try:
            parts = next(csv.reader([text], strict=True), [])
        except csv.Error:
            parts = [text]
        for part in parts:
            name, equals, value = part.partition("=")
            if not equals or not name:
                detail = f"`{part}` is not name=value. Commas in a value need quotes as in CSV."
                text = f"unexpected flag value for variable assignment: {part}"
                found.append(error("bundle/assignment", text, detail))
            elif name in given:
                detail = f"`{name}` is assigned twice. Keep one."
                found.append(error("bundle/assignment", "variable is assigned twice", detail))
            else:
                given[name] = value
    return given, tuple(found)


def set_variables(draft: Draft) -> Draft:
    """Values of all but look-ups. Reads: `variables`, facts. Writes: `variables.*.value`."""
    found: list[Diagnostic] = []
    tree = draft.tree
    declared = (tree.get("variables") or Value({})).items
    for name in draft.given:
        if name not in declared:
            found.append(
                error(
                    "bundle/unknown-variable",
                    f"variable {name} has not been defined",
                    f"--var names `{name}`. {did_you_mean(name, declared)}".rstrip()
                    + " Declare it under `variables`.",
                    path="variables",
                )
            )
    changes: dict[Path, Value] = {}
    for name, variable in declared.items():
        value = _value(draft, name, variable, found)
        if value is not None:
            changes["variables", name, "value"] = value.with_key(None)
    return draft.putting({} if has_errors(found) else changes, found)


def _value(draft: Draft, name: str, variable: Value, found: list[Diagnostic]) -> Value | None:
    path = f"variables.{name}"
    is_complex = (kind := variable.child("type")) is not None and kind.data == "complex"
    if kind is not None and kind.data not in {"complex", None}:
        found.append(
            warning(
                "bundle/variable-type",
                f'invalid value "{kind.plain()}" for enum field. Valid values are [complex]',
                "Remove `type`: a variable without it is a string, number or boolean.",
                path=f"{path}.type",
                at=kind.locations,
            )
        )
    if name in draft.given:
        if not is_complex:
            return value_of(draft.given[name], (Location("--var"),))
        found.append(
            error(
                "bundle/complex-variable",
                f"setting variables of complex type via --var flag is not supported: {name}",
                "Set it in the target, or in variable-overrides.json.",
                path=path,
                at=variable.key_locations,
            )
        )
        return None
    from_environment = draft.facts.environment.get(f"BUNDLE_VAR_{name}")
    if from_environment is not None and not is_complex:
        return value_of(from_environment, (Location(f"BUNDLE_VAR_{name}"),))
    lookup = variable.child("lookup")
    if lookup is not None and lookup.data is not None:
        answer = draft.facts.answers.get(path)
        return value_of(answer, lookup.locations) if answer is not None else None
    override = (draft.facts.overrides or {}).get(name)
    if override is not None:
        return _override(override, is_complex=is_complex, path=path, variable=variable, found=found)
    default = variable.child("default")
    if default is not None and default.data is not None:
        if isinstance(default.data, dict | tuple) and default.data and not is_complex:
            found.append(
                recommendation(
                    "bundle/variable-type",
                    "variable with a map or list needs `type: complex`",
                    "It works here; the official CLI wants `type: complex` beside `default`.",
                    path=path,
                    at=default.locations,
                )
            )
        return default
    found.append(_without_value(draft, name, variable))
    return None


def _without_value(draft: Draft, name: str, variable: Value) -> Diagnostic:
    """An error, as the official CLI has it; a warning for a variable that nothing refers to."""
    is_used = _is_used(draft, name)
    return (error if is_used else warning)(
        "bundle/no-value" if is_used else "bundle/unused-variable",
        f"no value assigned to required variable {name}. Variables are usually assigned in"
        ' databricks.yml, and they can be overridden using "--var", the'
        f" BUNDLE_VAR_{name} environment variable, or"
        " .databricks/bundle/<target>/variable-overrides.json"
        if is_used
        else f"variable {name} has no value and is not used",
        PLACES.format(name)
        if is_used
        else "The official CLI refuses the bundle all the same. Remove it, or give it a `default`.",
        path=f"variables.{name}",
        at=variable.key_locations,
    )


def _is_used(draft: Draft, name: str) -> bool:
    """Whether anything refers to it; Python functions may, without saying so here."""
    if draft.tree.get("python") or draft.tree.get("experimental.python"):
        return True
    ways = (f"var.{name}", f"variables.{name}")
    return any(
        reference == way or reference.startswith((f"{way}.", f"{way}["))
        for _, part in draft.tree.drop("targets").walk()
        for reference in names_in(part.text)
        for way in ways
    )


def _override(
    given: object, *, is_complex: bool, path: str, variable: Value, found: list[Diagnostic]
) -> Value | None:
    if isinstance(given, dict | list) != is_complex:
        found.append(
            error(
                "bundle/override-kind",
                "value in variable-overrides.json is of the wrong kind",
                "A complex variable takes a map or list, any other a scalar. Correct the file.",
                path=path,
                at=variable.key_locations,
            )
        )
        return None
    return value_of(given, (Location("variable-overrides.json"),))


def ask_lookups(draft: Draft) -> Draft:
    """Look-ups without an answer become questions. Reads: `variables.*.lookup`."""
    declared = (draft.tree.get("variables") or Value({})).items
    with_lookup = {name for name, variable in declared.items() if _lookup(variable) is not None}
    found: list[Diagnostic] = []
    questions = []
    for name in declared:
        lookup = _lookup(declared[name])
        if lookup is None or declared[name].child("value") is not None:
            continue
        path = f"variables.{name}"
        if len(lookup.items) != 1:
            found.append(
                error(
                    "bundle/lookup",
                    "exactly one lookup field must be provided",
                    "Write for example `lookup: {warehouse: Shared}`.",
                    path=f"{path}.lookup",
                    at=lookup.locations,
                )
            )
            continue
        ((kind, wanted),) = lookup.items.items()
        if any(other in wanted.text for other in _spelled(with_lookup)):
            found.append(
                error(
                    "bundle/lookup",
                    "lookup variables cannot contain references to another lookup variables",
                    "Use a plain variable in it.",
                    path=f"{path}.lookup.{kind}",
                    at=wanted.locations,
                )
            )
        elif wanted.text:
            questions.append(Question(id=path, kind=kind, name=wanted.text, value=wanted))
    return replace(draft.noting(*found), questions=(*draft.questions, *questions))


def _lookup(variable: Value) -> Value | None:
    lookup = variable.child("lookup")
    return lookup if lookup is not None and isinstance(lookup.data, dict) else None


def _spelled(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"${{{prefix}.{name}}}" for name in names for prefix in ("var", "variables"))


def resolve_settings(draft: Draft) -> Draft:
    """References everywhere but in resources. Reads and writes: all but `resources`."""
    tree, found = interpolate(draft.tree, schema(), within=_is_setting)
    return draft.having(tree, found)


def resolve_resources(draft: Draft) -> Draft:
    """References in resources. Reads: everything. Writes: `resources`."""
    tree, found = interpolate(draft.tree, schema(), within=_is_resource)
    return draft.having(tree, found)


def _is_setting(path: Path) -> bool:
    return path[:1] != ("resources",)


def _is_resource(path: Path) -> bool:
    return path[:1] == ("resources",)


def normalise_tree(draft: Draft) -> Draft:
    """Every value in the kind of its field. Reads and writes: everything."""
    tree, found = normalise(draft.tree, "Root", schema())
    return draft.having(tree, found)
