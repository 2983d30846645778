"""From an exception to an exit code and one line on stderr.

Errors of the user and of the world are said in a line that names the way out; our own bugs keep
their traceback.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Final

import click

from brickyard.cli.dialect import is_official
from brickyard.cli.json_failures import hear_error
from brickyard.cli.usage import official_words, shows_usage

INTERRUPTED = 130


# A group without a command: the official CLI shows what there is, and nothing is wrong. Click says
# so by an exception since 8.2.
NO_COMMAND: Final = getattr(click.exceptions, "NoArgsIsHelpError", ())


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
        if isinstance(error, NO_COMMAND):
            click.echo(error.format_message())
            return 0
        if is_official() and isinstance(error, click.UsageError):
            _say_official(error)
            return 1
        _show_usage(error)
        say_error(error.format_message())
        return 1  # click's own 2 would read as "there are changes" after --detailed-exitcode
    except click.exceptions.Exit as ended_early:
        return ended_early.exit_code
    except (click.Abort, KeyboardInterrupt):
        hear_error("Interrupted")
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
        say_error(f"{error}{_way_in(error)}")
        return 1
    return ended if isinstance(ended, int) else 0


def _way_in(error: Exception) -> str:
    """What to do about a token that the workspace does not take; empty for any other failure."""
    refuses = getattr(error, "status", 0) in (401, 403) and "access token" in str(error).lower()
    if is_official() or not refuses:
        return ""
    host = str(getattr(error, "url", "")).partition("://")[2].partition("/")[0] or "the workspace"
    return (
        f"\n{host} does not take it: renew DATABRICKS_TOKEN or the profile's token, or name another"
        " profile with --profile."
    )


def end_gently() -> None:
    """Treat a request to terminate like Ctrl-C: finish the calls in flight, record, unlock."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def say_error(message: str) -> None:
    hear_error(message)
    mark = click.style("Error:", fg="red", bold=True) if sys.stderr.isatty() else "Error:"
    click.echo(f"{mark} {message}", err=True)


def _say_official(error: click.UsageError) -> None:
    """What is wrong with a call below `bundle`, then how it is called."""
    say_error(official_words(error))
    if error.ctx is not None and shows_usage(error):
        click.echo(f"\n{error.ctx.get_usage()}", err=True)


def _show_usage(error: click.ClickException) -> None:
    """How the command is called, when it was called wrongly."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
        click.echo(f"Try '{error.ctx.command_path} --help' for help.\n", err=True)


def _show_broken(error: Exception) -> bool:
    """Findings of a bundle that turned out broken after it was opened."""
    deploy = sys.modules.get("brickyard.deploy")
    if deploy is None or not isinstance(error, (deploy.BrokenBundle, deploy.HookFailed)):
        return False
    from pathlib import Path

    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.deploy.disk import DiskFiles

    root = deploy.find_root(Path.cwd(), os.environ)
    hook = isinstance(error, deploy.HookFailed)
    show_diagnostics([error.diagnostic()] if hook else error.diagnostics, DiskFiles(root))
    return True


def _is_of_the_world(error: Exception) -> bool:
    """Whether the deploy room raises this kind for things outside the program."""
    deploy = sys.modules.get("brickyard.deploy")
    kinds: tuple[type[Exception], ...] = getattr(deploy, "WORLD_ERRORS", ())
    return isinstance(error, kinds)
