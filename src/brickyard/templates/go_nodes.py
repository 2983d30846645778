"""What a template is made of. `str` of a node is how it is written, as messages show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, true or false. `kind` is Go's: string, number or bool."""

    value: Any
    written: str
    kind: str
    pos: int

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class Nil:
    pos: int

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class Dot:
    pos: int

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Field:
    """Fields of the dot, one after another."""

    names: tuple[str, ...]
    pos: int

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable, and fields of it."""

    name: str
    names: tuple[str, ...]
    pos: int

    def __str__(self) -> str:
        return ".".join((self.name, *self.names))


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    pos: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Chain:
    """Fields of what a function or a pipeline in parentheses gives."""

    of: Function | Pipeline
    names: tuple[str, ...]
    pos: int

    def __str__(self) -> str:
        inner = f"({self.of})" if isinstance(self.of, Pipeline) else str(self.of)
        return inner + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Command:
    operands: tuple[Operand, ...]
    pos: int

    def __str__(self) -> str:
        shown = (f"({one})" if isinstance(one, Pipeline) else str(one) for one in self.operands)
        return " ".join(shown)


@dataclass(frozen=True, slots=True)
class Pipeline:
    commands: tuple[Command, ...]
    declares: tuple[str, ...]
    assigns: bool
    pos: int

    def __str__(self) -> str:
        sign = f" {'=' if self.assigns else ':='} " if self.declares else ""
        return ", ".join(self.declares) + sign + " | ".join(map(str, self.commands))


Operand: TypeAlias = "Literal | Nil | Dot | Field | Variable | Function | Chain | Pipeline"


@dataclass(frozen=True, slots=True)
class Show:
    pipeline: Pipeline
    pos: int


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `with` or `range`."""

    kind: str
    pipeline: Pipeline
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]
    pos: int


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    kind: str
    pos: int


@dataclass(frozen=True, slots=True)
class Invoke:
    name: str
    pipeline: Pipeline | None
    pos: int

    def __str__(self) -> str:
        given = f" {self.pipeline}" if self.pipeline else ""
        return f"{{{{template {json.dumps(self.name)}{given}}}}}"


Node: TypeAlias = "Text | Show | Branch | Jump | Invoke"


@dataclass(frozen=True, slots=True)
class Body:
    """Nodes that are executed together, and the text in which they stand."""

    name: str  # of the definition; empty for a file's own
    file: str
    text: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A file's own body, and what it defines for others."""

    name: str
    body: Body
    definitions: Mapping[str, Body]
