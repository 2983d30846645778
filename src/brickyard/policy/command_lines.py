"""Command lines as argparse, click and typer read them, with the arguments of a task."""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import (
    Function,
    Known,
    Option,
    Parser,
    Unknown,
    items_of,
    join,
)


def option_of(arguments: list[Known], named: dict[str, Known]) -> Option | None:
    """One option or argument as it is declared: `"--catalog", "-c", default="dev"`."""
    flags = tuple(one for one in arguments if isinstance(one, str))
    plain = [flag for flag in flags if not flag.startswith("-")]
    longest = max(flags, key=len, default="").lstrip("-").replace("-", "_")
    destination = named.get("dest") or (plain[0] if plain else longest)
    if not isinstance(destination, str) or not destination:
        return None
    default = named.get("default")
    if named.get("action") == "store_true":
        default = False
    return Option(destination, flags, default)


def declare(parser: Parser, option: Option | None) -> None:
    if option is not None:
        parser.options[option.destination] = (option.flags, option.default)


def parsed(parser: Parser, arguments: Known) -> dict[str, Known]:
    """What known arguments give: options by flag, then positionals in order."""
    items = items_of(arguments)
    if parser.commands:
        return _with_command(parser, items)
    return _own(parser, items)


def _with_command(parser: Parser, items: list[Known] | None) -> dict[str, Known]:
    """Its own options and those of the sub-command that is called; of any, if none is known."""
    at = next(
        (
            at
            for at, one in enumerate(items or ())
            if isinstance(one, str) and one in parser.commands
        ),
        None,
    )
    if items is None or at is None:
        each = [parsed(one, None if items is None else []) for one in parser.commands.values()]
        names = {name for one in each for name in one}
        found = {name: join(one[name] for one in each if name in one) for name in names}
        chosen: Known = join(parser.commands)
        return {**_own(parser, items), **found, **_chosen(parser, chosen)}
    name = str(items[at])
    inner = parsed(parser.commands[name], items[at + 1 :])
    return {**_own(parser, items[:at]), **inner, **_chosen(parser, name)}


def _chosen(parser: Parser, name: Known) -> dict[str, Known]:
    return {parser.chosen: name} if parser.chosen else {}


def _own(parser: Parser, items: list[Known] | None) -> dict[str, Known]:
    values = {name: default for name, (_, default) in parser.options.items()}
    if items is None:
        return {
            name: values[name] if flags == ("",) else Unknown("an argument of the task")
            for name, (flags, _) in parser.options.items()
        }
    by_flag = {flag: name for name, (flags, _) in parser.options.items() for flag in flags}
    positionals = [
        n for n, (flags, _) in parser.options.items() if flags != ("",) and not _is_option(flags)
    ]
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
            elif at < len(items) and not _is_flag(items[at], by_flag):
                values[by_flag[flag]] = items[at]
                at += 1
            else:
                values[by_flag[flag]] = True
    return values


def parser_of(function: Function, options: list[Option] | None = None) -> Parser:
    """The command line that typer and fire make of a signature, or click of its options."""
    parser = Parser()
    if options is not None:
        for option in reversed(options):
            declare(parser, option)
        return parser
    parameters = function.node.args
    positional = [*parameters.posonlyargs, *parameters.args]
    first_default = len(positional) - len(parameters.defaults)
    for at, one in enumerate(positional):
        flag = f"--{one.arg.replace('_', '-')}"
        names = (flag, f"--{one.arg}") if at >= first_default else (one.arg, flag)
        default = parameters.defaults[at - first_default] if at >= first_default else None
        parser.options[one.arg] = (names, _default(default))
    return parser


def _default(node: ast.expr | None) -> Known:
    """A default as it is written, also within `typer.Option("dev")`."""
    inner = node.args[0] if isinstance(node, ast.Call) and node.args else node
    if inner is None:
        return None
    return inner.value if isinstance(inner, ast.Constant) else Unknown()


def _is_option(flags: tuple[str, ...]) -> bool:
    return bool(flags) and flags[0].startswith("-")


def _is_flag(item: Known, by_flag: dict[str, str]) -> bool:
    return isinstance(item, str) and item.partition("=")[0] in by_flag
