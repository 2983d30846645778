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
from collections.abc import Callable, Mapping
from functools import partial

from brickyard.policy.abstract_values import Class, Function, Known, Module, Unknown, join
from brickyard.policy.accesses import Access
from brickyard.policy.following.assignments import Assignments
from brickyard.policy.following.attributes import Attributes
from brickyard.policy.following.calls import Calls
from brickyard.policy.following.definitions import Definitions
from brickyard.policy.following.displays import Displays
from brickyard.policy.following.expressions import Expressions
from brickyard.policy.following.functions import Functions
from brickyard.policy.following.imports import Imports
from brickyard.policy.following.machine import MAX_STEPS, MIN_STEPS, UNREACHED_STEPS
from brickyard.policy.following.methods import Methods
from brickyard.policy.following.statements import Statements
from brickyard.policy.library import Library, Task
from brickyard.policy.scopes import Frame, bind, decorators
from brickyard.policy.sql_session import Session


class Interpreter(
    Statements,
    Assignments,
    Definitions,
    Imports,
    Expressions,
    Displays,
    Attributes,
    Calls,
    Functions,
    Methods,
):
    """Follows one entry point at a time; `found` collects accesses over all of them."""

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
        self._library = Library(self._effects, task, self._files)
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
        self._library = Library(self._effects, task, self._files)
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
            enter = partial(self._enter, self._of_instances(function), [], {}, otherwise=parameters)
            self._within(function.module.file, enter)
            pool -= self._steps - (MAX_STEPS - allowed)

    def _of_instances(self, function: Function) -> Function:
        """A method that a library may call: of the objects that the bundle itself has made."""
        cls = function.defining
        if cls is None or decorators(function.node) & {"staticmethod", "classmethod", "property"}:
            return function
        found = [one for one in self.made if one.cls is not None and _derives(one.cls, cls)]
        return bind(function, join(found)) if found else function


def _derives(cls: Class, base: Class) -> bool:
    """Whether a class is another, or inherits from it; a module may have been followed twice."""
    if (cls.module.file, cls.node.lineno) == (base.module.file, base.node.lineno):
        return True
    return any(isinstance(one, Class) and _derives(one, base) for one in cls.bases)
