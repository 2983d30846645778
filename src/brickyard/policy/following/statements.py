"""Statements, one after the other: what is certain, what only may run."""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import External, Known, Unknown, items_of, truth
from brickyard.policy.following.changes import add, update
from brickyard.policy.following.enums import iterated, within_reach
from brickyard.policy.following.machine import MAX_ROUNDS, Machine
from brickyard.policy.operators import binary, compare
from brickyard.policy.scopes import Frame, has_changed, merge


class Statements(Machine):
    """Statements, one after the other: what is certain, what only may run."""

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
                self._augment(node, frame)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(node, frame)
            case ast.Global():
                frame.outer.update(node.names)
            case ast.Nonlocal():
                frame.around.update(node.names)
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
                for states in frame.raising[-1:]:
                    states.append(dict(frame.variables))
                return True
            case ast.Break() | ast.Continue():
                for states in frame.leaving[-1:]:
                    states.append(dict(frame.variables))
                return True
            case ast.If():
                return self._if(node, frame)
            case ast.For() | ast.AsyncFor():
                self._for(node, frame)
            case ast.While():
                self._value(node.test, frame)
                self._rounds(node.body, frame)
                self._block(node.orelse, frame)
            case ast.With() | ast.AsyncWith():
                return self._with(node, frame)
            case ast.Try() | ast.TryStar():
                return self._try(node, frame)
            case ast.Match():
                return self._match(node, frame)
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
        ended = self._branch(node.body, frame)
        after = dict(frame.variables)
        _become(frame, before)
        ended_else = self._branch(node.orelse, frame)
        if ended_else and not ended:
            _become(frame, after)
        elif not ended:
            merge(frame.variables, after)
        return ended and ended_else

    def _branch(self, statements: list[ast.stmt], frame: Frame) -> bool:
        """Statements that may run, or not: they change what others see besides what it was."""
        self._branches += 1
        try:
            return self._block(statements, frame)
        finally:
            self._branches -= 1

    def _rounds(self, statements: list[ast.stmt], frame: Frame) -> None:
        """Statements that run any number of times, or never: until nothing new comes of it."""
        frame.leaving.append([])
        for _ in range(MAX_ROUNDS):
            before = dict(frame.variables)
            self._branch(statements, frame)
            for state in (before, *frame.leaving[-1]):
                merge(frame.variables, state)
            if not has_changed(frame.variables, before):
                break
        frame.leaving.pop()

    def _for(self, node: ast.For | ast.AsyncFor, frame: Frame) -> None:
        items = iterated(self._value(node.iter, frame))
        if items is None:
            self._assign(node.target, Unknown("an item of an unknown list"), frame)
            self._rounds(node.body, frame)
        else:
            frame.leaving.append([])
            for item in within_reach(items):
                self._assign(node.target, item, frame)
                self._block(node.body, frame)
            for state in frame.leaving.pop():
                merge(frame.variables, state)
        self._block(node.orelse, frame)

    def _augment(self, node: ast.AugAssign, frame: Frame) -> None:
        """`target op= value`; a list or a dictionary is changed itself."""
        left, right = self._value(node.target, frame), self._value(node.value, frame)
        if isinstance(left, list) and isinstance(node.op, ast.Add | ast.BitOr):
            add(left, items_of(right))
        elif isinstance(left, dict) and isinstance(node.op, ast.BitOr):
            update(left, [right], {})
        elif not (isinstance(left, list) and isinstance(node.op, ast.Sub | ast.BitAnd)):
            self._assign(node.target, binary(node.op, left, right), frame)

    def _match(self, node: ast.Match, frame: Frame) -> bool:
        """One of the cases runs, up to the first that surely does; or none of them."""
        subject = self._value(node.subject, frame)
        before = dict(frame.variables)
        outcomes: list[dict[str, Known]] = []  # the variables after each case that may have run
        for case in node.cases:
            holds = self._fits(case, subject, frame)
            if holds is not False and not self._branch(case.body, frame):
                outcomes.append(dict(frame.variables))
            _become(frame, before)
            if holds:
                break
        else:
            outcomes.append(before)
        return _one_of(frame, outcomes)

    def _fits(self, case: ast.match_case, subject: Known, frame: Frame) -> bool | None:
        """Whether a case is taken, None where that can't be told; what it captures is bound."""
        for one in ast.walk(case.pattern):
            names = (getattr(one, "name", None), getattr(one, "rest", None))
            for name in filter(None, names):
                frame.variables[name] = Unknown("a part of what was matched")
        pattern, holds = case.pattern, None
        if isinstance(pattern, ast.MatchValue):
            wanted = self._value(pattern.value, frame)
            holds = truth(compare(ast.Eq(), subject, wanted))
        elif isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
            holds = True
            if pattern.name:
                self._assign(ast.Name(pattern.name), subject, frame)
        if case.guard is not None:
            allowed = truth(self._value(case.guard, frame))
            if allowed is False:
                return False
            if allowed is None and holds:
                return None
        return holds

    def _with(self, node: ast.With | ast.AsyncWith, frame: Frame) -> bool:
        """The body; of `with suppress(…)`, any part of it."""
        before = dict(frame.variables)
        is_partial = False
        for item in node.items:
            context = self._value(item.context_expr, frame)
            is_partial |= isinstance(context, External) and context.last == "suppress()"
            if item.optional_vars is not None:
                self._assign(item.optional_vars, self._entered(context), frame)
        if not is_partial:
            return self._block(node.body, frame)
        self._branch(node.body, frame)
        merge(frame.variables, before)
        return False

    @staticmethod
    def _entered(value: Known) -> Known:
        """What `with value as x` binds: of a generator, its first item."""
        return value[0] if isinstance(value, list) and value else value

    def _try(self, node: ast.Try | ast.TryStar, frame: Frame) -> bool:
        """The body to its end, or any part of it and one of the handlers."""
        before = dict(frame.variables)
        frame.raising.append([])
        ended = (self._branch if node.handlers else self._block)(node.body, frame)
        raised = frame.raising.pop()
        after = dict(frame.variables)
        outcomes = [] if ended or self._block(node.orelse, frame) else [dict(frame.variables)]
        for handler in node.handlers:
            _become(frame, after)
            for state in (before, *raised):
                merge(frame.variables, state)
            if handler.name:
                frame.variables[handler.name] = Unknown("an exception")
            if not self._branch(handler.body, frame):
                outcomes.append(dict(frame.variables))
        ended = _one_of(frame, outcomes)
        return self._block(node.finalbody, frame) or ended


def _become(frame: Frame, variables: dict[str, Known]) -> None:
    frame.variables.clear()
    frame.variables.update(variables)


def _one_of(frame: Frame, outcomes: list[dict[str, Known]]) -> bool:
    """The variables are those of one of the outcomes; True when there is none."""
    for at, outcome in enumerate(outcomes):
        if at:
            merge(frame.variables, outcome)
        else:
            _become(frame, outcome)
    return not outcomes
