"""Model versions made by a release itself: registered from a logged model, or copied.

The artifacts go through MLflow's own client, in a process of its own for each workspace: it takes
four seconds to import, and reads one workspace's address from its surroundings. It is needed only
here: `pip install mlflow`. A version says in its comment where it comes from; one that does is
taken instead of being made twice.

    python -m brickyard.release.model_copies get models:/staging.quality.agent/3 FOLDER
    python -m brickyard.release.model_copies put SOURCE prod.quality.agent COMMENT
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from brickyard.deploy import Project
from brickyard.release.faults import StepFailed

MODELS: Final = "/api/2.1/unity-catalog/models"
LIMIT_S: Final = 3600.0


def copy_version(
    project: Project, source: Project, name: str, origin: Mapping[str, str]
) -> tuple[str, bool]:
    """The version of `name` that is a copy of the origin's, and whether it was made now."""
    comment = f"copied from {origin['model']} version {origin['version']}"
    found = _version_saying(project, name, comment)
    if found:
        return found, False
    with tempfile.TemporaryDirectory(prefix="brickyard-model-") as folder:
        uri = f"models:/{origin['model']}/{origin['version']}"
        got = _mlflow(source, "get", uri, folder)
        return str(_mlflow(project, "put", str(got["path"]), name, comment)["version"]), True


def register_source(project: Project, name: str, source: str, description: str) -> tuple[str, bool]:
    """The version of `name` registered from a logged model, and whether it was made now."""
    comment = f"{description} (from {source})" if description else f"from {source}"
    found = _version_saying(project, name, comment)
    if found:
        return found, False
    return str(_mlflow(project, "put", source, name, comment)["version"]), True


def _version_saying(project: Project, name: str, comment: str) -> str:
    versions = project.workspace.pages(f"{MODELS}/{quote(name)}/versions", "model_versions")
    found = [
        int(one["version"])
        for one in versions
        if one.get("comment") == comment and one.get("status", "READY") == "READY"
    ]
    return str(max(found)) if found else ""


def _mlflow(project: Project, *arguments: str) -> dict[str, Any]:
    token = dict(project.workspace.authorize()).get("Authorization", "").removeprefix("Bearer ")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DATABRICKS_")}
    surroundings = {
        **kept,
        "DATABRICKS_HOST": project.workspace.host,
        "DATABRICKS_TOKEN": token,
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": "databricks-uc",
    }
    ended = subprocess.run(
        [sys.executable, "-m", __name__, *arguments],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise StepFailed(f"MLflow could not {arguments[0]} {arguments[1]}: {last}")
    found = json.loads(ended.stdout.strip().splitlines()[-1])
    assert isinstance(found, dict)
    return found


def main(arguments: list[str]) -> int:
    """The other side, where MLflow is imported."""
    try:
        import mlflow
    except ImportError:
        print("it is not installed: pip install mlflow", file=sys.stderr)
        return 1
    if arguments[0] == "get":
        path = mlflow.artifacts.download_artifacts(arguments[1], dst_path=arguments[2])
        print(json.dumps({"path": str(Path(path).resolve())}))
        return 0
    source, name, comment = arguments[1:]
    client = mlflow.MlflowClient()
    if Path(source).is_dir():
        made = client.create_model_version(name, source, description=comment)
    else:
        made = mlflow.register_model(source, name)
        client.update_model_version(name, made.version, description=comment)
    print(json.dumps({"version": str(made.version)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
