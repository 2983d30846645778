"""Go's text/template, as far as bundle templates use it: parsing and executing.

Follows the text/template documentation: trim markers, comments, variables, pipelines, `if`, `with`,
`range`, `define`, `template`, `block`, field and method access on parenthesised values. A missing
key is an error (`missingkey=error`). Left out: `break`, `continue`, channels, complex numbers.

`parse` gives a `Template`; `execute` writes one with data and functions. Both raise `TemplateFault`
with file, line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from brickyard.templates.go_values import BUILTINS, SHORT_CIRCUIT, is_true, printed
from brickyard.values import Location

ACTION: Final = re.compile(r"\{\{")
TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>/\*.*?\*/)
  | (?P<raw>`[^`]*`)
  | (?P<text>"(?:[^"\\\n]|\\.)*")
  | (?P<number>[-+]?\d+(?:\.\d+)?)
  | (?P<field>(?:\.[A-Za-z_]\w*)+)
  | (?P<dot>\.)
  | (?P<variable>\$\w*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>:=|=|\||\(|\)|,)
    """,
    re.VERBOSE | re.DOTALL,
)
ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'"}


class TemplateFault(Exception):
    """A template that cannot be read or executed."""

    def __init__(self, message: str, at: Location) -> None:
        super().__init__(f"{at}: {message}")
        self.message = message
        self.at = at
        self.file = ""  # whose content it is


class Token(NamedTuple):
    kind: str
    text: str
    at: Location
    is_joined: bool  # no space before it


# -- what a template is made of ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Dot:
    pass


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Function:
    name: str


@dataclass(frozen=True, slots=True)
class Access:
    """Fields, one after another, of a value; the last may be a method."""

    of: Operand
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    operands: tuple[Operand, ...]
    at: Location


@dataclass(frozen=True, slots=True)
class Pipeline:
    commands: tuple[Command, ...]
    declares: tuple[str, ...] = ()
    assigns: bool = False


Operand: TypeAlias = "Literal | Dot | Variable | Function | Access | Pipeline"


@dataclass(frozen=True, slots=True)
class Show:
    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `with` or `range`."""

    kind: str
    pipeline: Pipeline
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Invoke:
    name: str
    pipeline: Pipeline | None
    at: Location


Node: TypeAlias = "Text | Show | Branch | Invoke"


@dataclass(frozen=True, slots=True)
class Template:
    """The nodes of a file, and what it defines for others."""

    name: str
    nodes: tuple[Node, ...]
    definitions: Mapping[str, tuple[Node, ...]]


def parse(text: str, name: str) -> Template:
    """Read a template. Raises `TemplateFault`."""
    return _Parser(name).template(text)


def execute(
    template: Template,
    data: Any,
    *,
    functions: Mapping[str, Callable[..., Any]],
    definitions: Mapping[str, tuple[Node, ...]],
) -> str:
    """The template's text for this data. Raises `TemplateFault`, and what functions raise."""
    known = {**definitions, **template.definitions}
    machine = _Machine({**BUILTINS, **functions}, known, template.name)
    out: list[str] = []
    machine.run(template.nodes, data, {"$": data}, out)
    return "".join(out)


# -- parsing ----------------------------------------------------------------------------------


class _Piece(NamedTuple):
    """Plain text, or the tokens of one action."""

    text: str
    tokens: tuple[Token, ...] | None


class _Parser:
    def __init__(self, name: str) -> None:
        self.name = name
        self.definitions: dict[str, tuple[Node, ...]] = {}
        self.pieces: list[_Piece] = []
        self.at = 0

    def template(self, text: str) -> Template:
        self.pieces = list(self._pieces(text))
        nodes, end = self._nodes(())
        assert end is None
        return Template(self.name, nodes, self.definitions)

    def _place(self, text: str, index: int) -> Location:
        line = text.count("\n", 0, index) + 1
        return Location(self.name, line, index - (text.rfind("\n", 0, index) + 1) + 1)

    def _pieces(self, text: str) -> Iterator[_Piece]:
        start, trims = 0, False
        while True:
            found = ACTION.search(text, start)
            plain = text[start : found.start()] if found else text[start:]
            plain = plain.lstrip() if trims else plain
            if found is None:
                yield _Piece(plain, None)
                return
            inside = found.end()
            if re.match(r"-\s", text[inside : inside + 2]):
                plain, inside = plain.rstrip(), inside + 1
            yield _Piece(plain, None)
            tokens, start, trims = self._tokens(text, inside, found.start())
            yield _Piece("", tokens)

    def _tokens(self, text: str, index: int, opened: int) -> tuple[tuple[Token, ...], int, bool]:
        tokens: list[Token] = []
        joined = False
        while True:
            if text.startswith("}}", index):
                return tuple(tokens), index + 2, False
            if re.compile(r"\s-\}\}").match(text, index):
                return tuple(tokens), index + 4, True
            match = TOKEN.match(text, index)
            if match is None:
                where = opened if index >= len(text) else index
                what = "unclosed action" if index >= len(text) else f"unexpected {text[index]!r}"
                raise TemplateFault(what, self._place(text, where))
            if match.lastgroup not in ("space", "comment"):
                kind = str(match.lastgroup)
                tokens.append(Token(kind, match[0], self._place(text, index), joined))
            joined = match.lastgroup not in ("space", "comment")
            index = match.end()

    def _nodes(self, ends: tuple[str, ...]) -> tuple[tuple[Node, ...], Token | None]:
        """Nodes up to one of these keywords, and that keyword; the rest of its action is kept."""
        nodes: list[Node] = []
        while self.at < len(self.pieces):
            piece = self.pieces[self.at]
            self.at += 1
            if piece.tokens is None:
                if piece.text:
                    nodes.append(Text(piece.text))
                continue
            if not piece.tokens:
                continue
            first = piece.tokens[0]
            if first.kind == "word" and first.text in ends:
                self.rest = piece.tokens[1:]
                return tuple(nodes), first
            node = self._action(first, piece.tokens)
            if node is not None:
                nodes.append(node)
        if ends:
            raise TemplateFault("unexpected end of the file: `end` is missing", self.opened.at)
        return tuple(nodes), None

    def _action(self, first: Token, tokens: tuple[Token, ...]) -> Node | None:
        if first.kind == "word":
            if first.text in ("if", "with", "range"):
                return self._branch(first, tokens[1:])
            if first.text in ("define", "block"):
                return self._definition(first, tokens[1:])
            if first.text == "template":
                return self._invoke(first, tokens[1:])
            if first.text in ("end", "else"):
                raise TemplateFault(f"unexpected `{first.text}`", first.at)
        return Show(self._pipeline(_Reader(tokens)))

    def _branch(self, first: Token, tokens: tuple[Token, ...]) -> Branch:
        self.opened = first
        pipeline = self._pipeline(_Reader(tokens), first)
        then, end = self._nodes(("else", "end"))
        otherwise: tuple[Node, ...] = ()
        assert end is not None
        if end.text == "else":
            if self.rest:  # else if …, else with …
                again = self.rest[0]
                otherwise = (self._branch(again, self.rest[1:]),)
                return Branch(first.text, pipeline, then, otherwise)
            otherwise, _ = self._nodes(("end",))
        return Branch(first.text, pipeline, then, otherwise)

    def _definition(self, first: Token, tokens: tuple[Token, ...]) -> Node | None:
        self.opened = first
        name = _string(tokens[0]) if tokens else None
        if name is None:
            raise TemplateFault(f"`{first.text}` needs a name in quotes", first.at)
        self.definitions[name], _ = self._nodes(("end",))
        if first.text == "define":
            return None
        return Invoke(name, self._pipeline(_Reader(tokens[1:]), first), first.at)

    def _invoke(self, first: Token, tokens: tuple[Token, ...]) -> Invoke:
        name = _string(tokens[0]) if tokens else None
        if name is None:
            raise TemplateFault("`template` needs a name in quotes", first.at)
        rest = tokens[1:]
        return Invoke(name, self._pipeline(_Reader(rest), first) if rest else None, first.at)

    def _pipeline(self, reader: _Reader, before: Token | None = None) -> Pipeline:
        declares: list[str] = []
        assigns = False
        mark = reader.index
        while (token := reader.next("variable")) is not None:
            declares.append(token.text)
            if reader.next("sign", ",") is None:
                break
        sign = reader.next("sign", ":=") or reader.next("sign", "=")
        if declares and sign is None:
            declares, reader.index = [], mark
        elif sign is not None:
            assigns = sign.text == "="
        commands = [self._command(reader, before)]
        while reader.next("sign", "|") is not None:
            commands.append(self._command(reader, before))
        token = reader.peek()
        if token is not None and token.text != ")":
            raise TemplateFault(f"unexpected {token.text!r}", token.at)
        return Pipeline(tuple(commands), tuple(declares), assigns)

    def _command(self, reader: _Reader, before: Token | None) -> Command:
        token = reader.peek()
        if token is None:
            at = before.at if before else Location(self.name, 1, 1)
            raise TemplateFault("a value is missing", at)
        operands: list[Operand] = []
        while (part := reader.peek()) is not None and part.text not in ("|", ")"):
            operands.append(self._operand(reader))
        if not operands:
            raise TemplateFault("a value is missing", token.at)
        return Command(tuple(operands), token.at)

    def _operand(self, reader: _Reader) -> Operand:
        token = reader.take()
        made: Operand
        match token.kind:
            case "raw" | "text":
                made = Literal(_string(token))
            case "number":
                made = Literal(float(token.text) if "." in token.text else int(token.text))
            case "dot":
                made = Dot()
            case "field":
                made = Access(Dot(), tuple(token.text[1:].split(".")))
            case "variable":
                made = Variable(token.text)
            case "word" if token.text in ("true", "false", "nil"):
                made = Literal({"true": True, "false": False, "nil": None}[token.text])
            case "word":
                made = Function(token.text)
            case _ if token.text == "(":
                made = self._pipeline(reader, token)
                if reader.next("sign", ")") is None:
                    raise TemplateFault("`)` is missing", token.at)
            case _:
                raise TemplateFault(f"unexpected {token.text!r}", token.at)
        following = reader.peek()
        if following is not None and following.kind == "field" and following.is_joined:
            reader.take()
            return Access(made, tuple(following.text[1:].split(".")))
        return made


class _Reader:
    """The tokens of an action, one after another."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.index = 0

    def peek(self) -> Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def take(self) -> Token:
        self.index += 1
        return self.tokens[self.index - 1]

    def next(self, kind: str, text: str = "") -> Token | None:
        """The next token if it is of this kind (and text); it is taken then."""
        token = self.peek()
        if token is None or token.kind != kind or (text and token.text != text):
            return None
        return self.take()


def _string(token: Token) -> str | None:
    if token.kind == "raw":
        return token.text[1:-1]
    if token.kind != "text":
        return None
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[0]), token.text[1:-1])


# -- executing --------------------------------------------------------------------------------


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
    definitions: Mapping[str, tuple[Node, ...]]
    name: str
    depth: int = field(default=0)

    def run(
        self, nodes: tuple[Node, ...], dot: Any, outer: Mapping[str, Any], out: list[str]
    ) -> None:
        scope = _Scope(outer)
        for node in nodes:
            match node:
                case Text():
                    out.append(node.text)
                case Show():
                    value = self.pipeline(node.pipeline, dot, scope)
                    if not node.pipeline.declares:
                        out.append(printed(value))
                case Branch():
                    self.branch(node, dot, scope, out)
                case Invoke():
                    self.invoke(node, dot, scope, out)

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
        items = (
            [(key, value[key]) for key in sorted(value)]
            if isinstance(value, Mapping)
            else list(enumerate(value or ()))
        )
        names = node.pipeline.declares
        for key, item in items:
            for name, given in zip(names, (key, item) if len(names) > 1 else (item,), strict=False):
                scope[name] = given
            self.run(node.then, item, scope, out)
        if not items:
            self.run(node.otherwise, dot, scope, out)

    def invoke(self, node: Invoke, dot: Any, scope: _Scope, out: list[str]) -> None:
        nodes = self.definitions.get(node.name)
        if nodes is None:
            raise TemplateFault(f"template {node.name!r} is not defined", node.at)
        given = None if node.pipeline is None else self.pipeline(node.pipeline, dot, scope)
        if self.depth > 100:
            raise TemplateFault(f"template {node.name!r} calls itself without end", node.at)
        self.depth += 1
        self.run(nodes, given, {"$": given}, out)
        self.depth -= 1

    def pipeline(self, pipeline: Pipeline, dot: Any, scope: _Scope) -> Any:
        value: Any = None
        for index, command in enumerate(pipeline.commands):
            value = self.command(command, dot, scope, (value,) if index else ())
        for name in pipeline.declares[-1:]:
            if pipeline.assigns:
                scope.assign(name, value)
            else:
                scope[name] = value
        return value

    def command(self, command: Command, dot: Any, scope: _Scope, piped: tuple[Any, ...]) -> Any:
        first, *rest = command.operands

        def values() -> Iterator[Any]:
            for one in rest:
                value = self.operand(one, dot, scope, command.at)
                yield value() if isinstance(one, Function) else value
            yield from piped

        if isinstance(first, Function) and first.name in SHORT_CIRCUIT:
            return SHORT_CIRCUIT[first.name](values())
        called = self.operand(first, dot, scope, command.at)
        if not callable(called):
            if rest or piped:
                raise TemplateFault("only a function takes arguments", command.at)
            return called
        try:
            return called(*values())
        except (TypeError, ValueError, IndexError, KeyError, re.error) as reason:
            raise TemplateFault(str(reason), command.at) from reason

    def operand(self, operand: Operand, dot: Any, scope: _Scope, at: Location) -> Any:
        match operand:
            case Literal():
                return operand.value
            case Dot():
                return dot
            case Variable():
                try:
                    return scope[operand.name]
                except KeyError:
                    raise TemplateFault(f"variable {operand.name} is not there", at) from None
            case Function():
                if operand.name not in self.functions:
                    raise TemplateFault(f"function {operand.name!r} is not defined", at)
                return self.functions[operand.name]
            case Access():
                value = self.operand(operand.of, dot, scope, at)
                if isinstance(operand.of, Function):
                    value = value()
                for name in operand.names:
                    value = _member(value, name, at)
                return value
            case Pipeline():
                return self.pipeline(operand, dot, scope)


def _member(value: Any, name: str, at: Location) -> Any:
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        raise TemplateFault(f'map has no entry for key "{name}"', at)
    found = getattr(value, name, None) if hasattr(value, "go_members") else None
    if found is None or name not in value.go_members:
        raise TemplateFault(f"can't evaluate field {name}", at)
    return found
