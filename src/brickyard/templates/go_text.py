"""Go's text/template, as far as bundle templates use it: executing.

Follows the text/template documentation and says what is wrong as Go does. A missing key is an error
(`missingkey=error`). Left out: channels, iterators, methods of values that are not ours.

`parse` (`go_parsing.py`) gives a `Template`; `execute` writes one with data and functions. Both
raise `TemplateFault` with file, line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.templates.go_functions import BUILTINS, FunctionFault, Signature, signature_of
from brickyard.templates.go_nodes import (
    Body,
    Branch,
    Chain,
    Command,
    Dot,
    Field,
    Function,
    Invoke,
    Jump,
    Literal,
    Nil,
    Node,
    Operand,
    Pipeline,
    Show,
    Template,
    Text,
    Variable,
)
from brickyard.templates.go_parsing import TemplateFault, parse, place
from brickyard.templates.go_values import is_true, printed, type_of

__all__ = ["Body", "Node", "Template", "TemplateFault", "execute", "parse"]

DEEPEST: Final = 100  # templates that call each other
MISSING: Final = object()
IN_MAP: Final = "interface {}"  # the type of what a map holds
EXPECTED: Final = {"string": "string", "int": "integer", "bool": "bool"}


def execute(
    template: Template,
    data: Any,
    *,
    functions: Mapping[str, Callable[..., Any]],
    definitions: Mapping[str, Body],
) -> str:
    """The template's text for this data. Raises `TemplateFault`, and what functions raise."""
    machine = _Machine({**BUILTINS, **functions}, {**definitions, **template.definitions})
    out: list[str] = []
    machine.run_body(template.body, data, out)
    return "".join(out)


class _Jumped(Exception):
    """A `break` or `continue` on its way to its `range`."""


class _Scope(dict[str, Any]):
    """Variables of a block over those outside of it."""

    def __init__(self, outer: Mapping[str, Any]) -> None:
        super().__init__()
        self.outer = outer

    def __missing__(self, name: str) -> Any:
        return self.outer[name]

    def assign(self, name: str, value: Any) -> None:
        if name in self or not isinstance(self.outer, _Scope):
            self[name] = value
        else:
            self.outer.assign(name, value)


@dataclass(slots=True)
class _Machine:
    functions: Mapping[str, Callable[..., Any]]
    definitions: Mapping[str, Body]
    body: Body = field(default_factory=lambda: Body("", "", "", ()))
    at: Any = None  # the node that a fault is told of
    depth: int = 0

    def fault(self, message: str) -> TemplateFault:
        where = place(self.body.file, self.body.text, self.at.pos)
        return TemplateFault(f'executing "{self.body.name}" at <{self.at}>: {message}', where)

    # -- nodes

    def run_body(self, body: Body, dot: Any, out: list[str]) -> None:
        known, self.body = self.body, body
        self.run(body.nodes, dot, _Scope({"$": dot}), out)
        self.body = known

    def run(self, nodes: tuple[Node, ...], dot: Any, outer: _Scope, out: list[str]) -> None:
        scope = _Scope(outer)
        for node in nodes:
            match node:
                case Text():
                    out.append(node.text)
                case Show():
                    self.at = node.pipeline
                    value = self.pipeline(node.pipeline, dot, scope)
                    if not node.pipeline.declares:
                        out.append(printed(value))
                case Branch():
                    self.branch(node, dot, scope, out)
                case Invoke():
                    self.invoke(node, dot, scope, out)
                case Jump():
                    raise _Jumped(node.kind)

    def branch(self, node: Branch, dot: Any, outer: _Scope, out: list[str]) -> None:
        scope = _Scope(outer)
        value = self.pipeline(node.pipeline, dot, scope)
        if node.kind == "range":
            self.each(node, value, dot, scope, out)
        elif is_true(value):
            self.run(node.then, value if node.kind == "with" else dot, scope, out)
        else:
            self.run(node.otherwise, dot, scope, out)

    def each(self, node: Branch, value: Any, dot: Any, scope: _Scope, out: list[str]) -> None:
        names = node.pipeline.declares
        items = self.items(value, names)
        put = scope.assign if node.pipeline.assigns else scope.__setitem__
        for key, item in items:
            for name, given in zip(names, (key, item) if len(names) > 1 else (item,), strict=False):
                put(name, given)
            try:
                self.run(node.then, item, scope, out)
            except _Jumped as jumped:
                if str(jumped) == "break":
                    break
        if not items:
            self.run(node.otherwise, dot, scope, out)

    def items(self, value: Any, names: Sequence[str]) -> list[tuple[Any, Any]]:
        if isinstance(value, Mapping):
            return [(key, value[key]) for key in sorted(value)]
        if isinstance(value, int) and not isinstance(value, bool):
            if len(names) > 1:
                text = f"can't use {value} to iterate over more than one variable"
                raise self.fault(text)
            return [(number, number) for number in range(value)]
        if isinstance(value, list | tuple):
            return list(enumerate(value))
        if value is None:
            return []
        raise self.fault(f"range can't iterate over {printed(value)}")

    def invoke(self, node: Invoke, dot: Any, scope: _Scope, out: list[str]) -> None:
        self.at = node
        body = self.definitions.get(node.name)
        if body is None:
            raise self.fault(f'template "{node.name}" not defined')
        if self.depth == DEEPEST:
            raise self.fault(f"exceeded maximum template depth ({DEEPEST})")
        given = None if node.pipeline is None else self.pipeline(node.pipeline, dot, scope)
        self.depth += 1
        self.run_body(body, given, out)
        self.depth -= 1

    # -- values

    def pipeline(self, pipeline: Pipeline, dot: Any, scope: _Scope) -> Any:
        self.at = pipeline
        value: Any = MISSING
        for command in pipeline.commands:
            value = self.command(command, dot, scope, value)
        for name in pipeline.declares[-1:]:
            if pipeline.assigns:
                scope.assign(name, value)
            else:
                scope[name] = value
        return value

    def command(self, command: Command, dot: Any, scope: _Scope, piped: Any) -> Any:
        first, *rest = command.operands
        match first:
            case Field() | Chain() | Variable():
                return self.member(first, dot, scope, rest, piped)
            case Function():
                self.at = first
                return self.function(first, command, dot, scope, rest, piped)
        if isinstance(first, Pipeline):
            self.not_called(first, rest, piped)
            return self.pipeline(first, dot, scope)
        self.at = first
        self.not_called(first, rest, piped)
        if isinstance(first, Nil):
            raise self.fault("nil is not a command")
        return dot if isinstance(first, Dot) else first.value

    def not_called(self, first: Operand, rest: Sequence[Operand], piped: Any) -> None:
        if rest or piped is not MISSING:
            raise self.fault(f"can't give argument to non-function {first}")

    def member(
        self,
        node: Field | Chain | Variable,
        dot: Any,
        scope: _Scope,
        rest: Sequence[Operand] = (),
        piped: Any = MISSING,
    ) -> Any:
        self.at = node
        kind = ""
        if isinstance(node, Field):
            value = dot
        elif isinstance(node, Variable):
            value = scope[node.name]
            if not node.names:
                self.not_called(node, rest, piped)
        elif isinstance(node.of, Function):
            value = self.function(node.of, node.of, dot, scope, (), MISSING)
        else:
            value = self.pipeline(node.of, dot, scope)
        for number, name in enumerate(node.names, 1):
            is_last = number == len(node.names)
            given = (rest, piped) if is_last else ((), MISSING)
            value, kind = self.field(value, kind, name, node, dot, scope, *given)
        return value

    def field(
        self,
        value: Any,
        kind: str,
        name: str,
        node: Operand,
        dot: Any,
        scope: _Scope,
        rest: Sequence[Operand],
        piped: Any,
    ) -> tuple[Any, str]:
        """A field of the value, and its type where Go does not look into it."""
        if value is None:
            raise self.fault(f'nil data; no entry for key "{name}"')
        has_any = bool(rest) or piped is not MISSING
        if isinstance(value, Mapping):
            if has_any:
                raise self.fault(f"{name} is not a method but has arguments")
            if name not in value:
                raise self.fault(f'map has no entry for key "{name}"')
            return value[name], IN_MAP
        members = getattr(value, "go_members", ())
        if name not in members:
            raise self.fault(f"can't evaluate field {name} in type {kind or type_of(value)}")
        found = getattr(value, name)
        if not callable(found):
            if has_any:
                raise self.fault(f"{name} has arguments but cannot be invoked as function")
            return found, ""
        return self.call(name, found, node, dot, scope, rest, piped), ""

    def function(
        self,
        node: Function,
        whole: Command | Function,
        dot: Any,
        scope: _Scope,
        rest: Sequence[Operand],
        piped: Any,
    ) -> Any:
        self.at = node
        called = self.functions.get(node.name)
        if called is None:
            raise self.fault(f'"{node.name}" is not a defined function')
        return self.call(node.name, called, whole, dot, scope, rest, piped)

    def call(
        self,
        name: str,
        called: Callable[..., Any],
        whole: Command | Operand,
        dot: Any,
        scope: _Scope,
        rest: Sequence[Operand],
        piped: Any,
    ) -> Any:
        signature = signature_of(name, called)
        self.check_count(name, signature, len(rest), len(rest) + (piped is not MISSING))
        if name in ("and", "or") and called is BUILTINS.get(name):
            return self.short(name, dot, scope, rest, piped)
        values = [
            self.argument(signature.kind(place), one, dot, scope) for place, one in enumerate(rest)
        ]
        if piped is not MISSING:
            values.append(self.fitting(piped, signature.kind(len(rest))))
        if name == "call":
            values = [str(rest[0] if rest else piped), *values]
        try:
            return called(*values)
        except FunctionFault as reason:
            self.at = whole
            raise self.fault(f"error calling {name}: {reason}") from reason
        except (TypeError, ValueError, IndexError, KeyError, re.error) as reason:
            self.at = whole
            raise self.fault(f"error calling {name}: {reason}") from reason
        except TemplateFault:
            raise
        except Exception as reason:
            self.at = whole
            fault = self.fault(f"error calling {name}: {reason}")
            fault.cause = reason
            raise fault from reason

    def check_count(self, name: str, signature: Signature, written: int, given: int) -> None:
        least, has_more = len(signature.kinds), signature.more is not None
        if has_more and given < least:
            text = f"wrong number of args for {name}: want at least {least} got {written}"
            raise self.fault(text)
        if not has_more and given != least:
            raise self.fault(f"wrong number of args for {name}: want {least} got {given}")

    def short(self, name: str, dot: Any, scope: _Scope, rest: Sequence[Operand], piped: Any) -> Any:
        """`and` and `or` look no further than they must."""

        def values() -> Iterator[Any]:
            for one in rest:
                yield self.argument("value", one, dot, scope)
            if piped is not MISSING:
                yield piped

        last: Any = None
        for last in values():
            if is_true(last) == (name == "or"):
                break
        return last

    def argument(self, kind: str, node: Operand, dot: Any, scope: _Scope) -> Any:
        self.at = node
        match node:
            case Dot():
                return self.fitting(dot, kind)
            case Nil():
                if kind in EXPECTED:
                    raise self.fault(f"cannot assign nil to {kind}")
                return None
            case Field() | Chain() | Variable():
                return self.fitting(self.member(node, dot, scope), kind)
            case Function():
                value = self.function(node, node, dot, scope, (), MISSING)
                return self.fitting(value, kind)
            case Pipeline():
                return self.fitting(self.pipeline(node, dot, scope), kind)
            case Literal():
                return self.literal(node, kind)

    def literal(self, node: Literal, kind: str) -> Any:
        if kind in ("any", "value"):
            return node.value
        if kind not in EXPECTED:
            raise self.fault(f"can't handle {node} for arg of type {kind}")
        if type_of(node.value) != kind and not (kind == "int" and _is_whole(node.value)):
            raise self.fault(f"expected {EXPECTED[kind]}; found {node}")
        return int(node.value) if kind == "int" else node.value

    def fitting(self, value: Any, kind: str) -> Any:
        if kind in ("any", "value"):
            return value
        if value is None:
            raise self.fault(f"invalid value; expected {kind}")
        if type_of(value) != kind:
            text = f"wrong type for value; expected {kind}; got {type_of(value)}"
            raise self.fault(text)
        return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value == int(value)
