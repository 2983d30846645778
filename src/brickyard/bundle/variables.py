"""Giving every variable its value, and replacing the references to it.

A value comes from, first found first: `--var`, `BUNDLE_VAR_<name>`, the look-up, the target's
`variable-overrides.json`, the target's default, the declared default. Look-ups are questions: the
workspace's answer comes back in `Facts.answers`; until then references to them stay as text.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.go_text import go_quoted
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
    value_of,
    warning,
)

PLACES: Final = "Give it with `--var {0}=…`, as BUNDLE_VAR_{0} in the environment, or as `default`."


class BadAssignment(ValueError):
    """A `--var` that says nothing, in the official CLI's words; `before` are those before it."""

    def __init__(self, summary: str, before: Mapping[str, str]) -> None:
        super().__init__(summary)
        self.before = before


def parse_assignments(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """`--var` arguments in order. One argument may hold several, as comma-separated values.

    Raises ValueError where they are no such values, BadAssignment where one is no assignment.
    """
    given: list[tuple[str, str]] = []
    for text in texts:
        try:
            parts = next(csv.reader([text], strict=True), [])
        except csv.Error as fault:
            raise ValueError(f'invalid argument "{text}" for "--var" flag: {fault}') from fault
        for part in parts:
            name, equals, value = part.partition("=")
            if not equals:
                summary = f"unexpected flag value for variable assignment: {part}"
                raise BadAssignment(summary, dict(given))
            earlier = dict(given).get(name)
            if earlier is not None:
                raise BadAssignment(
                    f"failed to assign {value} to {name}: variable has already been assigned"
                    f" value: {earlier}",
                    dict(given),
                )
            given.append((name, value))
    return tuple(given)


def check_given(draft: Draft) -> Draft:
    """What `--var` names has to be there, and simple. Writes: `variables.*.value` of those."""
    declared = (draft.tree.get("variables") or Value({})).items
    found: list[Diagnostic] = []
    changes: dict[Path, Value] = {}
    for name, text in draft.given.items():
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
        elif _is_complex(declared[name]):
            found.append(
                error(
                    "bundle/complex-variable",
                    f"setting variables of complex type via --var flag is not supported: {name}",
                    "Set it in the target, or in variable-overrides.json.",
                    path=f"variables.{name}",
                    at=declared[name].key_locations,
                )
            )
        elif not found:
            changes["variables", name, "value"] = value_of(text, (Location("--var"),))
    if draft.facts.bad_assignment and not found:
        summary = draft.facts.bad_assignment
        found.append(error("bundle/assignment", summary, "Write `--var name=value`, once each."))
    return draft.putting(changes, found)


def check_auth(draft: Draft) -> Draft:
    """Who calls has to be clear from here on. Reads: facts."""
    problem = draft.facts.auth_problem
    return draft if problem is None else draft.noting(problem)


def _is_complex(variable: Value) -> bool:
    kind = variable.child("type")
    return kind is not None and kind.data == "complex"


def set_variables(draft: Draft) -> Draft:
    """Values of all but look-ups. Reads: `variables`, facts. Writes: `variables.*.value`."""
    found: list[Diagnostic] = []
    tree = draft.tree
    if draft.facts.overrides_problem is not None:
        return draft.noting(draft.facts.overrides_problem)
    declared = (tree.get("variables") or Value({})).items
    changes: dict[Path, Value] = {}
    for name, variable in declared.items():
        value = _value(draft, name, variable, found)
        if value is not None:
            changes["variables", name, "value"] = value.with_key(None)
    return draft.putting({} if has_errors(found) else changes, found)


def _value(draft: Draft, name: str, variable: Value, found: list[Diagnostic]) -> Value | None:
    path = f"variables.{name}"
    is_complex = _is_complex(variable)
    kind = variable.child("type")
    if kind is not None and not is_complex and kind.data:
        found.append(
            warning(
                "bundle/variable-type",
                f"invalid value {go_quoted(kind.text)} for enum field. Valid values are [complex]",
                "Remove `type`: a variable without it is a string, number or boolean.",
                path=f"{path}.type",
                at=kind.locations,
            )
        )
    if name in draft.given:
        return value_of(draft.given[name], (Location("--var"),))
    place = f"BUNDLE_VAR_{name}"
    from_environment = draft.facts.environment.get(place)
    if from_environment is not None and is_complex:
        found.append(
            error(
                "bundle/complex-variable",
                f"setting via environment variables ({place}) is not supported for complex"
                f" variable {name}",
                f"Unset {place}; set the variable in the target or in variable-overrides.json.",
                path=path,
                at=variable.key_locations,
            )
        )
        return None
    if from_environment is not None:
        return value_of(from_environment, (Location(place),))
    lookup = variable.child("lookup")
    if lookup is not None and lookup.data is not None:
        answer = draft.facts.answers.get(path)
        return value_of(answer, lookup.locations) if answer is not None else None
    override = (draft.facts.overrides or {}).get(name)
    if override is not None:
        return _override(override, is_complex=is_complex, path=path, variable=variable, found=found)
    default = variable.child("default")
    if default is not None and default.data is not None:
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
                f"variable {path.partition('.')[2]} is of type complex, but the value in the"
                " variable file is not a complex type"
                if is_complex
                else f"variable {path.partition('.')[2]} is not of type complex, but the value in"
                " the variable file is a complex type",
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
        asked = {kind: wanted for kind, wanted in lookup.items.items() if wanted.text}
        if len(asked) != 1:
            found.append(
                error(
                    "bundle/lookup",
                    "failed to resolve , err: exactly one lookup field must be provided"
                    if asked
                    else "failed to resolve , err: no valid lookup fields provided",
                    "Write for example `lookup: {warehouse: Shared}`.",
                    path=f"{path}.lookup",
                    at=lookup.locations,
                )
            )
            continue
        ((kind, wanted),) = asked.items()
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
        else:
            questions.append(Question(id=path, kind=kind, name=wanted.text, value=wanted))
    return replace(draft.noting(*found), questions=(*draft.questions, *questions))


def _lookup(variable: Value) -> Value | None:
    lookup = variable.child("lookup")
    return lookup if lookup is not None and isinstance(lookup.data, dict) else None


def _spelled(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"${{{prefix}.{name}}}" for name in names for prefix in ("var", "variables"))


def resolve_settings(draft: Draft) -> Draft:
    """References everywhere but in resources. Reads and writes: all but `resources`."""
    return _interpolated(draft, _is_setting)


def resolve_resources(draft: Draft) -> Draft:
    """References in resources. Reads: everything. Writes: `resources`."""
    return _interpolated(draft, _is_resource)


def _interpolated(draft: Draft, within: Callable[[Path], bool]) -> Draft:
    tree, found = interpolate(draft.tree, schema(), within=within)
    failed = draft.failed
    if failed is None and has_errors(found):
        failed = draft.tree
    return replace(draft.having(tree, found), failed=failed)


def _is_setting(path: Path) -> bool:
    return path[:1] != ("resources",)


def _is_resource(path: Path) -> bool:
    return path[:1] == ("resources",)


def normalise_tree(draft: Draft) -> Draft:
    """Every value in the kind of its field. Reads and writes: everything."""
    tree, found = normalise(draft.tree, "Root", schema())
    return draft.having(tree, found)
