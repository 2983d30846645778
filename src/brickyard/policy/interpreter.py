"""An abstract interpreter for the Python that bundles contain: follows constants to the calls that
read or write data, without running anything.

It executes statements in order with values that may be unknown. Where a condition isn't known both
branches are followed and their variables joined; a loop over a known list runs for each item, any
other once. Calls into the bundle's own modules are followed with their arguments; calls out of it
are matched against the table in `sinks`. What it can't know becomes a hole in a name, and the
access is then reported as unknown. It never raises on any input and stops at a budget of steps.

Left out: metaclasses, descriptors, generators' laziness, threads; exceptions are followed as if any
handler may run.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable
from functools import partial
from typing import Final

from brickyard.policy.abstract_values import (
    Class,
    External,
    Function,
    Instance,
    Known,
    Module,
    Parser,
    PathText,
    Unknown,
    each,
    items_of,
    join,
    text_of,
    texts_of,
    truth,
)
from brickyard.policy.accesses import Access
from brickyard.policy.effects import Effects
from brickyard.policy.library import (
    NOTHING,
    STRING_METHODS,
    Library,
    Task,
    format_text,
    string_method,
)
from brickyard.policy.operators import binary, compare, subscript
from brickyard.policy.scopes import Frame, Method, bind, declared_fields, decorators, merge
from brickyard.policy.sql import HOLE, Session

MAX_STEPS: Final = 150_000
UNREACHED_STEPS: Final = 400_000  # of all functions that nothing calls, together
MIN_STEPS: Final = 2_000
MAX_DEPTH: Final = 24
MAX_ITEMS: Final = 200
NOTEBOOK_GLOBALS: Final = ("spark", "dbutils", "sql", "table", "display", "sc")


class Exhausted(Exception):
    """The budget of steps is used up."""


class Interpreter:
    """Follows one entry point at a time; `found` collects accesses over all of them."""

    def __init__(self, find_module: Callable[[str, str], tuple[str, ast.Module] | None]) -> None:
        """`find_module(dotted name, importing file)` gives a module of the bundle, parsed."""
        self.followed: set[tuple[str, int]] = set()  # (file, line) of functions that were entered
        self.loaded: dict[str, Module] = {}
        self.functions: list[Function] = []
        self._find_module = find_module
        self._effects = Effects()
        self._library = Library(self._effects, Task())
        self._steps = 0
        self._stack: list[ast.AST] = []

    @property
    def found(self) -> tuple[Access, ...]:
        """What was found and not taken yet."""
        return tuple(self._effects.found)

    def take(self) -> list[Access]:
        """What was found since the last time."""
        found, self._effects.found = self._effects.found, []
        return found

    def run(self, tree: ast.Module, file: str, task: Task) -> None:
        """Follow a file or notebook from its first statement, as `__main__`."""
        self.start(file, task)
        module = Module(file=file, variables={"__name__": "__main__", "__file__": file})
        self.continue_in(module, tree)

    def start(self, file: str, task: Task) -> None:
        self._library = Library(self._effects, task)
        self._effects.session = Session()
        self._effects.file = file
        self._steps = 0
        self._stack.clear()
        self.loaded.clear()

    def continue_in(self, module: Module, tree: ast.Module) -> None:
        """Follow more statements of a module; a notebook comes cell by cell."""
        frame = Frame(module.variables, module, {})
        self._within(module.file, lambda: self._block(tree.body, frame))

    def sql(self, text: str, file: str, line: int) -> None:
        """SQL that stands in a cell of its own."""
        self._effects.sql(text, file, line, self._library.sql_parameters)

    def follow_unreached(self) -> None:
        """Functions that no entry point called are followed with unknown arguments.

        They share one budget: once it is used up, each is followed a short way only.
        """
        left = [
            one for one in self.functions if (one.module.file, one.node.lineno) not in self.followed
        ]
        pool = UNREACHED_STEPS
        for function in left:
            if (function.module.file, function.node.lineno) in self.followed:
                continue
            allowed = min(max(pool, MIN_STEPS), MAX_STEPS)
            self._steps = MAX_STEPS - allowed
            self._stack.clear()
            parameters = Unknown(f"argument of {getattr(function.node, 'name', 'a lambda')}()")
            enter = partial(self._enter, function, [], {}, otherwise=parameters)
            self._within(function.module.file, enter)
            pool -= self._steps - (MAX_STEPS - allowed)

    # -- statements -------------------------------------------------------------------------

    def _within(self, file: str, work: Callable[[], object]) -> None:
        before, self._effects.file = self._effects.file, file
        try:
            work()
        except (Exhausted, RecursionError):
            self._effects.unknown(1, "the code is too large to be followed to its end")
        finally:
            self._effects.file = before

    def _block(self, statements: list[ast.stmt], frame: Frame) -> bool:
        """Execute in order; True when what follows can't be reached."""
        return any(self._statement(statement, frame) for statement in statements)

    def _statement(self, node: ast.stmt, frame: Frame) -> bool:
        self._count()
        match node:
            case ast.Expr():
                self._value(node.value, frame)
            case ast.Assign():
                value = self._value(node.value, frame)
                for target in node.targets:
                    self._assign(target, value, frame)
            case ast.AnnAssign():
                if node.value is not None:
                    self._assign(node.target, self._value(node.value, frame), frame)
            case ast.AugAssign():
                left = self._value(node.target, frame)
                both = binary(node.op, left, self._value(node.value, frame))
                self._assign(node.target, both, frame)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                frame.variables[node.name] = self._function(node, frame)
            case ast.ClassDef():
                frame.variables[node.name] = self._class(node, frame)
            case ast.Import() | ast.ImportFrom():
                self._import(node, frame)
            case ast.Return():
                value = self._value(node.value, frame) if node.value else None
                frame.returns.append(value)
                return True
            case ast.Raise():
                if node.exc:
                    self._value(node.exc, frame)
                return True
            case ast.Break() | ast.Continue():
                return True
            case ast.If():
                return self._if(node, frame)
            case ast.For() | ast.AsyncFor():
                self._for(node, frame)
            case ast.While():
                self._value(node.test, frame)
                self._maybe(node.body, frame)
                self._block(node.orelse, frame)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    value = self._value(item.context_expr, frame)
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, value, frame)
                return self._block(node.body, frame)
            case ast.Try() | ast.TryStar():
                return self._try(node, frame)
            case ast.Match():
                self._value(node.subject, frame)
                for case in node.cases:
                    self._maybe(case.body, frame)
            case ast.Assert():
                self._value(node.test, frame)
            case _:
                pass
        return False

    def _if(self, node: ast.If, frame: Frame) -> bool:
        known = truth(self._value(node.test, frame))
        if known is not None:
            return self._block(node.body if known else node.orelse, frame)
        before = dict(frame.variables)
        ended = self._block(node.body, frame)
        after = dict(frame.variables)
        frame.variables.clear()
        frame.variables.update(before)
        ended_else = self._block(node.orelse, frame)
        if ended_else and not ended:
            frame.variables.clear()
            frame.variables.update(after)
        elif not ended:
            merge(frame.variables, after)
        return ended and ended_else

    def _maybe(self, statements: list[ast.stmt], frame: Frame) -> None:
        """Statements that may run: afterwards a variable has its old or its new value."""
        before = dict(frame.variables)
        self._block(statements, frame)
        merge(frame.variables, before)

    def _for(self, node: ast.For | ast.AsyncFor, frame: Frame) -> None:
        items = items_of(self._value(node.iter, frame))
        if items is None:
            self._assign(node.target, Unknown("an item of an unknown list"), frame)
            self._maybe(node.body, frame)
        else:
            for item in items[:MAX_ITEMS]:
                self._assign(node.target, item, frame)
                self._block(node.body, frame)
        self._block(node.orelse, frame)

    def _try(self, node: ast.Try | ast.TryStar, frame: Frame) -> bool:
        ended = self._block(node.body, frame)
        for handler in node.handlers:
            self._maybe(handler.body, frame)
        if not ended:
            self._block(node.orelse, frame)
        self._block(node.finalbody, frame)
        return ended and not node.handlers

    def _assign(self, target: ast.expr, value: Known, frame: Frame) -> None:
        match target:
            case ast.Name():
                frame.variables[target.id] = value
            case ast.Tuple() | ast.List():
                items = items_of(value)
                for at, one in enumerate(target.elts):
                    known = items is not None and at < len(items)
                    item = items[at] if items is not None and known else Unknown()
                    self._assign(one, item, frame)
            case ast.Attribute():
                owner = self._value(target.value, frame)
                if isinstance(owner, Instance):
                    owner.attributes[target.attr] = value
            case ast.Subscript():
                owner = self._value(target.value, frame)
                key = self._value(target.slice, frame)
                if isinstance(owner, dict) and isinstance(key, str | int):
                    owner[key] = value
            case ast.Starred():
                self._assign(target.value, Unknown(), frame)
            case _:
                pass

    # -- definitions and imports --------------------------------------------------------------

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, frame: Frame
    ) -> Function:
        inner = frame.variables is not frame.module.variables
        closure = {**frame.closure, **frame.variables} if inner else {}
        made = Function(node, frame.module, closure)
        if not isinstance(node, ast.Lambda):
            self.functions.append(made)
        return made

    def _class(self, node: ast.ClassDef, frame: Frame) -> Class:
        bases = tuple(self._value(base, frame) for base in node.bases)
        body = Frame({}, frame.module, {**frame.closure, **frame.variables})
        self._block(node.body, body)
        return Class(node, frame.module, bases, body.variables)

    def _import(self, node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                loaded = self._load(alias.name)
                name = alias.asname or alias.name.split(".")[0]
                dotted = alias.name if alias.asname else name
                frame.variables[name] = loaded or External(dotted)
            return
        dotted = "." * node.level + (node.module or "")
        module = self._load(dotted)
        for alias in node.names:
            name = alias.asname or alias.name
            if module is not None and alias.name in module.variables:
                frame.variables[name] = module.variables[alias.name]
            elif module is not None and alias.name == "*":
                frame.variables.update(
                    {k: v for k, v in module.variables.items() if not k.startswith("_")}
                )
            else:
                below = self._load(
                    f"{dotted.rstrip('.')}.{alias.name}" if node.module else f"{dotted}{alias.name}"
                )
                outside = External(
                    alias.name if alias.name in NOTEBOOK_GLOBALS else f"{dotted}.{alias.name}"
                )
                frame.variables[name] = below or outside

    def _load(self, dotted: str) -> Module | None:
        found = self._find_module(dotted, self._effects.file)
        if found is None:
            return None
        file, tree = found
        if file not in self.loaded:
            module = Module(file=file, variables={"__name__": dotted, "__file__": file})
            self.loaded[file] = module
            frame = Frame(module.variables, module, {})
            self._within(file, lambda: self._block(tree.body, frame))
        return self.loaded[file]

    # -- expressions --------------------------------------------------------------------------

    def _value(self, node: ast.expr, frame: Frame) -> Known:
        self._count()
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return frame.load(node.id)
            case ast.JoinedStr():
                return self._joined(node, frame)
            case ast.FormattedValue():
                return self._value(node.value, frame)
            case ast.Attribute():
                return each(
                    self._value(node.value, frame),
                    lambda owner: self._attribute(owner, node.attr),
                )
            case ast.Call():
                return self._call(node, frame)
            case ast.BinOp():
                left, right = self._value(node.left, frame), self._value(node.right, frame)
                return binary(node.op, left, right)
            case ast.BoolOp():
                return self._bool_op(node, frame)
            case ast.Compare():
                return self._compare(node, frame)
            case ast.UnaryOp():
                known = truth(self._value(node.operand, frame))
                is_not = isinstance(node.op, ast.Not) and known is not None
                return (not known) if is_not else Unknown()
            case ast.IfExp():
                known = truth(self._value(node.test, frame))
                if known is not None:
                    return self._value(node.body if known else node.orelse, frame)
                return join([self._value(node.body, frame), self._value(node.orelse, frame)])
            case ast.List() | ast.Set():
                return self._sequence(node.elts, frame)
            case ast.Tuple():
                found = self._sequence(node.elts, frame)
                return tuple(found) if isinstance(found, list) else found
            case ast.Dict():
                return self._dict(node, frame)
            case ast.Subscript():
                owner, key = self._value(node.value, frame), self._value(node.slice, frame)
                return each(owner, lambda one: subscript(one, key))
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, frame)
            case ast.Lambda():
                return self._function(node, frame)
            case ast.NamedExpr():
                value = self._value(node.value, frame)
                self._assign(node.target, value, frame)
                return value
            case ast.Await() | ast.Starred():
                return self._value(node.value, frame)
            case ast.Yield() | ast.YieldFrom():
                if node.value is not None:
                    frame.returns.append(Unknown("a generator's items"))
                    self._value(node.value, frame)
                return Unknown()
            case _:
                return Unknown()

    def _joined(self, node: ast.JoinedStr, frame: Frame) -> Known:
        results: tuple[str, ...] = ("",)
        for part in node.values:
            pieces = texts_of(self._value(part, frame))
            results = tuple(a + b for a in results for b in pieces)[:16]
        return join(results)

    def _sequence(self, nodes: list[ast.expr], frame: Frame) -> Known:
        found: list[Known] = []
        for one in nodes:
            value = self._value(one, frame)
            if isinstance(one, ast.Starred):
                items = items_of(value)
                if items is None:
                    return Unknown("an unknown list")
                found.extend(items)
            else:
                found.append(value)
        return found

    def _dict(self, node: ast.Dict, frame: Frame) -> Known:
        found: dict[Known, Known] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            known = self._value(value, frame)
            if key is None:
                if isinstance(known, dict):
                    found.update(known)
                continue
            name = self._value(key, frame)
            if isinstance(name, str | int | float | bool | tuple | None):
                try:
                    found[name] = known
                except TypeError:
                    continue
        return found

    def _bool_op(self, node: ast.BoolOp, frame: Frame) -> Known:
        values: list[Known] = []
        stops_on = isinstance(node.op, ast.Or)
        for one in node.values:
            value = self._value(one, frame)
            known = truth(value)
            if known is None or known is stops_on:
                values.append(value)
            if known is stops_on:
                break
        else:
            if truth(values[-1] if values else None) is not None or not values:
                values.append(value)
        return join(values)

    def _compare(self, node: ast.Compare, frame: Frame) -> Known:
        left = self._value(node.left, frame)
        rights = [self._value(one, frame) for one in node.comparators]
        return compare(node.ops[0], left, rights[0]) if len(rights) == 1 else Unknown()

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, frame: Frame
    ) -> Known:
        inner = Frame(dict(frame.variables), frame.module, frame.closure, frame.returns)
        results: list[tuple[Known, Known]] = []
        exact = True

        def walk(at: int) -> None:
            nonlocal exact
            if at == len(node.generators):
                if isinstance(node, ast.DictComp):
                    pair = self._value(node.key, inner), self._value(node.value, inner)
                else:
                    pair = self._value(node.elt, inner), None
                results.append(pair)
                return
            generator = node.generators[at]
            items = items_of(self._value(generator.iter, inner))
            if items is None:
                exact = False
                items = [Unknown("an item of an unknown list")]
            for item in items[:MAX_ITEMS]:
                self._assign(generator.target, item, inner)
                tests = [truth(self._value(test, inner)) for test in generator.ifs]
                if False not in tests:
                    walk(at + 1)

        walk(0)
        if not exact:
            return Unknown("made from an unknown list")
        if isinstance(node, ast.DictComp):
            return {k: v for k, v in results if isinstance(k, str | int)}
        return [value for value, _ in results]

    def _attribute(self, owner: Known, name: str) -> Known:
        match owner:
            case External():
                return owner.attribute(name)
            case Module():
                return owner.variables.get(name, Unknown(f"{name} of {owner.file}"))
            case Instance():
                return self._member(owner, name)
            case Class():
                found = owner.lookup(name)
                if isinstance(found, Function):
                    is_class_method = "classmethod" in decorators(found.node)
                    return bind(found, owner) if is_class_method else found
                return found if found is not None else Unknown(f"{owner.node.name}.{name}")
            case PathText():
                if name == "parent":
                    return PathText(posixpath.dirname(owner.text))
                if name in {"name", "stem"}:
                    return posixpath.basename(owner.text)
                return Method(owner, name)
            case str() | list() | dict() | tuple() | Parser():
                return Method(owner, name)
            case _:
                return External(f"?.{name}")

    def _member(self, owner: Instance, name: str) -> Known:
        if name in owner.attributes:
            return owner.attributes[name]
        found = owner.cls.lookup(name) if owner.cls is not None else None
        if isinstance(found, Function):
            marks = decorators(found.node)
            if marks & {"property", "cached_property"}:
                return self._enter(bind(found, owner), [], {})
            if "staticmethod" in marks:
                return found
            return bind(found, owner.cls if "classmethod" in marks else owner)
        if found is None:
            base = next((b for b in (owner.cls.bases if owner.cls else ()) if b), None)
            return External(f"{base.chain if isinstance(base, External) else '?'}.{name}")
        return found

    # -- calls --------------------------------------------------------------------------------

    def _call(self, node: ast.Call, frame: Frame) -> Known:
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
        return each(callee, lambda one: self._invoke(one, arguments, named, node))

    def _invoke(
        self, callee: Known, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> Known:
        match callee:
            case Function():
                return self._enter(callee, arguments, named)
            case Class():
                return self._construct(callee, arguments, named)
            case Method():
                return self._method(callee, arguments, named, node)
            case External():
                return self._external(callee, arguments, named, node)
            case _:
                self._run_callbacks(arguments, named)
                return Unknown()

    def _enter(
        self,
        function: Function,
        arguments: list[Known],
        named: dict[str, Known],
        otherwise: Known = None,
    ) -> Known:
        node = function.node
        self.followed.add((function.module.file, node.lineno))
        if len(self._stack) >= MAX_DEPTH or self._stack.count(node) >= 2:
            return Unknown("a recursive call")
        given = [function.receiver, *arguments] if function.is_bound else arguments
        home = Frame({}, function.module, function.closure)
        frame = Frame(
            self._bind_parameters(node.args, given, named, home, otherwise),
            function.module,
            function.closure,
        )
        before, self._effects.file = self._effects.file, function.module.file
        self._stack.append(node)
        try:
            if isinstance(node, ast.Lambda):
                return self._value(node.body, frame)
            ended = self._block(node.body, frame)
            return join([*frame.returns, *([] if ended else [None])])
        finally:
            self._stack.pop()
            self._effects.file = before

    def _bind_parameters(
        self,
        parameters: ast.arguments,
        given: list[Known],
        named: dict[str, Known],
        home: Frame,
        otherwise: Known,
    ) -> dict[str, Known]:
        missing = otherwise if otherwise is not None else Unknown("an argument that isn't given")
        bound: dict[str, Known] = {}
        positional = [*parameters.posonlyargs, *parameters.args]
        defaults = dict(
            zip([p.arg for p in reversed(positional)], reversed(parameters.defaults), strict=False)
        )
        defaults |= {
            p.arg: d
            for p, d in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
            if d is not None
        }
        for at, one in enumerate(positional):
            if at < len(given):
                bound[one.arg] = given[at]
        for one in [*positional, *parameters.kwonlyargs]:
            if one.arg in bound:
                continue
            if one.arg in named:
                bound[one.arg] = named[one.arg]
            elif one.arg in defaults:
                bound[one.arg] = self._value(defaults[one.arg], home)
            else:
                bound[one.arg] = missing
        if parameters.vararg:
            bound[parameters.vararg.arg] = list(given[len(positional) :])
        if parameters.kwarg:
            bound[parameters.kwarg.arg] = {k: v for k, v in named.items() if k not in bound}
        return bound

    def _construct(self, cls: Class, arguments: list[Known], named: dict[str, Known]) -> Known:
        made = Instance(cls)
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

    def _method(
        self, method: Method, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> Known:
        owner, name = method.owner, method.name
        match owner:
            case str() if name == "format":
                return format_text(owner, arguments, named)
            case str() if name == "join":
                items = items_of(arguments[0]) if arguments else None
                return HOLE if items is None else owner.join(text_of(item) for item in items)
            case str() if name in STRING_METHODS:
                return string_method(owner, name, arguments)
            case str():
                return External(f"str.{name}()")
            case PathText():
                return self._library.path_method(owner, name, arguments, named, node)
            case Parser():
                return self._library.parser_method(owner, name, arguments, named)
            case dict() if name in {"get", "pop", "setdefault"} and arguments:
                default = arguments[1] if len(arguments) > 1 else None
                key = arguments[0]
                return owner.get(key, default) if isinstance(key, str | int) else Unknown()
            case dict() if name == "items":
                return [(key, value) for key, value in owner.items()]
            case dict() if name in {"keys", "values"}:
                return list(owner.keys() if name == "keys" else owner.values())
            case dict() if name == "update" and arguments and isinstance(arguments[0], dict):
                owner.update(arguments[0])
            case list() if name == "append" and arguments:
                if len(owner) < MAX_ITEMS:
                    owner.append(arguments[0])
            case list() if name == "extend" and arguments:
                owner.extend((items_of(arguments[0]) or [Unknown()])[:MAX_ITEMS])
            case _:
                self._run_callbacks(arguments, named)
                return Unknown()
        return None

    def _external(
        self, callee: External, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> Known:
        chain = callee.chain
        plain = chain.removeprefix("builtins.")
        if plain == "getattr" and len(arguments) > 1 and isinstance(arguments[1], str):
            return self._attribute(arguments[0], arguments[1])
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

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Exhausted
