"""Lists, sets, tuples, dictionaries and comprehensions."""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import Known, Unknown, items_of, truth
from brickyard.policy.following.changes import set_item, update
from brickyard.policy.following.enums import iterated, within_reach
from brickyard.policy.following.machine import Machine
from brickyard.policy.scopes import Frame


class Displays(Machine):
    """Lists, sets, tuples, dictionaries and comprehensions."""

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
                update(found, [known], {})
            else:
                set_item(found, self._value(key, frame), known, is_sure=True)
        return found

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
            items = iterated(self._value(generator.iter, inner))
            if items is None:
                exact = False
                items = [Unknown("an item of an unknown list")]
            for item in within_reach(items):
                self._assign(generator.target, item, inner)
                tests = [truth(self._value(test, inner)) for test in generator.ifs]
                if False not in tests:
                    walk(at + 1)

        walk(0)
        if not exact:
            return Unknown("made from an unknown list")
        if isinstance(node, ast.DictComp):
            made: dict[Known, Known] = {}
            for key, value in results:
                set_item(made, key, value, is_sure=True)
            return made
        return [value for value, _ in results]
