"""A function of the bundle entered: its parameters bound, its body followed."""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import Function, Known, Unknown, join
from brickyard.policy.following.machine import MAX_DEPTH, Machine
from brickyard.policy.scopes import Frame


class Functions(Machine):
    """A function of the bundle entered: its parameters bound, its body followed."""

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
