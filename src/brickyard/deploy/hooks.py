"""`experimental.scripts`: the user's own commands before and after the steps of every command.

Each runs in a shell in the bundle's folder. What it printed is shown line by line, its errors last,
and a non-zero end stops the command. `preinit` runs before the includes are read: it may write
them. Follows `bundle/scripts` of the official CLI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brickyard.values import Diagnostic, Location, Value, error

if TYPE_CHECKING:
    from brickyard.deploy.project import Project

RESTRICTED: Final = "DATABRICKS_BUNDLE_RESTRICTED_CODE_EXECUTION"


class HookFailed(Exception):
    """A script ended badly, or may not run here. `path` and `at` say where it is written."""

    def __init__(self, message: str, path: str = "", at: Location | None = None) -> None:
        super().__init__(message + (f"\n  at {path}\n  in {at}" if path else ""))
        self.summary = message
        self.path = path
        self.at = at

    def diagnostic(self) -> Diagnostic:
        """The same as a finding."""
        places = (self.at,) if self.at is not None else ()
        return error("deploy/hook", self.summary, "Correct the script.", path=self.path, at=places)


def run_hook(project: Project, name: str, say: Callable[[str], None]) -> None:
    """Run `experimental.scripts.<name>` if the bundle has it. Raises `HookFailed`."""
    run_script_of(project.resolved.tree, name, project.root, project.environment, say)


def run_script_of(
    tree: Value,
    name: str,
    folder: Path,
    environment: Mapping[str, str],
    say: Callable[[str], None],
) -> bool:
    """The same for a tree that is not resolved yet; true when there was such a script."""
    command = tree.get(("experimental", "scripts", name))
    if command is None or not command.text:
        return False
    if environment.get(RESTRICTED):
        raise HookFailed(
            f"failed to execute script: running scripts is not allowed when {RESTRICTED} is set",
            f"experimental.scripts.{name}",
            command.location,
        )
    say(f"Executing '{name}' script")
    # Its errors go to a file, not into a second pipe: nobody has to read two at once.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(
            shell_words(command.text),
            cwd=folder,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            say(line.strip())
        ended = process.wait()
        errors.seek(0)
        for line in errors:
            say(line.strip())
    if ended != 0:
        raise HookFailed(
            f"failed to execute script: exit status {ended}",
            f"experimental.scripts.{name}",
            command.location,
        )
    return True


def shell_words(command: str, shell: str = "") -> Sequence[str]:
    """The command line of a shell that stops at the first failure; `bash`, else `sh`, else cmd."""
    for name in (shell,) if shell else ("bash", "sh"):
        found = shutil.which(name)
        if found is not None:
            return ("cmd.exe", "/C", command) if name == "cmd" else (found, "-e", "-c", command)
    if os.name == "nt" and not shell:
        return ("cmd.exe", "/C", command)
    raise HookFailed(f"there is no {shell or 'bash or sh'} on PATH to run a script with")
