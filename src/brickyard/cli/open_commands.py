"""`open`: a deployed resource in the browser, or its address where there is no browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from brickyard.cli.completion import complete_resources
from brickyard.cli.dialect import is_official
from brickyard.cli.failures import Refused
from brickyard.cli.project_options import FORCE_PULL, Chosen, connect, project_options

if TYPE_CHECKING:
    from brickyard.deploy.summary import Item


@click.command(name="open")
@click.argument("key", required=False, shell_complete=complete_resources)
@project_options
@FORCE_PULL
def open_(chosen: Chosen, *, key: str | None, force_pull: bool) -> None:
    """Open the resource KEY in the browser; asks for one when none is named.

    The variable BROWSER names the program to use; with `none`, and where there is no display, the
    address is printed instead.
    """
    from brickyard.deploy.summary import summarise

    project = connect(chosen, quiet=True)
    items = summarise(project, project.store.pull().state)
    item = found(items, key) if key is not None else _asked_for(items)
    if not item.url:
        raise Refused("resource does not have a URL associated with it (has it been deployed?)")
    command = opener(os.environ, sys.platform)
    if command is None:
        click.echo("Open this URL in your browser:", err=True)
        click.echo(item.url, err=is_official())
        return
    click.echo(f"Opening browser at {item.url}", err=True)
    if is_official() and os.environ.get("BROWSER"):  # it may be any shell command
        line = f'"{command[0]}" "{item.url}"'
        command = [shutil.which("bash") or "sh", "-c", line]
    else:
        command = [*command, item.url]
    try:
        ended = subprocess.run(command, check=False)
    except OSError as error:
        raise Refused(f"cannot start {command[0]}: {error.strerror}") from error
    if ended.returncode:
        status = f"exit status {ended.returncode}"
        raise Refused(status if is_official() else f"{command[0]}: {status}")


def found(items: Sequence[Item], key: str) -> Item:
    """The item of this key, or of `type.key`. Raises `Refused`."""
    fits = [item for item in items if item.key == key]
    fits = fits or [item for item in items if f"{item.type}.{item.key}" == key]
    if not fits:
        raise Refused(f'resource with key "{key}" not found')
    if len(fits) > 1:
        names = ", ".join(f"{item.type}.{item.key}" for item in fits)
        raise Refused(f'multiple resources with key "{key}" found: name one of {names}')
    return fits[0]


def opener(environment: Mapping[str, str], platform: str) -> list[str] | None:
    """The command that opens an address here; None when it has to be printed."""
    chosen = environment.get("BROWSER", "")
    if chosen:
        return None if chosen == "none" else [chosen]
    if platform == "darwin":
        return ["open"]
    if platform == "win32":
        return ["rundll32", "url.dll,FileProtocolHandler"]
    has_display = any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    names = ["xdg-open", "x-www-browser", "www-browser"] if has_display else ["wslview"]
    return next(([name] for name in names if shutil.which(name)), None)


def _asked_for(items: Sequence[Item]) -> Item:
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        raise Refused("expected a KEY of the resource to open")
    if not items:
        raise Refused("the bundle has no resources to open")
    click.echo("Resource to open:", err=True)
    for number, item in enumerate(items, 1):
        click.echo(f"  {number}. {item.title}: {item.name or item.key}", err=True)
    number = click.prompt("Number", type=click.IntRange(1, len(items)), err=True)
    return items[number - 1]
