"""Where names are looked up while code is followed, and what definitions say about themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from brickyard.policy.abstract_values import Class, External, Function, Known, Module, join


@dataclass(slots=True)
class Frame:
    variables: dict[str, Known]
    module: Module
    closure: Mapping[str, Known]
    returns: list[Known] = field(default_factory=list)
    yields: list[Known] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)  # names declared `global`
    function: Function | None = None  # that is followed in this frame

    def load(self, name: str) -> Known:
        for scope in (self.variables, self.closure, self.module.variables):
            if name in scope:
                return scope[name]
        return External(name)


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
