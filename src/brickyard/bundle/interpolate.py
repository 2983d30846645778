"""Replacing `${bundle.…}`, `${workspace.…}` and `${var.…}` by what they name.

A string that is one whole reference takes the typed value, maps and lists included; inside a longer
string the value must be a scalar. Values keep the place of the reference first, so relative paths
count from the file that uses them. Other references stay as text for the deployment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from brickyard.bundle.references import REFERENCE, is_pure, names_in
from brickyard.bundle.schema import ZEROS, Schema
from brickyard.values import Diagnostic, Path, Value, did_you_mean, error, show, steps, warning
from brickyard.values.suggestion import NEAR, distance
from brickyard.values.value import Data

CYCLE: Final = "bundle/reference-cycle"
PREFIXES: Final = ("bundle", "workspace", "variables", "var")
ROUNDS: Final = 11
DEEPEST: Final = 60
LONGEST: Final = 1_000_000
MOST: Final = 200_000


class Unresolved(Exception):
    """A reference that cannot be replaced; `diagnostic` says why; None: leave it."""

    def __init__(self, diagnostic: Diagnostic | None) -> None:
        super().__init__()
        self.diagnostic = diagnostic


def interpolate(
    tree: Value,
    schema: Schema,
    *,
    within: Callable[[Path], bool],
    prefixes: tuple[str, ...] = PREFIXES,
) -> tuple[Value, tuple[Diagnostic, ...]]:
    """The tree with every reference of these prefixes replaced, where `within` says so."""
    found: list[Diagnostic] = []
    for _ in range(ROUNDS):
        work = Lookups(tree, schema, prefixes)
        made = work.replace_in(tree, within)
        found = work.found
        if made is tree:
            return made, tuple(dict.fromkeys(found))
        tree = made
    found.append(
        warning(
            "bundle/references-too-deep",
            f"Variables references are too deep, stopping resolution after {ROUNDS} rounds."
            " Unresolved variables may remain.",
            "Shorten the chain.",
        )
    )
    return tree, tuple(dict.fromkeys(found))


class Lookups:
    """One round over one tree: what each reference stands for, looked up once."""

    def __init__(self, tree: Value, schema: Schema, prefixes: tuple[str, ...]) -> None:
        self.tree = tree
        self.schema = schema
        self.prefixes = prefixes
        self.known: dict[str, Value] = {}
        self.failed: dict[str, Diagnostic | None] = {}
        self.stack: list[str] = []
        self.found: list[Diagnostic] = []
        self.made = 0
        self.cycle: tuple[str, ...] = ()

    def replace_in(self, tree: Value, within: Callable[[Path], bool]) -> Value:
        def change(path: Path, value: Value) -> Value:
            if not isinstance(value.data, str) or "${" not in value.data or not within(path):
                return value
            try:
                return self.expand(value)
            except Unresolved as problem:
                if problem.diagnostic is not None:
                    self.found.append(_at(problem.diagnostic, path, value))
                return value

        made = tree.map(change)
        self.found = self.with_one_cycle(tree)
        return made

    def with_one_cycle(self, tree: Value) -> list[Diagnostic]:
        """The findings; of those that are cycles the first, told from the place it begins at."""
        cycles = [one for one in self.found if one.code == CYCLE]
        if not cycles:
            return self.found
        first = min(cycles, key=lambda one: one.path or "")
        start = first.path or ""
        again = Lookups(self.tree, self.schema, self.prefixes)
        try:
            again.expand(tree.get(start) or Value(""))
        except Unresolved as problem:
            if problem.diagnostic is not None and problem.diagnostic.code == CYCLE:
                summary = _cycle([start, *again.cycle]).summary
                first = replace(first, summary=summary)
        return [*(one for one in self.found if one.code != CYCLE), first]

    def expand(self, value: Value) -> Value:
        """The string with its references replaced."""
        text = value.text
        names = [name for name in names_in(text) if steps(name)[0] in self.prefixes]
        if not names:
            return value
        if is_pure(text):
            return self.placed(self.lookup(names[0]), value)
        waiting = False
        made = text
        for name in dict.fromkeys(names):
            try:
                found = self.lookup(name)
            except Unresolved as problem:
                if problem.diagnostic is not None:
                    raise
                waiting = True
                continue
            made = made.replace("${" + name + "}", _text(found, name))
            if len(made) > LONGEST:
                raise Unresolved(_too_much())
        return value if waiting and made == text else value.with_data(made)

    def placed(self, found: Value, reference: Value) -> Value:
        """The value found, as if it had been written where the reference stands.

        What it holds stays where it was written: relative paths in it count from there.
        """
        if isinstance(found.data, dict | tuple):
            self.made += sum(1 for _ in found.walk())
            if self.made > MOST:
                raise Unresolved(_too_much())
        return Value(found.data, reference.locations, reference.key)

    def lookup(self, name: str) -> Value:
        """What a reference names, itself with its references replaced."""
        if name in self.known:
            return self.known[name]
        if name in self.failed:
            raise Unresolved(self.failed[name])
        if name in self.stack:
            self.cycle = (*self.stack, name)
            raise Unresolved(_cycle([*self.stack[self.stack.index(name) :], name]))
        if len(self.stack) > DEEPEST:
            raise Unresolved(_too_much())
        self.stack.append(name)
        try:
            value = self.whole(self.find(name))
        except Unresolved as problem:
            self.failed[name] = problem.diagnostic
            raise
        finally:
            self.stack.pop()
        self.known[name] = value
        return value

    def whole(self, value: Value) -> Value:
        """A value with the references inside it replaced."""

        def change(_path: Path, part: Value) -> Value:
            if isinstance(part.data, str) and "${" in part.data:
                return self.expand(part)
            return part

        return value.map(change)

    def find(self, name: str) -> Value:
        way = steps(name)
        if way[0] == "var":
            way = ("variables", *way[1:])
            if len(way) > 1:
                self.check_variable(way, name)
                way = (*way[:2], "value", *way[2:])
        value: Value | None = self.tree
        for at, step in enumerate(way):
            if value is None:
                break
            if isinstance(value.data, str) and is_pure(value.data):
                value = self.expand(value)
                if isinstance(value.data, str) and is_pure(value.data):
                    raise Unresolved(None)
            below = value.child(step)
            if below is None:
                return self.missing(name, way, at, value)
            value = below
        if value is None:
            raise Unresolved(None)
        return value

    def check_variable(self, way: Path, name: str) -> None:
        declared = self.tree.get("variables") or Value({})
        variable = declared.child(way[1])
        if variable is None:
            hint = did_you_mean(str(way[1]), declared.items)
            hint = hint or "Declare it under `variables`."
            corrected = _corrected(name, str(way[1]), declared.items)
            raise Unresolved(_does_not_exist(name, hint, corrected))
        if variable.child("value") is None:
            raise Unresolved(None)

    def is_structured(self, way: Path) -> bool:
        """Whether what is there has known fields, each of which has a value: its kind's zero."""
        return self.schema.at(way) in self.schema.structures

    def missing(self, name: str, way: Path, at: int, parent: Value) -> Value:
        """A field that has no value is its kind's zero when the schema knows it."""
        is_field = isinstance(way[at], str)
        if parent.data is not None and not isinstance(parent.data, dict if is_field else tuple):
            raise Unresolved(_no_index(way[: at + 1], parent))
        if isinstance(way[at], str) and self.is_structured(way[:at]):
            kind = self.schema.at(way)
            if kind is not None and kind != "any":
                return Value(_zero(kind))
        if not is_field:
            raise Unresolved(None)  # as the official CLI leaves what lies behind a list's end
        hint = did_you_mean(str(way[at]), parent.items)
        hint = hint or "Check the name, or remove the reference."
        raise Unresolved(_does_not_exist(name, hint, _corrected(name, str(way[at]), parent.items)))


def _text(value: Value, name: str) -> str:
    """A scalar as it stands inside a longer string."""
    match value.data:
        case str():
            return value.data
        case bool():
            return "true" if value.data else "false"
        case int():
            return str(value.data)
        case float():
            return repr(value.data).removesuffix(".0")
        case None:
            return "<nil>"
        case _:
            raise Unresolved(
                error(
                    "bundle/not-a-scalar",
                    f"cannot interpolate non-primitive value of type {value.kind} into string",
                    f"`${{{name}}}` is a {value.kind} and stands inside a longer string."
                    " Use it alone, or refer to one of its fields.",
                )
            )


def _zero(kind: str) -> Data:
    """What a field of this kind is when nobody gave it a value."""
    if kind in ZEROS:
        return ZEROS[kind]  # type: ignore[return-value]
    return () if kind.startswith("[") else {}


def _no_index(way: Path, parent: Value) -> Diagnostic:
    wanted = "map" if isinstance(way[-1], str) else "sequence"
    return error(
        "bundle/unknown-reference",
        f'expected a {wanted} to index "{show(way)}", found {parent.kind}',
        f"`{show(way[:-1])}` is a {parent.kind}, not a {wanted}. Correct the reference.",
    )


def _does_not_exist(name: str, hint: str, corrected: tuple[str, ...]) -> Diagnostic:
    return error(
        "bundle/unknown-reference",
        f"reference does not exist: ${{{name}}}",
        f"Did you mean {' or '.join(f'${{{one}}}' for one in corrected)}?" if corrected else hint,
        is_explained=bool(corrected),
    )


def _corrected(name: str, wrong: str, known: Iterable[str]) -> tuple[str, ...]:
    """The reference with a known name of its place instead of the wrong one, the nearest first."""
    near = ((distance(wrong, one, limit=NEAR), one) for one in known)
    way = steps(name)
    at = way.index(wrong) if wrong in way else 0
    return tuple(
        show((*way[:at], one, *way[at + 1 :]))
        for edits, one in sorted(near, key=lambda pair: pair[0])
        if edits <= NEAR
    )


def _cycle(names: list[str]) -> Diagnostic:
    return error(
        CYCLE,
        f"cycle detected in field resolution: {' -> '.join(names)}",
        "Give one of them a value of its own.",
    )


def _too_much() -> Diagnostic:
    return error(
        "bundle/references-too-large",
        "references make too large a value",
        "Values that contain each other many times grow without end. Write them flatter.",
    )


def _at(found: Diagnostic, path: Path, value: Value) -> Diagnostic:
    return replace(found, path=show(path), locations=value.locations)


def leftover(text: str) -> tuple[str, ...]:
    """References that no pass replaces and no deployment can: their first segment is unknown."""
    known = {*PREFIXES, "resources", "artifacts"}
    return tuple(match[0] for match in REFERENCE.finditer(text) if steps(match[1])[0] not in known)
