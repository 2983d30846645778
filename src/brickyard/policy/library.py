"""Calls out of the bundle whose result is known without following them: builtins, strings, paths,
argparse, widgets. What they touch on the way goes to `Effects`.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from brickyard.policy.abstract_values import (
    External,
    Instance,
    Known,
    Parser,
    PathText,
    Unknown,
    each,
    items_of,
    text_of,
    texts_of,
)
from brickyard.policy.accesses import Mode
from brickyard.policy.effects import Effects
from brickyard.policy.sinks import PATH_READS, PATH_WRITES
from brickyard.policy.sql import HOLE

STRING_METHODS: Final[frozenset[str]] = frozenset(
    [
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "replace",
        "split",
        "rsplit",
        "removeprefix",
        "removesuffix",
        "join",
        "startswith",
        "endswith",
        "splitlines",
        "partition",
        "rpartition",
        "capitalize",
        "zfill",
        "format",
    ]
)

NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Task:
    """With what a piece of code is started: widgets of a notebook, arguments of a file."""

    widgets: Mapping[str, Known] = field(default_factory=dict)
    arguments: tuple[Known, ...] = ()


class Library:
    """The libraries as one entry point sees them, started with its widgets and arguments."""

    def __init__(self, effects: Effects, task: Task) -> None:
        self._effects = effects
        self._task = task

    @property
    def sql_parameters(self) -> dict[str, str]:
        return {key: value for key, value in self._task.widgets.items() if isinstance(value, str)}

    def path_method(
        self,
        path: PathText,
        name: str,
        arguments: list[Known],
        named: dict[str, Known],
        node: ast.Call,
    ) -> Known:
        if name in PATH_READS:
            self._effects.touch_path(path.text, Mode.READ, node.lineno)
        elif name in PATH_WRITES:
            self._effects.touch_path(path.text, Mode.WRITE, node.lineno)
        elif name == "open":
            mode = text_of(arguments[0] if arguments else named.get("mode", "r"))
            self._effects.touch_path(path.text, _open_mode(mode), node.lineno)
        elif name == "joinpath":
            return PathText(posixpath.join(path.text, *(text_of(one) for one in arguments)))
        elif name in {"resolve", "absolute", "expanduser", "with_suffix"}:
            return path
        elif name in {"as_posix", "__str__"}:
            return path.text
        return Unknown()

    def parser_method(
        self, parser: Parser, name: str, arguments: list[Known], named: dict[str, Known]
    ) -> Known:
        if name == "add_argument":
            flags = tuple(one for one in arguments if isinstance(one, str))
            longest = max(flags, key=len, default="")
            destination = named.get("dest") or longest.lstrip("-").replace("-", "_")
            if isinstance(destination, str):
                parser.options[destination] = (flags, named.get("default"))
            return None
        if name in {"parse_args", "parse_known_args"}:
            values = _parsed(parser, arguments[0] if arguments else list(self._task.arguments))
            found = Instance(None, values)
            return found if name == "parse_args" else (found, [])
        return parser

    def call(
        self, chain: str, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> Known:
        """Calls whose result is known without following them; `NOTHING` for all others."""
        first = arguments[0] if arguments else None
        match chain:
            case "open" | "io.open":
                mode = arguments[1] if len(arguments) > 1 else named.get("mode", "r")
                path = first if arguments else named.get("file")
                for text in texts_of(path):
                    self._effects.touch_path(text, _open_mode(text_of(mode)), node.lineno)
                return External("open()")
            case "str":
                return each(first, text_of)
            case "Path" | "pathlib.Path" | "pathlib.PurePosixPath":
                parts = [text_of(one) for one in arguments]
                return PathText(posixpath.join(*parts)) if parts else PathText(".")
            case "os.path.join":
                return posixpath.join(*(text_of(one) for one in arguments)) if arguments else ""
            case "argparse.ArgumentParser":
                return Parser()
            case "list" | "sorted" | "tuple" | "set" | "reversed" if arguments:
                items = items_of(first)
                return list(items) if items is not None else Unknown("an unknown list")
            case "enumerate" if arguments:
                items = items_of(first)
                return [(at, item) for at, item in enumerate(items)] if items else Unknown()
            case "zip" if arguments:
                lists = [items_of(one) for one in arguments]
                if any(one is None for one in lists):
                    return Unknown("an unknown list")
                return list(zip(*(one for one in lists if one is not None), strict=False))
            case "dict":
                return {**(first if isinstance(first, dict) else {}), **named}
            case "print" | "len" | "int" | "float" | "bool" | "isinstance" | "max" | "min":
                return Unknown()
            case "super":
                return External("super()")
            case "os.environ.get" | "os.getenv":
                return Unknown(f"the environment variable {text_of(first)}")
            case "dbutils.widgets.get" | "dbutils.widgets.getArgument":
                name = text_of(first)
                known = name in self._task.widgets
                why = Unknown(f"widget {name} has no value in the bundle")
                return self._task.widgets[name] if known else why
            case (
                "dbutils.widgets.text"
                | "dbutils.widgets.dropdown"
                | "dbutils.widgets.combobox"
                | "dbutils.widgets.multiselect"
            ):
                self._declare_widget(arguments, named)
                return None
            case "dbutils.jobs.taskValues.get":
                return Unknown("a value of another task")
            case _:
                return NOTHING

    def _declare_widget(self, arguments: list[Known], named: dict[str, Known]) -> None:
        name = text_of(arguments[0] if arguments else named.get("name"))
        default = arguments[1] if len(arguments) > 1 else named.get("defaultValue", "")
        if name not in self._task.widgets:
            self._task = Task({**self._task.widgets, name: default}, self._task.arguments)


def _open_mode(mode: str) -> Mode:
    return Mode.WRITE if set(mode) & set("wax+") else Mode.READ


def format_text(text: str, arguments: list[Known], named: dict[str, Known]) -> str:
    try:
        return text.format(
            *(text_of(one) for one in arguments), **{k: text_of(v) for k, v in named.items()}
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return HOLE


def string_method(text: str, name: str, arguments: list[Known]) -> Known:
    if not all(isinstance(one, str | int) for one in arguments):
        return HOLE
    try:
        return getattr(text, name)(*arguments)
    except (TypeError, ValueError):
        return HOLE


def _parsed(parser: Parser, arguments: Known) -> dict[str, Known]:
    """What argparse would make of known arguments: options by flag, then positionals in order."""
    items = items_of(arguments)
    values = {name: default for name, (_, default) in parser.options.items()}
    if items is None:
        return {name: Unknown("an argument of the task") for name in values}
    by_flag = {flag: name for name, (flags, _) in parser.options.items() for flag in flags}
    positionals = [n for n, (flags, _) in parser.options.items() if not _is_option(flags)]
    at = 0
    while at < len(items):
        item = items[at]
        at += 1
        if not isinstance(item, str) or not item.startswith("-"):
            if positionals:
                values[positionals.pop(0)] = item
            continue
        flag, equals, value = item.partition("=")
        if flag in by_flag:
            if equals:
                values[by_flag[flag]] = value
            elif at < len(items):
                values[by_flag[flag]] = items[at]
                at += 1
    return values


def _is_option(flags: tuple[str, ...]) -> bool:
    return any(flag.startswith("-") for flag in flags)
