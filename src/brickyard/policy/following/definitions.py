"""Functions with their decorators, classes, and what is made of a class."""

from __future__ import annotations

import ast
from collections import ChainMap

from brickyard.policy.abstract_values import (
    Class,
    External,
    Function,
    Instance,
    Known,
    Module,
    Option,
    Partial,
    Unknown,
    items_of,
)
from brickyard.policy.command_lines import parser_of
from brickyard.policy.following.machine import (
    CALLING_DECORATORS,
    COMMAND_DECORATORS,
    MAX_MADE,
    Machine,
)
from brickyard.policy.scopes import Frame, bind, declared_fields


class Definitions(Machine):
    """Functions with their decorators, classes, and what is made of a class."""

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, frame: Frame
    ) -> Function:
        inner = frame.variables is not frame.module.variables
        # Live, not copied: a function may use what its surroundings define after it.
        around = frame.closure
        maps = around.maps if isinstance(around, ChainMap) else [dict(around)]
        closure = ChainMap(frame.variables, *maps) if inner else {}
        made = Function(node, frame.module, closure)
        if not isinstance(node, ast.Lambda):
            self.functions.append(made)
        return made

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> None:
        """A function, and what its decorators make of it."""
        made: Known = self._function(node, frame)
        options: list[Option] = []
        for decorator in reversed(node.decorator_list):
            value = self._value(decorator, frame)
            match value:
                case Option():
                    options.append(value)
                case Function() | Partial():
                    made = self._invoke(value, [made], {}, _as_call(decorator))
                case External() if isinstance(made, Function):
                    chain = value.chain.replace("()", "")
                    if chain.startswith(CALLING_DECORATORS) or ".pipelines." in chain:
                        self._enter(made, [], {}, otherwise=Unknown("given by the pipeline"))
                    elif chain.endswith(COMMAND_DECORATORS):
                        is_click = "click" in chain or bool(options)
                        made.parser = parser_of(made, options if is_click else None)
        frame.variables[node.name] = made

    def _class(self, node: ast.ClassDef, frame: Frame) -> Class:
        bases = tuple(self._value(base, frame) for base in node.bases)
        body = Frame({}, frame.module, {**frame.closure, **frame.variables})
        self._block(node.body, body)
        made = Class(node, frame.module, bases, body.variables)
        for one in body.variables.values():
            if isinstance(one, Function):
                one.defining = made
        return made

    def _construct(self, cls: Class, arguments: list[Known], named: dict[str, Known]) -> Known:
        made = Instance(cls)
        if len(self.made) < MAX_MADE:
            self.made.append(made)
        start = cls.lookup("__init__")
        if isinstance(start, Function):
            self._enter(bind(start, made), arguments, named)
            return made
        home = Frame({}, cls.module, dict(cls.members))
        left = list(arguments)
        for name, default in declared_fields(cls):
            if left:
                made.attributes[name] = left.pop(0)
            elif name in named:
                made.attributes[name] = named[name]
            elif default is not None:
                made.attributes[name] = self._value(default, home)
            else:
                made.attributes[name] = Unknown(f"{cls.node.name}.{name} isn't given")
        after = cls.lookup("__post_init__")
        if isinstance(after, Function):
            self._enter(bind(after, made), [], {})
        return made

    def _named_tuple(self, arguments: list[Known], named: dict[str, Known]) -> Known:
        """`namedtuple("Table", ["catalog", "name"])` as the class that it makes."""
        fields = arguments[1]
        names = fields.replace(",", " ").split() if isinstance(fields, str) else items_of(fields)
        if names is None or not all(isinstance(one, str) and one.isidentifier() for one in names):
            return Unknown("a tuple of unknown names")
        last = items_of(named.get("defaults", ())) or []
        given = dict(zip(reversed(names), reversed(last), strict=False))
        body = "".join(f"\n    {one}: object{_written(given, one)}" for one in names)
        body = body or "\n    pass"
        made = ast.parse(f"class Made:{body}").body[0]
        assert isinstance(made, ast.ClassDef)
        return Class(made, Module(file=self._effects.file), (), {})


def _written(defaults: dict[str, Known], name: str) -> str:
    """The default of a field as a class would have it."""
    value = defaults.get(name)
    is_plain = isinstance(value, str | int | float)
    return "" if name not in defaults else f" = {value!r}" if is_plain else " = ..."


def _as_call(decorator: ast.expr) -> ast.Call:
    """A decorator as the call that it is."""
    return ast.copy_location(ast.Call(func=decorator, args=[], keywords=[]), decorator)
