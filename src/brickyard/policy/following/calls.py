"""Calls: who is called, with which arguments, and what leaves the bundle."""

from __future__ import annotations

import ast
from typing import Final

from brickyard.policy.abstract_values import (
    Class,
    External,
    Function,
    Instance,
    Known,
    Member,
    Partial,
    Super,
    Unknown,
    each,
    items_of,
    join,
    text_of,
)
from brickyard.policy.command_lines import parser_of
from brickyard.policy.containers import CALLS
from brickyard.policy.following.changes import PUTS, add, update
from brickyard.policy.following.enums import is_enum
from brickyard.policy.following.machine import Machine
from brickyard.policy.higher_order import CALLS_BACK, GIVES_RESULT, called_back
from brickyard.policy.library import NOTHING
from brickyard.policy.scopes import Frame, Method, bind
from brickyard.policy.sql_session import HOLE

FRAME_CALLS: Final = frozenset({"super", "locals", "globals", "vars"})


class Calls(Machine):
    """Calls: who is called, with which arguments, and what leaves the bundle."""

    def _call(self, node: ast.Call, frame: Frame) -> Known:
        if isinstance(node.func, ast.Name) and node.func.id in FRAME_CALLS and not node.args:
            return self._frame_call(node.func.id, frame)
        callee = self._value(node.func, frame)
        arguments: list[Known] = []
        for one in node.args:
            value = self._value(one, frame)
            items = items_of(value) if isinstance(one, ast.Starred) else [value]
            arguments.extend(items if items is not None else [Unknown()])
        named: dict[str, Known] = {}
        for keyword in node.keywords:
            value = self._value(keyword.value, frame)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, dict):
                named.update({k: v for k, v in value.items() if isinstance(k, str)})
        if isinstance(callee, External) and callee.chain in {"exec", "eval"} and arguments:
            return self._execute(arguments[0], node, frame)
        return each(callee, lambda one: self._invoke(one, arguments, named, node))

    def _frame_call(self, name: str, frame: Frame) -> Known:
        """`super()`, `locals()`, `globals()`, `vars()`."""
        if name == "globals":
            return frame.module.variables
        if name != "super":
            return dict(frame.variables)
        function = frame.function
        if function is None or function.defining is None:
            return External("super()")
        first = [*function.node.args.posonlyargs, *function.node.args.args][:1]
        return Super(function.defining, frame.variables.get(first[0].arg) if first else None)

    def _execute(self, text: Known, node: ast.Call, frame: Frame) -> Known:
        """`exec` and `eval` of a text that is known; of any other nothing is known."""
        try:
            tree = ast.parse(text) if isinstance(text, str) and HOLE not in text else None
        except (SyntaxError, ValueError):
            tree = None
        if tree is None:
            at = node.args[0]
            self._effects.unknown(at.lineno, "code that is put together while it runs", "?",
                                  at.col_offset + 1)  # fmt: skip
            return Unknown()
        for one in ast.walk(tree):
            if isinstance(one, ast.expr | ast.stmt):
                one.lineno = one.end_lineno = node.lineno
                one.col_offset = one.end_col_offset = node.col_offset
        self._block(tree.body, frame)
        return Unknown()

    def _invoke(
        self, callee: Known, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> Known:
        match callee:
            case Function():
                if callee.parser is not None and not arguments:
                    named = {**self._library.command_arguments(callee.parser), **named}
                return self._enter(callee, arguments, named)
            case Partial():
                given = [*callee.arguments, *arguments]
                return self._invoke(callee.callee, given, {**callee.named, **named}, node)
            case Class() if is_enum(callee):
                return self._enum_member(callee, arguments)
            case Instance() if callee.cls is not None:
                called = callee.cls.lookup("__call__")
                if isinstance(called, Function):
                    return self._enter(bind(called, callee), arguments, named)
                return Unknown()
            case Class():
                return self._construct(callee, arguments, named)
            case Method():
                return self._method(callee, arguments, named, node)
            case External():
                return self._external(callee, arguments, named, node)
            case _:
                self._run_callbacks(arguments, named)
                return Unknown()

    @staticmethod
    def _enum_member(enum: Class, arguments: list[Known]) -> Known:
        """`Catalog("prod")`: the member of that value, or any."""
        values = {k: v for k, v in enum.members.items() if isinstance(v, str | int | tuple)}
        wanted = arguments[0] if arguments else None
        same = [Member(k, v) for k, v in values.items() if v == wanted]
        return join(same or [Member(k, v) for k, v in values.items()])

    def _external(
        self, callee: External, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> Known:
        chain = callee.chain
        plain = chain.removeprefix("builtins.")
        if plain == "getattr" and len(arguments) > 1 and isinstance(arguments[1], str):
            return each(arguments[0], lambda one: self._attribute(one, str(arguments[1])))
        if plain in {"importlib.import_module", "import_module", "__import__"} and arguments:
            name = text_of(arguments[0])
            return self._load(name) or External(name)
        if plain.endswith("namedtuple") and len(arguments) > 1:
            return self._named_tuple(arguments, named)
        if plain.rsplit(".", 1)[-1] in {"field", "Field"}:
            if "default_factory" in named:
                return self._invoke(named["default_factory"], [], {}, node)
            return named.get("default", arguments[0] if arguments else Unknown())
        if plain in {"functools.partial", "partial"} and arguments:
            return Partial(arguments[0], tuple(arguments[1:]), named)
        if plain.endswith(("typer.run", "fire.Fire")) and arguments:
            function = arguments[0]
            if isinstance(function, Function):
                function.parser = function.parser or parser_of(function)
                return self._invoke(function, [], {}, node)
        if plain.endswith("notebook.run") and arguments and self._run_notebook is not None:
            given = arguments[2] if len(arguments) > 2 else named.get("arguments", {})
            widgets = {str(k): v for k, v in given.items()} if isinstance(given, dict) else {}
            at = node.args[0] if node.args else node
            self._effects.at = (at.lineno, at.col_offset + 1)
            return self._run_notebook(text_of(arguments[0]), widgets, self._effects.file)
        if plain.rsplit(".", 1)[-1] in CALLS_BACK:
            last = plain.rsplit(".", 1)[-1]
            owner = External(chain.rsplit(".", 1)[0], callee.subject)
            calls = called_back(last, arguments, named, owner)
            if calls is not None:
                results = [self._invoke(one, list(given), {}, node) for one, given in calls]
                return results[0] if last in GIVES_RESULT and results else results
        if plain.endswith("methodcaller") and len(arguments) > 1:
            reason = "a method that is called by its name"
            self._effects.unknown(node.lineno, reason, "?", node.col_offset + 1)
        _handed_out(plain, [*arguments, *named.values()])
        answer = self._library.call(plain, arguments, named, node)
        if answer is not NOTHING:
            return answer
        subject = self._effects.call(callee, arguments, named, node)
        self._run_callbacks(arguments, named)
        return External(f"{chain}()", subject)

    def _run_callbacks(self, arguments: list[Known], named: dict[str, Known]) -> None:
        """Functions handed to a library are called by it, with what isn't known here."""
        for value in (*arguments, *named.values()):
            if isinstance(value, Function):
                self._enter(value, [], {}, otherwise=Unknown("given by a library"))
            elif isinstance(value, Partial) and isinstance(value.callee, Function):
                given = list(value.arguments)
                self._enter(value.callee, given, dict(value.named), otherwise=Unknown("given"))


def _handed_out(chain: str, arguments: list[Known]) -> None:
    """What a library may do to a list that it is given: fill it, above all when it is empty."""
    first = arguments[0] if arguments else None
    if chain.rsplit(".", 1)[-1] in PUTS and isinstance(first, list):
        add(first, arguments[-1:])
    elif chain not in CALLS:
        for one in arguments:
            if isinstance(one, list) and not one:
                add(one, None)
            elif isinstance(one, dict) and not one:
                update(one, [Unknown()], {})
