"""Command groups that know their commands by name and help, and import one when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

import brickyard
from brickyard.cli.usage import spelled_out

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True, slots=True)
class Listed:
    """A command: its name, `module:function` under `brickyard.cli`, and its one-line help."""

    name: str
    target: str
    help: str

    def load(self) -> click.Command:
        module, _, function = self.target.partition(":")
        try:
            loaded = importlib.import_module(f"brickyard.cli.{module}")
        except ModuleNotFoundError as error:
            if error.name != f"brickyard.cli.{module}":
                raise
            raise click.UsageError(f"`{self.name}` is not in this build of Brickyard") from error
        command = getattr(loaded, function)
        assert isinstance(command, click.Command)
        return command


class FlagsAnywhere(click.Group):
    """A group whose options may stand before the verb: `bundle -t dev deploy`.

    The official CLI's shared options are accepted at every level; they go to the verb here.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ordered = options_behind(args, own={"-h", "--help", "--version"})
        return super().parse_args(ctx, spelled_out(self, ordered))


WITH_VALUE = frozenset(
    {
        *("-t", "--target", "-e", "--environment", "-p", "--profile", "-o", "--output", "--var"),
        *("--key", "--log-level", "--log-file", "--log-format"),
    }
)


def options_behind(args: list[str], *, own: set[str]) -> list[str]:
    """The arguments with the options in front of the verb moved behind it."""
    at = 0
    while at < len(args) and args[at].startswith("-") and args[at] not in own and args[at] != "--":
        at += 2 if args[at] in WITH_VALUE else 1
    if at == 0 or at >= len(args):
        return args
    return [args[at], *args[:at], *args[at + 1 :]]


class CommandTable(FlagsAnywhere):
    """A group over a table of `Listed` commands, shown in sections."""

    def __init__(
        self,
        *,
        sections: Sequence[tuple[str, Sequence[Listed]]],
        unlisted: Sequence[Listed] = (),
        has_version: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(context_settings=CONTEXT, no_args_is_help=True, **options)
        self.sections = sections
        self._listed = {item.name: item for _, items in sections for item in items}
        self._known = self._listed | {item.name: item for item in unlisted}
        if has_version:
            version = click.version_option(brickyard.__version__, message="brickyard %(version)s")
            version(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        listed = self._known.get(cmd_name)
        return listed.load() if listed else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self._known:
            from difflib import get_close_matches

            near = get_close_matches(name, self._listed, n=1)
            hint = f": did you mean `{near[0]}`?" if near else f". See `{ctx.command_path} --help`"
            raise click.UsageError(f"there is no command `{name}`{hint}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(item.name, help=item.help)
            for item in self._listed.values()
            if item.name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, items in self.sections:
            with formatter.section(title):
                formatter.write_dl([(item.name, item.help) for item in items])
