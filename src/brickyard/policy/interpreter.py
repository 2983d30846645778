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
from collections import ChainMap
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from brickyard.policy.abstract_values import (
    Choice,
    Class,
    External,
    Function,
    IniFile,
    Instance,
    Known,
    Member,
    Module,
    OpenFile,
    Option,
    Parser,
    Partial,
    PathText,
    Super,
    Template,
    Unknown,
    each,
    items_of,
    join,
    text_of,
    texts_of,
    truth,
)
from brickyard.policy.accesses import Access
from brickyard.policy.command_lines import parser_of
from brickyard.policy.effects import Effects
from brickyard.policy.higher_order import CALLS_BACK, called_back
from brickyard.policy.library import (
    NOTHING,
    STRING_METHODS,
    Library,
    Task,
    format_text,
    no_file,
    string_method,
)
from brickyard.policy.operators import binary, compare, subscript
from brickyard.policy.scopes import Frame, Method, bind, declared_fields, decorators, merge
from brickyard.policy.sql_session import HOLE, Session

MAX_STEPS: Final = 150_000
UNREACHED_STEPS: Final = 400_000  # of all functions that nothing calls, together
MIN_STEPS: Final = 2_000
MAX_DEPTH: Final = 24
MAX_ITEMS: Final = 200
NOTEBOOK_GLOBALS: Final = ("spark", "dbutils", "sql", "table", "display", "sc")
# Decorators that call what they decorate by themselves: pipelines, and what they are imported as.
CALLING_DECORATORS: Final = ("dlt.", "pipelines.", "dp.", "sdp.")
COMMAND_DECORATORS: Final = ("click.command", "click.group", "command", "typer.Typer().command")
Notebooks: TypeAlias = Callable[[str, "dict[str, Known]", str], "Known"]


class Exhausted(Exception):
    """The budget of steps is used up."""


class Interpreter:
    """Follows one entry point at a time; `found` collects accesses over all of them."""

    def __init__(
        self,
        find_module: Callable[[str, str], tuple[str, ast.Module] | None],
        *,
        read_file: Callable[[str, str], str | None] = no_file,
        run_notebook: Notebooks | None = None,
    ) -> None:
        """`find_module(dotted name, importing file)` gives a module of the bundle, parsed;
        `read_file(path, reading file)` a text of the bundle; `run_notebook(path, widgets, calling
        file)` follows another notebook."""
        self.followed: set[tuple[str, int]] = set()  # (file, line) of functions that were entered
        self.loaded: dict[str, Module] = {}
        self.functions: list[Function] = []
        self._find_module = find_module
        self._effects = Effects()
        self._read_file = read_file
        self._run_notebook = run_notebook
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
        self._library = Library(self._effects, task, self._read_file)
        self._effects.session = Session(
            catalog=task.catalog, schema=task.schema, settings=dict(task.settings)
        )
        self._effects.file = file
        self._steps = 0
        self._stack.clear()
        self.loaded.clear()

    def continue_in(self, module: Module, tree: ast.Module) -> None:
        """Follow more statements of a module; a notebook comes cell by cell."""
        frame = Frame(module.variables, module, {})
        self._within(module.file, lambda: self._block(tree.body, frame))

    def nested(self, file: str, task: Task, work: Callable[[], object]) -> None:
        """Follow another entry point from within this one, and come back to it."""
        before = self._library, self._effects.session, self._effects.file
        self._library = Library(self._effects, task, self._read_file)
        self._effects.session, self._effects.file = Session(), file
        try:
            work()
        finally:
            self._library, self._effects.session, self._effects.file = before

    def set_widgets(self, given: Mapping[str, Known]) -> None:
        """Parameters that `%run` hands to another notebook."""
        self._library.set_widgets(given)

    def note_unknown(self, name: str, reason: str) -> None:
        """What the current call does is not known."""
        self._effects.unknown(self._effects.at[0], reason, name, self._effects.at[1])

    def sql(self, text: str, file: str, line_of: Callable[[int], int]) -> None:
        """SQL that stands in a cell of its own; `line_of` gives the file's lines."""
        self._effects.sql(text, file, line_of, self._library.sql_parameters)

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
                self._define(node, frame)
            case ast.Global() | ast.Nonlocal():
                frame.outer.update(node.names)
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
                    value = self._entered(self._value(item.context_expr, frame))
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, value, frame)
                return self._block(node.body, frame)
            case ast.Try() | ast.TryStar():
                return self._try(node, frame)
            case ast.Match():
                self._match(node, frame)
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
        items = _iterated(self._value(node.iter, frame))
        if items is None:
            self._assign(node.target, Unknown("an item of an unknown list"), frame)
            self._maybe(node.body, frame)
        else:
            for item in items[:MAX_ITEMS]:
                self._assign(node.target, item, frame)
                self._block(node.body, frame)
        self._block(node.orelse, frame)

    def _match(self, node: ast.Match, frame: Frame) -> None:
        """Each case may run, up to the first that surely does."""
        subject = self._value(node.subject, frame)
        for case in node.cases:
            pattern = case.pattern
            holds: bool | None = None
            if isinstance(pattern, ast.MatchValue):
                wanted = self._value(pattern.value, frame)
                holds = truth(compare(ast.Eq(), subject, wanted))
            elif isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
                if pattern.name:
                    self._assign(ast.Name(pattern.name), subject, frame)
                holds = True if case.guard is None else None
            if holds is False:
                continue
            if holds:
                self._block(case.body, frame)
                return
            self._maybe(case.body, frame)

    @staticmethod
    def _entered(value: Known) -> Known:
        """What `with value as x` binds: of a generator, its first item."""
        return value[0] if isinstance(value, list) and value else value

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
                where = frame.module.variables if target.id in frame.outer else frame.variables
                where[target.id] = value
            case ast.Tuple() | ast.List():
                self._unpack(target.elts, value, frame)
            case ast.Attribute():
                owner = self._value(target.value, frame)
                if isinstance(owner, Instance):
                    owner.attributes[target.attr] = value
            case ast.Subscript():
                owner = self._value(target.value, frame)
                key = self._value(target.slice, frame)
                if isinstance(owner, dict) and isinstance(key, str | int):
                    owner[key] = value
                elif isinstance(owner, External) and owner.chain == "os.environ":
                    at = (target.lineno, target.col_offset + 1)
                    self._library.set_environment_variable(key, value, at)
            case ast.Starred():
                self._assign(target.value, Unknown(), frame)
            case _:
                pass

    def _unpack(self, targets: list[ast.expr], value: Known, frame: Frame) -> None:
        if isinstance(value, Instance):
            value = list(value.attributes.values())
        items = items_of(value)
        star = next((at for at, one in enumerate(targets) if isinstance(one, ast.Starred)), None)
        if items is not None and star is not None:
            behind = len(targets) - star - 1
            middle = items[star : len(items) - behind]
            items = [*items[:star], list(middle), *items[len(items) - behind :]]
        for at, one in enumerate(targets):
            item = items[at] if items is not None and at < len(items) else Unknown()
            self._assign(one.value if isinstance(one, ast.Starred) else one, item, frame)

    # -- definitions and imports --------------------------------------------------------------

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, frame: Frame
    ) -> Function:
        inner = frame.variables is not frame.module.variables
        # Live, not copied: a function may use what its surroundings define after it.
        closure = ChainMap(frame.variables, dict(frame.closure)) if inner else {}
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

    def _import(self, node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                dotted = alias.name if alias.asname else name
                loaded = self._load_packages(alias.name)
                module = loaded if alias.asname else self._load(name) if loaded else None
                frame.variables[name] = module or loaded or External(dotted)
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
                is_global = alias.name in NOTEBOOK_GLOBALS and not dotted.startswith(
                    "databricks.sql"
                )
                is_global = is_global and f"{dotted}.{alias.name}" != "databricks.sql"
                chain = alias.name if is_global else f"{dotted}.{alias.name}"
                value = self._library.constant(chain)
                frame.variables[name] = below or (External(chain) if value is NOTHING else value)

    def _load_packages(self, dotted: str) -> Module | None:
        """`import a.b.c`: each package with the next as its attribute; the last module."""
        parts = dotted.split(".")
        before: Module | None = None
        for at in range(len(parts)):
            found = self._load(".".join(parts[: at + 1]))
            if before is not None and found is not None:
                before.variables.setdefault(parts[at], found)
            before = found
        return before

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
                return self._formatted(node, frame)
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
                return each(owner, lambda one: self._subscript(one, key))
            case ast.Slice():
                ends = [
                    self._value(one, frame) if one is not None else None
                    for one in (node.lower, node.upper, node.step)
                ]
                known = all(one is None or isinstance(one, int) for one in ends)
                return slice(*ends) if known else Unknown("an unknown slice")
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
                    value = self._value(node.value, frame)
                    items = items_of(value) if isinstance(node, ast.YieldFrom) else [value]
                    frame.yields.extend(items if items is not None else [Unknown()])
                return Unknown()
            case _:
                return Unknown()

    def _formatted(self, node: ast.FormattedValue, frame: Frame) -> Known:
        value = self._value(node.value, frame)
        spec = self._value(node.format_spec, frame) if node.format_spec is not None else ""
        if isinstance(value, int | float) and isinstance(spec, str) and spec:
            try:
                return format(value, spec)
            except ValueError:
                return Unknown()
        return value

    def _subscript(self, owner: Known, key: Known) -> Known:
        if isinstance(owner, External) and owner.chain == "os.environ":
            return self._library.environment_variable(key)
        if isinstance(owner, Class):
            return self._attribute(owner, text_of(key))
        return subscript(owner, key)

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
            items = _iterated(self._value(generator.iter, inner))
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
                if name == "sparkSession" or owner.chain.endswith("sparkSession"):
                    return External("spark") if name == "sparkSession" else owner.attribute(name)
                value = self._library.constant(f"{owner.chain}.{name}")
                return owner.attribute(name) if value is NOTHING else value
            case Super():
                return self._above(owner, name)
            case Member():
                if name in {"value", "_value_"}:
                    return owner.value
                return owner.name if name == "name" else self._attribute(owner.value, name)
            case Module():
                return owner.variables.get(name, Unknown(f"{name} of {owner.file}"))
            case Instance():
                return self._member(owner, name)
            case Class():
                found = owner.lookup(name)
                if found is not None and not isinstance(found, Function) and _is_enum(owner):
                    return Member(name, found)
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
            case str() | list() | dict() | tuple() | Parser() | OpenFile() | IniFile() | Template():
                return Method(owner, name)
            case Partial() | Function() if name in {"__name__", "__doc__", "__wrapped__"}:
                return Unknown()
            case _:
                return External(f"?.{name}")

    def _above(self, owner: Super, name: str) -> Known:
        """An attribute of `super()`."""
        for base in owner.cls.bases:
            if isinstance(base, Class) and (found := base.lookup(name)) is not None:
                return bind(found, owner.instance) if isinstance(found, Function) else found
        return External(f"super().{name}")

    def _member(self, owner: Instance, name: str) -> Known:
        if name in owner.attributes:
            return owner.attributes[name]
        if name == "__dict__":
            return owner.attributes
        if owner.cls is None and name in {"get", "items", "keys", "values"}:
            return Method(owner.attributes, name)
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
            case Class() if _is_enum(callee):
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
            function=function,
        )
        before, self._effects.file = self._effects.file, function.module.file
        self._stack.append(node)
        try:
            if isinstance(node, ast.Lambda):
                return self._value(node.body, frame)
            ended = self._block(node.body, frame)
            if frame.yields:
                return frame.yields
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
            if otherwise is not None and not named:
                bound[parameters.kwarg.arg] = otherwise
        return bound

    @staticmethod
    def _enum_member(enum: Class, arguments: list[Known]) -> Known:
        """`Catalog("prod")`: the member of that value, or any."""
        values = {k: v for k, v in enum.members.items() if isinstance(v, str | int | tuple)}
        wanted = arguments[0] if arguments else None
        same = [Member(k, v) for k, v in values.items() if v == wanted]
        return join(same or [Member(k, v) for k, v in values.items()])

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
                return _formats(owner, arguments, named)
            case str() if name == "format_map" and arguments:
                values = arguments[0]
                if isinstance(values, dict):
                    return _formats(owner, [], {str(k): v for k, v in values.items()})
                return HOLE
            case str() if name == "join":
                items = items_of(arguments[0]) if arguments else None
                return HOLE if items is None else join(_all_joined(owner, items))
            case str() if name in STRING_METHODS:
                return string_method(owner, name, arguments)
            case OpenFile():
                return self._library.file_method(owner, name, arguments)
            case IniFile():
                return self._library.ini_method(owner, name, arguments)
            case Template():
                return self._library.template_method(owner, name, named, arguments)
            case str():
                return External(f"str.{name}()")
            case PathText():
                return self._library.path_method(owner, name, arguments, named, node)
            case Parser():
                return self._library.parser_method(owner, name, arguments, named)
            case dict() if name in {"get", "pop", "setdefault"} and arguments:
                default = arguments[1] if len(arguments) > 1 else None
                key = arguments[0]
                if isinstance(key, str | int):
                    return owner.get(key, default)
                return join([*owner.values(), default]) if owner else Unknown()
            case dict() if name == "copy":
                return dict(owner)
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
            return each(arguments[0], lambda one: self._attribute(one, str(arguments[1])))
        if plain in {"importlib.import_module", "import_module", "__import__"} and arguments:
            name = text_of(arguments[0])
            return self._load(name) or External(name)
        if plain.endswith("namedtuple") and len(arguments) > 1:
            return self._named_tuple(arguments)
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
            calls = called_back(plain.rsplit(".", 1)[-1], arguments, named)
            if calls is not None:
                return [self._invoke(one, list(given), {}, node) for one, given in calls]
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

    def _named_tuple(self, arguments: list[Known]) -> Known:
        """`namedtuple("Table", ["catalog", "name"])` as the class that it makes."""
        fields = arguments[1]
        names = fields.replace(",", " ").split() if isinstance(fields, str) else items_of(fields)
        if names is None or not all(isinstance(one, str) and one.isidentifier() for one in names):
            return Unknown("a tuple of unknown names")
        body = "".join(f"\n    {one}: object" for one in names) or "\n    pass"
        made = ast.parse(f"class Made:{body}").body[0]
        assert isinstance(made, ast.ClassDef)
        return Class(made, Module(file=self._effects.file), (), {})

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Exhausted


FRAME_CALLS: Final = frozenset({"super", "locals", "globals", "vars"})
ENUMS: Final = ("Enum", "IntEnum", "StrEnum", "Flag")


def _is_enum(cls: Class) -> bool:
    return any(
        (isinstance(base, External) and base.last in ENUMS)
        or (isinstance(base, Class) and _is_enum(base))
        for base in cls.bases
    )


def _iterated(value: Known) -> list[Known] | None:
    """The items of a loop: those of an enum are its members, of an open file its lines."""
    if isinstance(value, Class) and _is_enum(value):
        plain = (str, int, float, tuple)
        return [Member(k, v) for k, v in value.members.items() if isinstance(v, plain)]
    if isinstance(value, OpenFile) and value.text is not None:
        return list(value.text.splitlines(keepends=True))
    return items_of(value)


def _as_call(decorator: ast.expr) -> ast.Call:
    """A decorator as the call that it is."""
    return ast.copy_location(ast.Call(func=decorator, args=[], keywords=[]), decorator)


def _formats(text: str, arguments: list[Known], named: dict[str, Known]) -> Known:
    """`text.format(…)` for each of the values that its arguments may have."""
    choices = [one for one in (*arguments, *named.values()) if isinstance(one, Choice)]
    if len(choices) != 1:
        return format_text(text, arguments, named)
    open_one = choices[0]
    return join(
        format_text(
            text,
            [option if one is open_one else one for one in arguments],
            {key: option if one is open_one else one for key, one in named.items()},
        )
        for option in open_one.options
    )


def _all_joined(separator: str, items: list[Known]) -> list[str]:
    """Every text that joining may give."""
    found = [""]
    for at, item in enumerate(items):
        lead = separator if at else ""
        found = [left + lead + text for left in found for text in texts_of(item)][:16]
    return found
