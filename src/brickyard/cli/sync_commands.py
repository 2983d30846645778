"""`sync`: the bundle's files in the workspace, once or while you edit."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from brickyard.cli.dialect import is_official
from brickyard.cli.failures import end_gently, say_error
from brickyard.cli.flag_values import BadValue, duration
from brickyard.cli.project_options import FORCE_LOCK, Chosen, connect, project_options

if TYPE_CHECKING:
    from brickyard.deploy.sync import Changes


class Duration(click.ParamType[float]):
    """A duration as Go writes it (`1s`, `500ms`, `1m30s`), in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            return duration(value)
        except BadValue as fault:
            self.fail(f"{fault}: write 1s, 500ms or 1m30s", param, ctx)


@click.command()
@project_options
@click.option("--watch", is_flag=True, help="Go on until interrupted, sending what changes.")
@click.option(
    "--interval",
    type=Duration(),
    default="1s",
    show_default=True,
    help="How often to look for changes, with --watch.",
)
@click.option("--full", is_flag=True, help="Send every file, changed or not.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
@FORCE_LOCK
def sync(
    chosen: Chosen, *, watch: bool, interval: float, full: bool, dry_run: bool, force_lock: bool
) -> None:
    """Upload the bundle's changed files, and remove what was uploaded and is gone here.

    Resources are left as they are: that is what `deploy` is for. With `-o text` or `-o json`
    every file is named as it goes.
    """
    from brickyard.cli.live import say
    from brickyard.deploy.syncing import How
    from brickyard.deploy.syncing import sync as sync_once
    from brickyard.deploy.syncing import watch as keep_synchronised

    if watch and interval <= 0:
        raise click.BadParameter("must be more than nothing", param_hint="--interval")
    end_gently()
    project = connect(chosen, quiet=True)
    if dry_run:
        click.echo("Warn: Running in dry-run mode. No actual changes will be made.", err=True)
    source = click.get_current_context().get_parameter_source("output")
    shows = chosen.output if source is ParameterSource.COMMANDLINE else ""
    events = shown_events(shows, dry_run=dry_run)
    how = How(full=full, dry_run=dry_run, force_lock=force_lock)
    if not watch:
        sync_once(project, events, how, say=say)
        return
    if not is_official():
        say(f"Watching {project.sync_rules.root}; press Ctrl-C to end")
    with suppress(KeyboardInterrupt):
        keep_synchronised(project, events, how, interval_s=interval, say=say)


def shown_events(shows: str, *, dry_run: bool) -> Any:
    """Shows each step as text or JSON lines on stdout; else only how many, on stderr.

    Below `bundle` nothing else.
    """
    from brickyard.deploy.syncing import Events

    lock = threading.Lock()
    is_brief = is_official()

    class Shown(Events):
        """`seq` counts the rounds in which something was done, the first one included."""

        seq = 0

        def started(self, changes: Changes) -> None:
            self._line("start", _listed(changes), self._action(changes))

        def progress(self, action: str, name: str, progress: float) -> None:
            word = {"put": "Uploaded", "delete": "Deleted"}[action]
            data = {"action": action, "path": name, "progress": int(progress)}
            self._line("progress", data, f"{word} {name}" if progress >= 1 else "")

        def completed(self, changes: Changes) -> None:
            text = "Complete" if self.seq else "Initial Sync Complete"
            self._line("complete", _listed(changes), text)
            self.seq += 1
            if not shows and not dry_run and not is_brief:
                counts = f"{len(changes.put)} uploaded, {len(changes.delete)} deleted"
                click.echo(f"Files: {counts}", err=True)

        def waiting(self) -> None:
            click.echo("A deployment is in progress: the files wait for its end", err=True)

        def failed(self, error: Exception, *, again_in_s: float) -> None:
            say_error(f"{error}; trying again in {again_in_s:.0f} s")

        def _action(self, changes: Changes) -> str:
            listed = _listed(changes)
            parts = [f"{key.upper()}: {', '.join(names)}" for key, names in listed.items()]
            return f"Action: {', '.join(parts)}" if parts else ""

        def _line(self, kind: str, data: dict[str, Any], text: str) -> None:
            if shows == "json":
                now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
                shared = {"timestamp": now, "seq": self.seq, "type": kind}
                dry = {"dry_run": True} if dry_run else {}
                line = json.dumps({**shared, **dry, **data}, separators=(",", ":"))
            else:
                line = text if shows else ""
            if line:
                with lock:
                    click.echo(line)

    return Shown()


def _listed(changes: Changes) -> dict[str, list[str]]:
    lists = {"put": sorted(file.name for file in changes.put), "delete": sorted(changes.delete)}
    return {name: names for name, names in lists.items() if names}
