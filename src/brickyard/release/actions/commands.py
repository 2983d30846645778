"""Tests as a step: a command in the commit's own folder, whose exit code counts."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.release.faults import GateFailed, StepFailed

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep

LIMIT_S: Final = 1800.0
SHOWN_LINES: Final = 15


def run_tests(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Run the command; anything but exit code 0 closes the gate.

    It sees the environment released to: host, token, target, environment and catalog-free names.
    """
    if rollout.folder is None:
        raise StepFailed(f"{step.name}: there is no folder to run it in")
    words = step.subject if isinstance(step.subject, list) else shlex.split(str(step.subject))
    limit_s = float(step.options.get("timeout_s") or LIMIT_S)
    try:
        ended = subprocess.run(
            [str(word) for word in words],
            cwd=rollout.folder,
            env=surroundings(rollout),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GateFailed(f"the tests `{step.name}` did not end within {limit_s:.0f} s") from None
    except OSError as fault:
        raise GateFailed(f"the tests `{step.name}` could not be run: {fault}") from fault
    last = ended.stdout.splitlines()[-SHOWN_LINES:]
    summary = last[-1].strip() if last else ""
    verdict = "holds" if ended.returncode == 0 else "fails"
    rollout.note(gate=[f"{verdict}: {step.name} (exit code {ended.returncode})"])
    if ended.returncode != 0:
        for line in last:
            rollout.say(step.name, line)
        raise GateFailed(
            f"the gate `{step.name}` is closed: `{shlex.join(map(str, words))}` ended with"
            f" {ended.returncode}: {summary}"
        )
    rollout.say(step.name, f"passed{f': {summary}' if summary else ''}")
    return {"exit_code": 0, "summary": summary}


def surroundings(rollout: Rollout) -> dict[str, str]:
    """The caller's variables, and the way to the environment that is released to."""
    project = rollout.project
    token = dict(project.workspace.authorize()).get("Authorization", "").removeprefix("Bearer ")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DATABRICKS_")}
    return {
        **kept,
        "DATABRICKS_HOST": project.workspace.host,
        **({"DATABRICKS_TOKEN": token} if token else {}),
        "BRICKYARD_ENVIRONMENT": rollout.environment,
        "BRICKYARD_TARGET": project.resolved.target,
        "BRICKYARD_COMMIT": rollout.commit,
    }
