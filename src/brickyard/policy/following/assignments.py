"""What a target is bound to: names, items, attributes, environment variables."""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import (
    Choice,
    Class,
    External,
    Instance,
    Known,
    Module,
    Unknown,
    items_of,
)
from brickyard.policy.following.changes import set_item
from brickyard.policy.following.machine import Machine
from brickyard.policy.scopes import Frame


class Assignments(Machine):
    """What a target is bound to: names, items, attributes, environment variables."""

    def _assign(self, target: ast.expr, value: Known, frame: Frame) -> None:
        match target:
            case ast.Name():
                frame.bind(target.id, value, is_sure=self._is_sure)
            case ast.Tuple() | ast.List():
                self._unpack(target.elts, value, frame)
            case ast.Attribute():
                owner = self._value(target.value, frame)
                if (members := _members(owner)) is not None:
                    set_item(members, target.attr, value, is_sure=self._is_sure)
            case ast.Subscript():
                owner = self._value(target.value, frame)
                key = self._value(target.slice, frame)
                if isinstance(owner, dict | list):
                    set_item(owner, key, value, is_sure=self._is_sure)
                elif isinstance(owner, External) and owner.chain == "os.environ":
                    at = (target.lineno, target.col_offset + 1)
                    self._library.set_environment_variable(key, value, at)
                elif isinstance(owner, Choice):
                    for one in owner.options:
                        set_item(one, key, value, is_sure=False)
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


def _members(owner: Known) -> dict[Known, Known] | None:
    """Where the attributes of an object of the bundle are kept."""
    match owner:
        case Instance():
            return owner.attributes
        case Class():
            return owner.members
        case Module():
            return owner.variables
    return None
