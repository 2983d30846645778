"""Model versions made by a release itself: registered from a logged model, or copied.

The artifacts go through MLflow's own client, in a process of its own for each workspace: it takes
four seconds to import, and reads one workspace's address from its surroundings. It is needed only
here: `pip install mlflow`. It ends when the command does. A version says in its comment where it
comes from, from the moment it exists: one that does is taken instead of being made twice, and what
a killed command left half made is removed.

    python -m brickyard.release.model_copies get models:/staging.quality.agent/3 FOLDER
    python -m brickyard.release.model_copies put SOURCE prod.quality.agent COMMENT
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final
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


def origin_of(source: Project, name: str, version: str) -> dict[str, str]:
    """Where a copied version comes from: the version, and the run and model that logged it."""
    found = source.workspace.get(f"{MODELS}/{quote(name)}/versions/{version}")
    lineage = {key: str(found[key]) for key in ("run_id", "model_id") if found.get(key)}
    return {"model": name, "version": version, **lineage}


def _version_saying(project: Project, name: str, comment: str) -> str:
    """The newest whole version with this comment; what is not whole is removed."""
    path = f"{MODELS}/{quote(name)}/versions"
    ours = [
        one
        for one in project.workspace.pages(path, "model_versions")
        if one.get("comment") == comment
    ]
    whole = [int(one["version"]) for one in ours if one.get("status", "READY") == "READY"]
    for one in ours:
        if one.get("status", "READY") != "READY":
            project.workspace.call("DELETE", f"{path}/{one['version']}")
    return str(max(whole)) if whole else ""


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
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # Its standard input stays open as long as this process lives: it ends with us.
        child = subprocess.Popen(
            [sys.executable, "-m", __name__, *arguments],
            env=surroundings,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
        )
        try:
            code = child.wait(timeout=LIMIT_S)
        finally:
            child.kill()
            child.communicate()
        said, told = (_text(one) for one in (out, err))
    if code != 0:
        last = (told.strip().splitlines() or ["no reason given"])[-1]
        raise StepFailed(f"MLflow could not {arguments[0]} {arguments[1]}: {last}")
    found = json.loads(said.strip().splitlines()[-1])
    assert isinstance(found, dict)
    return found


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def main(arguments: list[str]) -> int:
    """The other side, where MLflow is imported."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
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
    model = source.removeprefix("models:/") if source.startswith("models:/m-") else None
    run = source.removeprefix("runs:/").split("/")[0] if source.startswith("runs:/") else None
    made = client.create_model_version(
        name, source, run_id=run, description=comment, model_id=model
    )
    if model is not None:
        _tell_logged_model(client, model, name, str(made.version))
    print(json.dumps({"version": str(made.version)}))
    return 0


def _tell_logged_model(client: Any, model: str, name: str, version: str) -> None:
    """Note at the logged model what was registered from it, as `mlflow.register_model` does."""
    tag = "mlflow.modelVersions"
    known = json.loads(client.get_logged_model(model).tags.get(tag) or "[]")
    made = [*known, {"name": name, "version": version}]
    client.set_logged_model_tags(model, {tag: json.dumps(made)})


def _end_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
