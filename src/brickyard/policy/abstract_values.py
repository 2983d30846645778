"""The values of the abstract interpreter: what is known about a Python value without running it.

Plain Python strings, numbers, lists, tuples and dicts stand for themselves. The rest:

    Unknown     could be anything; says why
    Choice      one of a few values, where branches meet
    External    something outside the bundle (spark, mlflow, a library), by its dotted call chain
    PathText    a pathlib path whose text is known
    Function, Class, Instance, Module   code of the bundle itself
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from brickyard.policy.sql_session import HOLE

Known: TypeAlias = Any  # an abstract value: one of the classes below or plain data

MAX_CHOICES = 16


@dataclass(frozen=True, slots=True)
class Unknown:
    why: str = "computed while it runs"


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class External:
    """`chain` is how it was reached: `spark.read.table()`; `subject` the table it speaks of."""

    chain: str
    subject: str = ""

    def attribute(self, name: str) -> External:
        return External(f"{self.chain}.{name}", self.subject)

    @property
    def last(self) -> str:
        return self.chain.rsplit(".", 1)[-1]


@dataclass(frozen=True, slots=True)
class PathText:
    text: str


@dataclass(slots=True, eq=False)
class Module:
    file: str
    variables: dict[str, Known] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Function:
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    module: Module
    closure: Mapping[str, Known]
    receiver: Known = None
    is_bound: bool = False
    defining: Class | None = None  # whose body it stands in, for `super()`
    parser: Parser | None = None  # of a command line (click, typer) that calls it


@dataclass(slots=True, eq=False)
class Class:
    node: ast.ClassDef
    module: Module
    bases: tuple[Known, ...]
    members: dict[str, Known]

    def lookup(self, name: str) -> Known:
        if name in self.members:
            return self.members[name]
        for one in self.bases:
            if isinstance(one, Class):
                found = one.lookup(name)
                if found is not None:
                    return found
        return None


@dataclass(slots=True, eq=False)
class Instance:
    cls: Class | None
    attributes: dict[str, Known] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Super:
    """`super()` within a method of `cls`."""

    cls: Class
    instance: Known


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """`functools.partial(callee, *arguments, **named)`."""

    callee: Known
    arguments: tuple[Known, ...]
    named: Mapping[str, Known]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an enum."""

    name: str
    value: Known


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that was opened; `text` is None where the bundle doesn't have it."""

    path: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """`string.Template(text)` and, with `is_jinja`, `jinja2.Template(text)`."""

    text: str
    is_jinja: bool = False


@dataclass(slots=True, eq=False)
class IniFile:
    """A `configparser.ConfigParser` with what it has read."""

    sections: dict[str, Known] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    """`click.option(…)` before it decorates: destination, flags, default."""

    destination: str
    flags: tuple[str, ...]
    default: Known


@dataclass(slots=True, eq=False)
class Parser:
    """An `argparse.ArgumentParser` while it is being declared: destination -> (flags, default).

    A flag `""` is that of a default without an option. `commands` are its sub-parsers; the one that
    is chosen stands under `chosen`.
    """

    options: dict[str, tuple[tuple[str, ...], Known]] = field(default_factory=dict)
    commands: dict[str, Parser] = field(default_factory=dict)
    chosen: str = ""


class Defaults(dict[Known, Known]):
    """A `defaultdict`; `makes` is the name of what it makes of a missing key."""

    makes: str = ""

    def made(self, key: Known) -> Known:
        """The value of a key that isn't there yet."""
        empty: dict[str, Known] = {"list": [], "set": [], "dict": {}, "str": ""}
        if self.makes not in empty:
            return Unknown("a key that isn't known")
        return self.setdefault(key, empty[self.makes])


def join(values: Iterable[Known]) -> Known:
    """One value that stands for all of `values`."""
    flat: list[Known] = []
    for value in values:
        for one in value.options if isinstance(value, Choice) else (value,):
            if not any(same(one, other) for other in flat):
                flat.append(one)
    if not flat:
        return None
    if len(flat) == 1:
        return flat[0]
    if len(flat) > MAX_CHOICES:
        return Unknown("too many possible values")
    return Choice(tuple(flat))


def each(value: Known, function: Callable[[Known], Known]) -> Known:
    """`function` of every possibility of `value`."""
    if isinstance(value, Choice):
        return join(function(one) for one in value.options)
    return function(value)


def text_of(value: Known) -> str:
    """The value as it would appear in an f-string; a hole where it isn't known."""
    if isinstance(value, str):
        return value
    if isinstance(value, PathText):
        return value.text
    if isinstance(value, Member):
        return text_of(value.value)
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    return HOLE


def texts_of(value: Known) -> tuple[str, ...]:
    """Every text that a value may be."""
    return (
        tuple(text_of(one) for one in value.options)
        if isinstance(value, Choice)
        else (text_of(value),)
    )


def items_of(value: Known) -> list[Known] | None:
    """The items that iterating over a value gives; None where they aren't known."""
    return list(value) if isinstance(value, list | tuple | dict) else None


def truth(value: Known) -> bool | None:
    """Whether a condition is known to hold."""
    if value is None or isinstance(value, bool | int | float | str | list | tuple | dict):
        return bool(value)
    if isinstance(value, Function | Class | Module | PathText | Member | OpenFile):
        return True
    return None


def same(one: Known, other: Known) -> bool:
    """Whether two values are known to be equal."""
    if type(one) is not type(other):
        return False
    try:
        return bool(one == other)
    except Exception:  # values of odd types that can't be compared are kept apart
        return one is other
