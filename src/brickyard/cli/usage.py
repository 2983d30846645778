"""Wrong calls below `bundle`, in the few words that scripts of the official CLI look for.

The first line says what is wrong, the usage follows. Values of flags that are either on or off may
be spelled out too: `--auto-approve=true`.
"""

from __future__ import annotations

from typing import Final

import click

TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
NOWHERE: Final = click.Context(click.Command("none"))  # where commands are only looked up
FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def spelled_out(command: click.Command, arguments: list[str]) -> list[str]:
    """The arguments with `--flag=true` as `--flag`, and without `--flag=false`."""
    made: list[str] = []
    for at, word in enumerate(arguments):
        if word == "--":
            return [*made, *arguments[at:]]
        if isinstance(command, click.Group) and word in command.list_commands(NOWHERE):
            found = command.get_command(NOWHERE, word)
            return [*made, word, *spelled_out(found, arguments[at + 1 :])] if found else arguments
        name, equals, value = word.partition("=")
        if not (equals and _is_switch(command, name)):
            made.append(word)
        elif value in TRUE:
            made.append(name)
        elif value not in FALSE:
            made.append(word)  # refused when it is read
    return made


def official_words(error: click.UsageError) -> str:
    """What is wrong with the call, as the official CLI begins to say it."""
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        if name.startswith("--"):
            return f"unknown flag: {name}"
        return f"unknown shorthand flag: '{name[1:]}' in {name}"
    if isinstance(error, click.BadOptionUsage) and "requires an argument" in error.message:
        name = error.option_name
        return f"flag needs an argument: {name if name.startswith('--') else _short(name)}"
    if isinstance(error, click.BadOptionUsage):
        return f'invalid argument for "{error.option_name}" flag: it is on, or true or false'
    if isinstance(error, click.MissingParameter):
        return _missing(error)
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_value(error, error.param)
    if error.message.startswith("Got unexpected extra argument") and error.ctx is not None:
        return _too_many(error.message, error.ctx)
    return error.format_message()


def _is_switch(command: click.Command, name: str) -> bool:
    return any(
        isinstance(one, click.Option) and one.is_flag and name in one.opts for one in command.params
    )


def _short(name: str) -> str:
    return f"'{name[1:]}' in {name}"


def _missing(error: click.MissingParameter) -> str:
    param = error.param
    if isinstance(param, click.Option):
        return f'required flag(s) "{max(param.opts, key=len).lstrip("-")}" not set'
    context = error.ctx
    if context is None or not isinstance(param, click.Argument):
        return error.format_message()
    places = _arguments(context.command)
    given = places.index(param)
    return f"accepts {len(places)} arg(s), received {given}"


def _bad_value(error: click.BadParameter, param: click.Parameter) -> str:
    names = ", ".join(sorted(param.opts, key=len))
    if isinstance(param.type, click.Choice):
        quoted = error.message.partition("'")[2].partition("'")[0]
        *words, last = (str(one) for one in param.type.choices)
        known = f"{', '.join(words)} and {last}" if words else last
        return f'invalid argument "{quoted}" for "{names}" flag: accepted arguments are {known}'
    return f'invalid argument for "{names}" flag: {error.message}'


def _too_many(message: str, context: click.Context) -> str:
    words = message.partition("(")[2].rstrip(")").split()
    most = len(_arguments(context.command))
    if not most:
        return f'unknown command "{words[0]}" for "{context.command_path}"'
    return f"accepts at most {most} arg(s), received {most + len(words)}"


def _arguments(command: click.Command) -> list[click.Argument]:
    return [one for one in command.params if isinstance(one, click.Argument)]
