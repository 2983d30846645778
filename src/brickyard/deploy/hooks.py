"""`experimental.scripts`: the user's own commands before and after the steps of a deploy.

Each runs in a shell in the bundle's folder; its output is shown line by line, and a non-zero end
stops the deploy.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

from brickyard.deploy.project import Project

RESTRICTED = "DATABRICKS_BUNDLE_RESTRICTED_CODE_EXECUTION"


class HookFailed(Exception):
    """A script ended badly, or may not run here."""


def run_hook(project: Project, name: str, say: Callable[[str], None]) -> None:
    """Run `experimental.scripts.<name>` if the bundle has it. Raises `HookFailed`."""
    command = project.text(f"experimental.scripts.{name}")
    if not command:
        return
    if project.environment.get(RESTRICTED):
        raise HookFailed(f"cannot run script {name}: running code is restricted here")
    say(f"Executing '{name}' script")
    shell = shutil.which("bash") or shutil.which("sh") or "sh"
    process = subprocess.Popen(
        [shell, "-e", "-c", command],
        cwd=project.root,
        env=dict(project.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            say(line.rstrip("\n"))
    ended = process.wait()
    if ended != 0:
        raise HookFailed(f"script {name} ended with exit code {ended}")
