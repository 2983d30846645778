"""The value of an expression, as far as it can be known."""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import (
    MAX_CHOICES,
    Class,
    External,
    Known,
    Unknown,
    each,
    items_of,
    join,
    text_of,
    texts_of,
    truth,
)
from brickyard.policy.following.machine import Machine
from brickyard.policy.operators import binary, compare, subscript
from brickyard.policy.scopes import Frame
from brickyard.policy.sql_session import HOLE


class Expressions(Machine):
    """The value of an expression, as far as it can be known."""

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
                    self._value(node.value, frame), lambda owner: self._attribute(owner, node.attr)
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
                operand = self._value(node.operand, frame)
                if isinstance(node.op, ast.USub) and isinstance(operand, int | float):
                    return -operand
                known = truth(operand)
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
            results = tuple(a + b for a in results for b in pieces)
            if len(results) > MAX_CHOICES:
                return HOLE
        return join(results)

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
