"""Attributes of objects, classes, modules, and of what is outside the bundle."""

from __future__ import annotations

import posixpath

from brickyard.policy.abstract_values import (
    Class,
    External,
    Function,
    IniFile,
    Instance,
    Known,
    Member,
    Module,
    OpenFile,
    Parser,
    Partial,
    PathText,
    Super,
    Template,
    Unknown,
)
from brickyard.policy.following.enums import is_enum
from brickyard.policy.following.machine import Machine
from brickyard.policy.library import NOTHING
from brickyard.policy.scopes import Method, bind, decorators


class Attributes(Machine):
    """Attributes of objects, classes, modules, and of what is outside the bundle."""

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
                if found is not None and not isinstance(found, Function) and is_enum(owner):
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
