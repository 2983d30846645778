"""Statements, one after the other: what is certain, what only may run."""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import Known, Unknown, truth
from brickyard.policy.following.enums import iterated
from brickyard.policy.following.machine import MAX_ITEMS, Machine
from brickyard.policy.operators import binary, compare
from brickyard.policy.scopes import Frame, merge


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
        items = iterated(self._value(node.iter, frame))
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
