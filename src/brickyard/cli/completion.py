"""`brickyard completion SHELL`: the script that teaches a shell to complete our commands."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import get_completion_class


@click.command(help='Print shell completion. Load it with: eval "$(brickyard completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "brickyard", "_BRICKYARD_COMPLETE").source())


def complete_resources(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Keys of the bundle's resources, read from its files; nothing when they can't be read."""
    return resource_keys(ctx, incomplete, kind=None)


def resource_keys(ctx: click.Context, incomplete: str, *, kind: str | None) -> list[str]:
    """Keys that begin so, of one type of resource or of all."""
    from pathlib import Path

    from brickyard.deploy import load_project

    target: Any = ctx.params.get("target")
    try:
        resources = load_project(Path.cwd(), target).resolved.resources
    except Exception:  # a completion has nowhere to say what is wrong
        return []
    keys = [one.key for one in resources if kind in (None, one.type)]
    return sorted(key for key in keys if keys.count(key) == 1 and key.startswith(incomplete))
