"""From an exception to an exit code and one line on stderr.

Errors of the user and of the world are said in a line that names the way out; our own bugs keep
their traceback.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import click

INTERRUPTED = 130


class Refused(Exception):
    """A command that cannot go on for a reason it can state. `exit_code` is what main returns."""

    def __init__(self, message: str = "", *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def guarded(work: Callable[[], object]) -> int:
    """Run `work`; say what went wrong; return the exit code."""
    try:
        ended = work()
    except Refused as refusal:
        if str(refusal):
            say_error(str(refusal))
        return refusal.exit_code
    except click.ClickException as error:
        _show_usage(error)
        say_error(error.format_message())
        return 1  # click's own 2 would read as "there are changes" after --detailed-exitcode
    except click.exceptions.Exit as ended_early:
        return ended_early.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        if _show_broken(error):
            return 1
        if not _is_of_the_world(error):
            raise
        say_error(str(error))
        return 1
    return ended if isinstance(ended, int) else 0


def end_gently() -> None:
    """Treat a request to terminate like Ctrl-C: finish the calls in flight, record, unlock."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def say_error(message: str) -> None:
    mark = click.style("Error:", fg="red", bold=True) if sys.stderr.isatty() else "Error:"
    click.echo(f"{mark} {message}", err=True)


def _show_usage(error: click.ClickException) -> None:
    """How the command is called, when it was called wrongly."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
        click.echo(f"Try '{error.ctx.command_path} --help' for help.\n", err=True)


def _show_broken(error: Exception) -> bool:
    """Findings of a bundle that turned out broken after it was opened."""
    deploy = sys.modules.get("brickyard.deploy")
    if deploy is None or not isinstance(error, deploy.BrokenBundle):
        return False
    from pathlib import Path

    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.deploy.disk import DiskFiles

    root = deploy.find_root(Path.cwd(), os.environ)
    show_diagnostics(error.diagnostics, DiskFiles(root))
    return True


def _is_of_the_world(error: Exception) -> bool:
    """Whether the deploy room raises this kind for things outside the program."""
    deploy = sys.modules.get("brickyard.deploy")
    kinds: tuple[type[Exception], ...] = getattr(deploy, "WORLD_ERRORS", ())
    return isinstance(error, kinds)
