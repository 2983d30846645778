"""Methods of texts, paths, lists, dictionaries, files and parsers."""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import (
    MAX_CHOICES,
    Choice,
    External,
    IniFile,
    Known,
    OpenFile,
    Parser,
    PathText,
    Template,
    Unknown,
    items_of,
    join,
    texts_of,
)
from brickyard.policy.following.changes import item_of, list_changed, set_item, update
from brickyard.policy.following.machine import Machine
from brickyard.policy.library import STRING_METHODS, format_text, string_method
from brickyard.policy.scopes import Method
from brickyard.policy.sql_session import HOLE


class Methods(Machine):
    """Methods of texts, paths, lists, dictionaries, files and parsers."""

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
                found = item_of(owner, arguments[0], default)
                if name == "setdefault":
                    set_item(owner, arguments[0], found, is_sure=False)
                return found
            case dict() if name == "copy":
                return dict(owner)
            case dict() if name == "items":
                return [(key, value) for key, value in owner.items()]
            case dict() if name in {"keys", "values"}:
                return list(owner.keys() if name == "keys" else owner.values())
            case dict() if name == "update":
                update(owner, arguments, named)
            case list() if name == "index" and arguments:
                known = all(isinstance(one, str | int) for one in (*owner, arguments[0]))
                return owner.index(arguments[0]) if known and arguments[0] in owner else Unknown()
            case list():
                is_change, result = list_changed(owner, name, arguments)
                if is_change:
                    return result
                self._run_callbacks(arguments, named)
                return Unknown()
            case _:
                self._run_callbacks(arguments, named)
                return Unknown()
        return None


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
        found = [left + lead + text for left in found for text in texts_of(item)]
        if len(found) > MAX_CHOICES:
            return [HOLE]
    return found
