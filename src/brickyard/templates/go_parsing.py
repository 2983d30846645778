"""From a template's text to its nodes, by the rules of Go's text/template, in its words.

`parse` raises `TemplateFault` with file, line and column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, Final

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
from brickyard.templates.go_scanning import Token, tokens
from brickyard.values import Location

ESCAPES: Final = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))
ESCAPE: Final = re.compile(
    r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL
)
NOT_CALLED: Final = (Literal, Dot, Nil)


class TemplateFault(Exception):
    """A template that cannot be read or executed.

    `message` is what Go says behind the place; `is_of_text` when the text itself is wrong.
    """

    def __init__(self, message: str, at: Location, *, text: str = "") -> None:
        super().__init__(f"{at}: {message}")
        self.message = message
        self.at = at
        self.text = text  # the whole text, if it is what is wrong
        self.file = ""  # whose content it is
        self.cause: Exception | None = None  # what a function raised


def place(file: str, text: str, pos: int) -> Location:
    """Line and column from 1."""
    return Location(file, text.count("\n", 0, pos) + 1, pos - (text.rfind("\n", 0, pos) + 1) + 1)


def parse(text: str, name: str, functions: Collection[str] | None = None) -> Template:
    """Read a template; what is called must be among `functions`, if they are given."""
    return _Parser(text, name, functions).template()


class _Parser:
    def __init__(self, text: str, name: str, functions: Collection[str] | None) -> None:
        self.text, self.name, self.functions = text, name, functions
        self.definitions: dict[str, Body] = {}
        self.tokens = list(tokens(text))
        self.at = 0
        self.variables = ["$"]
        self.ranges = 0

    # -- tokens

    def peek(self) -> Token:
        return self.tokens[min(self.at, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def skip_space(self) -> Token:
        while self.peek().kind == "space":
            self.at += 1
        return self.peek()

    def next(self) -> Token:
        self.skip_space()
        return self.take()

    def fault(self, message: str, token: Token | None = None) -> TemplateFault:
        pos = (token or self.peek()).pos
        return TemplateFault(message, place(self.name, self.text, pos), text=self.text)

    def unexpected(self, token: Token, where: str) -> TemplateFault:
        if token.kind == "error":
            return self.fault(token.text, token)
        return self.fault(f"unexpected {_shown(token)} in {where}", token)

    def expect(self, kind: str, where: str) -> Token:
        token = self.next()
        if token.kind != kind:
            raise self.unexpected(token, where)
        return token

    # -- nodes

    def template(self) -> Template:
        nodes, end = self.nodes(is_top=True)
        if end is not None:
            raise self.fault(f"unexpected {{{{{end.text}}}}}", end)
        return Template(self.name, Body("", self.name, self.text, nodes), self.definitions)

    def nodes(self, *, is_top: bool = False) -> tuple[tuple[Node, ...], Token | None]:
        """Up to `end` or `else`, which is given too: an `end` with its closing braces."""
        found: list[Node] = []
        while True:
            token = self.take()
            if token.kind == "text":
                found.append(Text(token.text))
            elif token.kind == "end":
                if is_top:
                    return tuple(found), None
                raise self.fault("unexpected EOF", token)
            elif token.kind != "left":
                raise self.unexpected(token, "input")
            else:
                first = self.skip_space()
                if first.kind == "keyword" and first.text in ("end", "else"):
                    self.take()
                    if first.text == "end":
                        self.expect("right", "end")
                    return tuple(found), first
                node = self.action(first)
                if node is not None:
                    found.append(node)

    def action(self, first: Token) -> Node | None:
        if first.kind == "keyword":
            self.take()
            if first.text in ("if", "with", "range"):
                return self.branch(first)
            if first.text in ("define", "block"):
                return self.definition(first)
            if first.text == "template":
                return self.invoke(first)
            return self.jump(first)
        pipeline = self.pipeline("command", "right")
        return Show(pipeline, first.pos)

    def branch(self, first: Token) -> Branch:
        kind, known = first.text, len(self.variables)
        pipeline = self.pipeline(kind, "right")
        self.ranges += kind == "range"
        then, end = self.nodes()
        self.ranges -= kind == "range"
        otherwise: tuple[Node, ...] = ()
        assert end is not None
        if end.text == "else":
            again = self.skip_space()
            if again.kind == "keyword" and again.text == kind != "range":
                self.take()
                otherwise = (self.branch(again),)
            else:
                self.expect("right", "else")
                otherwise, end = self.nodes()
                if end is not None and end.text != "end":
                    raise self.fault("expected end; found {{else}}", end)
        del self.variables[known:]
        return Branch(kind, pipeline, then, otherwise, first.pos)

    def jump(self, first: Token) -> Jump:
        name = f"{{{{{first.text}}}}}"
        token = self.next()
        if token.kind != "right":
            raise self.unexpected(token, name)
        if not self.ranges:
            raise self.fault(f"{name} outside {{{{range}}}}", first)
        return Jump(first.text, first.pos)

    def definition(self, first: Token) -> Node | None:
        where = f"{first.text} clause"
        name = self.name_of(where)
        given = self.pipeline(where, "right") if first.text == "block" else None
        if given is None:
            self.expect("right", where)
        known, self.variables = self.variables, ["$"]
        nodes, end = self.nodes()
        if end is not None and end.text != "end":
            raise self.fault(f"unexpected {{{{{end.text}}}}} in {where}", end)
        self.variables = known
        self.definitions[name[0]] = Body(name[0], self.name, self.text, nodes)
        return Invoke(name[0], given, name[1].pos) if given is not None else None

    def invoke(self, first: Token) -> Invoke:
        name, token = self.name_of("template clause")
        if self.skip_space().kind == "right":
            self.take()
            return Invoke(name, None, token.pos)
        return Invoke(name, self.pipeline("template clause", "right"), token.pos)

    def name_of(self, where: str) -> tuple[str, Token]:
        token = self.next()
        if token.kind not in ("string", "raw"):
            raise self.unexpected(token, where)
        return self.string(token), token

    def pipeline(self, where: str, end: str) -> Pipeline:
        pos = self.skip_space().pos
        declares, assigns = self.declared(where)
        commands: list[Command] = []
        while True:
            token = self.skip_space()
            if token.kind == end:
                self.take()
                break
            if token.kind in ("error", "keyword", "char", "=", ":=", "|", "right", ")", "end"):
                raise self.unexpected(token, where)
            commands.append(self.command())
        if not commands:
            raise self.fault(f"missing value for {where}", token)
        for number, command in enumerate(commands[1:], 2):
            if isinstance(command.operands[0], NOT_CALLED):
                text = f"non executable command in pipeline stage {number}"
                raise self.fault(text, token)
        return Pipeline(tuple(commands), tuple(declares), assigns, pos)

    def declared(self, where: str) -> tuple[list[str], bool]:
        """The variables that a pipeline sets, and whether they are there already."""
        found: list[str] = []
        while (variable := self.skip_space()).kind == "variable":
            mark = self.at
            self.take()
            sign = self.skip_space()
            if sign.kind in ("=", ":="):
                self.take()
                found.append(variable.text)
                self.variables.append(variable.text)
                return found, sign.kind == "="
            if sign.kind != "char" or sign.text != ",":
                self.at = mark
                break
            self.take()
            found.append(variable.text)
            self.variables.append(variable.text)
            if where != "range" or len(found) > 1:
                raise self.fault(f"too many declarations in {where}", sign)
            if self.skip_space().kind not in ("variable", "right", ")"):
                raise self.fault("range can only initialize variables", sign)
        return found, False

    def command(self) -> Command:
        pos = self.skip_space().pos
        operands: list[Operand] = []
        while True:
            self.skip_space()
            operand = self.operand()
            if operand is not None:
                operands.append(operand)
            token = self.take()
            if token.kind == "space":
                continue
            if token.kind in ("right", ")"):
                self.at -= 1
            elif token.kind != "|":
                raise self.unexpected(token, "operand")
            break
        if not operands:
            raise self.fault("empty command")
        return Command(tuple(operands), pos)

    def operand(self) -> Operand | None:
        term = self.term()
        names: list[str] = []
        pos = self.peek().pos
        while term is not None and self.peek().kind == "field":
            names.append(self.take().text[1:])
        if term is None or not names:
            return term
        if isinstance(term, Field):
            return Field((*term.names, *names), pos)
        if isinstance(term, Variable):
            return Variable(term.name, (*term.names, *names), pos)
        if isinstance(term, Function | Pipeline):
            return Chain(term, tuple(names), pos)
        raise self.fault(f"unexpected . after term {json.dumps(str(term))}")

    def term(self) -> Operand | None:
        token = self.skip_space()
        self.take()
        match token.kind:
            case "word":
                if self.functions is not None and token.text not in self.functions:
                    raise self.fault(f'function "{token.text}" not defined', token)
                return Function(token.text, token.pos)
            case "dot":
                return Dot(token.pos)
            case "nil":
                return Nil(token.pos)
            case "variable":
                if token.text not in self.variables:
                    raise self.fault(f'undefined variable "{token.text}"', token)
                return Variable(token.text, (), token.pos)
            case "field":
                return Field((token.text[1:],), token.pos)
            case "bool":
                return Literal(token.text == "true", token.text, "bool", token.pos)
            case "number":
                return Literal(self.number(token), token.text, "number", token.pos)
            case "rune":
                return Literal(self.rune(token), token.text, "number", token.pos)
            case "string" | "raw":
                return Literal(self.string(token), token.text, "string", token.pos)
            case "(":
                return self.pipeline("parenthesized pipeline", ")")
            case "error":
                raise self.unexpected(token, "operand")
        self.at -= 1
        return None

    # -- values

    def string(self, token: Token) -> str:
        if token.kind == "raw":
            return token.text[1:-1].replace("\r", "")
        return self.unescaped(token, "'")

    def rune(self, token: Token) -> int:
        letter = self.unescaped(token, '"')
        if len(letter) != 1:
            raise self.fault(f"malformed character constant: {token.text}", token)
        return ord(letter)

    def unescaped(self, token: Token, unknown: str) -> str:
        def meant(found: re.Match[str]) -> str:
            code = found[1]
            if code[0] in "xuU":
                return chr(int(code[1:], 16))
            if code.isdigit():
                return chr(int(code, 8))
            if code == unknown or code not in ESCAPES:
                raise self.fault("invalid syntax", token)
            return ESCAPES[code]

        return ESCAPE.sub(meant, token.text[1:-1])

    def number(self, token: Token) -> Any:
        text = token.text.replace("_", "")
        try:
            if text.endswith("i"):
                return complex(0, float(text[:-1]))
            if re.fullmatch(r"[-+]?0[0-7]+", text):
                return int(text, 8)
            if re.fullmatch(r"[-+]?(\d+|0[xXoObB][0-9a-fA-F]+)", text):
                return int(text, 0)
            return float.fromhex(text) if "x" in text.lower() else float(text)
        except ValueError:
            raise self.fault(f"illegal number syntax: {json.dumps(token.text)}", token) from None


def _shown(token: Token) -> str:
    if token.kind == "end":
        return "EOF"
    if token.kind == "keyword":
        return f"<{token.text}>"
    return json.dumps(token.text[:10]) + ("..." if len(token.text) > 10 else "")
