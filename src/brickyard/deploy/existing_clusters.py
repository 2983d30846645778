"""Tasks with local libraries on clusters that are there already: their runtimes are asked for.

What the bundle itself says of runtimes is judged while it is resolved (`bundle/wheel_checks.py`).
A cluster that cannot be asked is taken for new enough, as the official CLI takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from brickyard.bundle import Resolved, tasks_of
from brickyard.bundle.wheel_checks import (
    is_too_old,
    local_libraries,
    needs_newer,
    takes_local_libraries,
    too_old,
)
from brickyard.deploy.http import ApiFailure, Workspace
from brickyard.values import Diagnostic, Path, Value


def check_existing_clusters(
    resolved: Resolved, client: Workspace, say: Callable[[str], None] | None = None
) -> tuple[Diagnostic, ...]:
    """Errors for clusters too old for local libraries; `say` is told which could not be asked."""
    wraps = resolved.tree.get("experimental.python_wheel_wrapper")
    if wraps is not None and wraps.data is True:
        return ()
    found = []
    versions: dict[str, str] = {}
    for where, task, cluster in _on_existing(resolved):
        if cluster not in versions:
            versions[cluster] = _version(client, cluster, say)
        if is_too_old(versions[cluster]):
            key = task.child("task_key")
            said = f"task {key.text if key is not None else ''} uses cluster with incompatible"
            found.append(too_old(said, versions[cluster], where, task.locations))
    return (*found, needs_newer()) if found else ()


def _on_existing(resolved: Resolved) -> Iterator[tuple[Path, Value, str]]:
    """Tasks with local libraries, and the cluster they name by its id."""
    local = local_libraries(resolved.libraries)
    for key, job in (resolved.tree.get("resources.jobs") or Value({})).items.items():
        for at, task in tasks_of(job):
            where: Path = ("resources", "jobs", key, *at)
            cluster = task.child("existing_cluster_id")
            if cluster is None or not cluster.text or cluster.text.startswith("${"):
                continue
            if takes_local_libraries(where, local):
                yield where, task, cluster.text


def _version(client: Workspace, cluster: str, say: Callable[[str], None] | None) -> str:
    try:
        got = client.get("/api/2.1/clusters/get", {"cluster_id": cluster})
    except ApiFailure as failure:
        if say is not None:
            said = failure.message
            say(f"Warn: unable to get spark version for cluster {cluster}, err: {said}")
        return ""
    return str(got.get("spark_version") or "")
