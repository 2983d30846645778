"""Running a script of the bundle, or any command, as whoever deploys to the target.

The child finds the workspace and its token in the environment, under the names that every
Databricks tool reads, and the target in `DATABRICKS_BUNDLE_TARGET`. What authenticated this process
by other means is taken out, so that the child has one way to authenticate and not two.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from brickyard.deploy.connect import connect
from brickyard.deploy.hooks import shell_words
from brickyard.deploy.http import Workspace
from brickyard.deploy.project import Project
from brickyard.deploy.run import RunRefused
from brickyard.deploy.state import go_json
from brickyard.values import Value

# What the SDK's Config reads from the environment to authenticate.
AUTHENTICATION: Final = frozenset(
    {
        "ARM_CLIENT_ID",
        "ARM_CLIENT_SECRET",
        "ARM_ENVIRONMENT",
        "ARM_TENANT_ID",
        "ARM_USE_MSI",
        "DATABRICKS_ACCOUNT_ID",
        "DATABRICKS_AUTH_TYPE",
        "DATABRICKS_AZURE_RESOURCE_ID",
        "DATABRICKS_CLIENT_ID",
        "DATABRICKS_CLIENT_SECRET",
        "DATABRICKS_CONFIG_PROFILE",
        "DATABRICKS_GOOGLE_SERVICE_ACCOUNT",
        "DATABRICKS_HOST",
        "DATABRICKS_PASSWORD",
        "DATABRICKS_TOKEN",
        "DATABRICKS_USERNAME",
        "GOOGLE_CREDENTIALS",
    }
)


def is_script(project: Project, name: str) -> bool:
    """Whether the bundle has a script of this name."""
    return name in (project.resolved.tree.get("scripts") or Value({})).items


def run_script(project: Project, name: str) -> int:
    """Run `scripts.<name>` in the bundle's root, on this terminal; its exit code."""
    script = (project.resolved.tree.get("scripts") or Value({})).items[name]
    own = script.child("env")
    values = {key: value.text for key, value in (own.items if own is not None else {}).items()}
    content = script.child("content")
    words = shell_words(content.text if content is not None else "")
    return _run(words, project.root, {**child_environment(project), **values})


def run_command(project: Project, words: Sequence[str], folder: Path) -> int:
    """Run any command in `folder`, on this terminal; its exit code."""
    return _run(words, folder, child_environment(project))


def child_environment(project: Project) -> Mapping[str, str]:
    """This process's environment, with one way to authenticate and the target in it."""
    client = project.client or connect(project.address, project.environment, project.embedded)
    kept = {
        name: value for name, value in project.environment.items() if name not in AUTHENTICATION
    }
    made = {**kept, "DATABRICKS_HOST": client.host, **_token(client)}
    if project.resolved.target:
        made["DATABRICKS_BUNDLE_TARGET"] = project.resolved.target
    profile = project.text("workspace.profile")
    return {**made, "DATABRICKS_CONFIG_PROFILE": profile} if profile else made


def _token(client: Workspace) -> Mapping[str, str]:
    kind, _, token = client.authorize().get("Authorization", "").partition(" ")
    return {"DATABRICKS_TOKEN": token} if kind == "Bearer" else {}


def _run(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    try:
        ended = subprocess.run(words, cwd=folder, env=dict(environment), check=False)
    except FileNotFoundError as missing:
        name = go_json(words[0])
        raise RunRefused(
            f"looking up {name} failed: exec: {name}: executable file not found in $PATH"
        ) from missing
    except PermissionError as forbidden:
        raise RunRefused(f"cannot run {words[0]}: it may not be executed") from forbidden
    # Ended by a signal: the code that a shell would give.
    return ended.returncode if ended.returncode >= 0 else 128 - ended.returncode
