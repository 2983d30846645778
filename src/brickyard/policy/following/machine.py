"""What an interpreter knows while it follows code, and what its parts ask of each other.

Each part of the language is a class of its own over this one; `Interpreter` has them all.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, TypeAlias

from brickyard.policy.abstract_values import Class, Function, Instance, Known, Module
from brickyard.policy.effects import Effects
from brickyard.policy.library import NO_FILES, Files, Library, Task
from brickyard.policy.scopes import Frame, Method

MAX_STEPS: Final = 150_000
UNREACHED_STEPS: Final = 400_000  # of all functions that nothing calls, together
MIN_STEPS: Final = 2_000
MAX_DEPTH: Final = 24
MAX_ITEMS: Final = 200
MAX_MADE: Final = 200  # instances that are remembered for their methods
MAX_ROUNDS: Final = 3  # of a loop whose number of rounds isn't known
NOTEBOOK_GLOBALS: Final = ("spark", "dbutils", "sql", "table", "display", "sc")
# Decorators that call what they decorate by themselves: pipelines, and what they are imported as.
CALLING_DECORATORS: Final = ("dlt.", "pipelines.", "dp.", "sdp.")
COMMAND_DECORATORS: Final = ("click.command", "click.group", "command", "typer.Typer().command")
Notebooks: TypeAlias = Callable[[str, "dict[str, Known]", str], "Known"]


class Exhausted(Exception):
    """The budget of steps is used up."""


class Machine(ABC):
    """The state, the budget of steps, and the parts by what they do."""

    def __init__(
        self,
        find_module: Callable[[str, str], tuple[str, ast.Module] | None],
        *,
        files: Files = NO_FILES,
        run_notebook: Notebooks | None = None,
    ) -> None:
        """`find_module(dotted name, importing file)` gives a module of the bundle, parsed;
        `files` are the bundle's; `run_notebook(path, widgets, calling file)` follows another
        notebook."""
        self.followed: set[tuple[str, int]] = set()  # (file, line) of functions that were entered
        self.loaded: dict[str, Module] = {}
        self.functions: list[Function] = []
        self.made: list[Instance] = []  # of classes of the bundle
        self._find_module = find_module
        self._effects = Effects()
        self._files = files
        self._run_notebook = run_notebook
        self._library = Library(self._effects, Task())
        self._steps = 0
        self._stack: list[ast.AST] = []
        self._branches = 0  # how many branches that only may run surround what is followed

    def _within(self, file: str, work: Callable[[], object]) -> None:
        before, self._effects.file = self._effects.file, file
        try:
            work()
        except (Exhausted, RecursionError):
            self._effects.unknown(1, "the code is too large to be followed to its end")
        finally:
            self._effects.file = before

    @property
    def _is_sure(self) -> bool:
        """Whether what is followed surely runs: then a change leaves no old value."""
        return self._branches == 0

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Exhausted

    # -- what the parts do -----------------------------------------------------------------------

    @abstractmethod
    def _block(self, statements: list[ast.stmt], frame: Frame) -> bool:
        """Follow statements in order; True when what follows can't be reached."""

    @abstractmethod
    def _assign(self, target: ast.expr, value: Known, frame: Frame) -> None:
        """Bind a target to a value."""

    @abstractmethod
    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, frame: Frame
    ) -> Function:
        """A function with what surrounds it."""

    @abstractmethod
    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> None:
        """Bind a function's name, decorated."""

    @abstractmethod
    def _class(self, node: ast.ClassDef, frame: Frame) -> Class:
        """A class with its members."""

    @abstractmethod
    def _construct(self, cls: Class, arguments: list[Known], named: dict[str, Known]) -> Known:
        """An instance of a class of the bundle."""

    @abstractmethod
    def _named_tuple(self, arguments: list[Known], named: dict[str, Known]) -> Known:
        """The class that `namedtuple` makes."""

    @abstractmethod
    def _import(self, node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
        """Bind what is imported."""

    @abstractmethod
    def _load(self, dotted: str) -> Module | None:
        """A module of the bundle, followed once; None for any other."""

    @abstractmethod
    def _value(self, node: ast.expr, frame: Frame) -> Known:
        """The value of an expression."""

    @abstractmethod
    def _sequence(self, nodes: list[ast.expr], frame: Frame) -> Known:
        """The items of a list, set or tuple."""

    @abstractmethod
    def _dict(self, node: ast.Dict, frame: Frame) -> Known:
        """A dictionary."""

    @abstractmethod
    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, frame: Frame
    ) -> Known:
        """What a comprehension makes."""

    @abstractmethod
    def _attribute(self, owner: Known, name: str) -> Known:
        """An attribute of a value."""

    @abstractmethod
    def _call(self, node: ast.Call, frame: Frame) -> Known:
        """The value of a call."""

    @abstractmethod
    def _invoke(
        self, callee: Known, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> Known:
        """Call a value with arguments."""

    @abstractmethod
    def _run_callbacks(self, arguments: list[Known], named: dict[str, Known]) -> None:
        """Call functions that are handed to a library."""

    @abstractmethod
    def _enter(
        self,
        function: Function,
        arguments: list[Known],
        named: dict[str, Known],
        otherwise: Known = None,
    ) -> Known:
        """Follow a function of the bundle; what it returns."""

    @abstractmethod
    def _method(
        self, method: Method, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> Known:
        """Call a method of a known value."""
