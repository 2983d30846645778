"""Wrong calls below `bundle`, in the few words that scripts of the official CLI look for.

The first line says what is wrong, the usage follows. Values of flags that are either on or off may
be spelled out too: `--auto-approve=true`.
"""

from __future__ import annotations

from typing import Final

import click

from brickyard.cli.flag_values import FALSE, TRUE

NOWHERE: Final = click.Context(click.Command("none"))  # where commands are only looked up


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
    param = error.param if isinstance(error, click.MissingParameter) else None
    if isinstance(param, click.Option):
        return f'required flag(s) "{max(param.opts, key=len).lstrip("-")}" not set'
    return error.format_message()


def shows_usage(error: click.UsageError) -> bool:
    """Whether the usage follows: not where the flags are right, and one is missing or too many."""
    return error.ctx is not None and not isinstance(error, click.MissingParameter | WrongFlags)


class WrongFlags(click.UsageError):
    """Flags that are each right, and do not go together."""


def _is_switch(command: click.Command, name: str) -> bool:
    return any(
        isinstance(one, click.Option) and one.is_flag and name in one.opts for one in command.params
    )
