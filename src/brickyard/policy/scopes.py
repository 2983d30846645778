"""Where names are looked up while code is followed, and what definitions say about themselves."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace

from brickyard.policy.abstract_values import (
    Class,
    External,
    Function,
    Instance,
    Known,
    Module,
    join,
    same,
)


@dataclass(slots=True)
class Frame:
    variables: dict[str, Known]
    module: Module
    closure: Mapping[str, Known]
    returns: list[Known] = field(default_factory=list)
    yields: list[Known] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)  # names declared `global`
    around: set[str] = field(default_factory=set)  # names declared `nonlocal`
    leaving: list[list[dict[str, Known]]] = field(default_factory=list)  # of each loop: at `break`
    raising: list[list[dict[str, Known]]] = field(default_factory=list)  # of each try: at `raise`
    function: Function | None = None  # that is followed in this frame

    def load(self, name: str) -> Known:
        for scope in (self.variables, self.closure, self.module.variables):
            if name in scope:
                return scope[name]
        return External(name)

    def bind(self, name: str, value: Known, *, is_sure: bool) -> None:
        """Bind a name where it lives; other scopes keep the old value too unless it is sure."""
        where: MutableMapping[str, Known] = self.variables
        if name in self.outer:
            where = self.module.variables
        elif name in self.around and isinstance(self.closure, ChainMap):
            where = next((one for one in self.closure.maps if name in one), self.variables)
        is_own = where is self.variables
        where[name] = value if is_own or is_sure else either(where.get(name), value)


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    owner: Known
    name: str


def merge(variables: dict[str, Known], other: Mapping[str, Known]) -> None:
    """Afterwards a variable has its own or the other value."""
    for name in {*variables, *other}:
        if name in variables and name in other:
            if variables[name] is not other[name]:
                variables[name] = join([variables[name], other[name]])
        elif name in other:
            variables[name] = other[name]


def either(old: Known, new: Known) -> Known:
    """What may have been replaced by `new`; None stands for what has no value yet."""
    return new if old is None or old is new else join([old, new])


def has_changed(variables: Mapping[str, Known], before: Mapping[str, Known]) -> bool:
    """Whether a variable has values that it did not have; of objects, whether it is one of another
    kind: what changes within them is seen by everybody who has them."""
    return any(
        name in variables and not _is_alike(variables[name], value)
        for name, value in before.items()
    )


def _is_alike(one: Known, other: Known) -> bool:
    if one is other or isinstance(one, Instance | Function | Class | Module):
        return type(one) is type(other)
    return same(one, other)


def bind(function: Function, receiver: Known) -> Function:
    """A method of `receiver`."""
    return replace(function, receiver=receiver, is_bound=True)


def decorators(node: ast.AST) -> set[str]:
    """The last names of the decorators of a definition."""
    found = set()
    for one in getattr(node, "decorator_list", []):
        name = one.func if isinstance(one, ast.Call) else one
        found.add(name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", ""))
    return found


def declared_fields(cls: Class) -> Iterator[tuple[str, ast.expr | None]]:
    """Annotated fields of a class and its bases with their defaults, as a dataclass has them."""
    for base in cls.bases:
        if isinstance(base, Class):
            yield from declared_fields(base)
    for one in cls.node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            yield one.target.id, one.value
