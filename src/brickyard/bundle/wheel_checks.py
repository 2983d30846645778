"""Runtimes too old for local libraries, unless their wheels are wrapped in notebooks.

Only what is written in the bundle is judged; `deploy/existing_clusters.py` asks for the runtimes of
clusters that are there.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.path_fields import tasks_of
from brickyard.bundle.references import is_pure, names_in
from brickyard.bundle.resolved import Library
from brickyard.values import Diagnostic, Location, Path, Value, error, show

OLDEST: Final = (13, 1)
NEWEST_MINOR: Final = 99  # `13.x` is the latest of 13
LIBRARIES: Final = ("whl", "jar")


def check_runtimes(draft: Draft) -> Draft:
    """Errors for each such task. Reads: resources, with translated paths, and `experimental`."""
    wraps = draft.tree.get("experimental.python_wheel_wrapper")
    if wraps is not None and wraps.data is True:
        return draft
    local = local_libraries(draft.libraries)
    found: list[Diagnostic] = []
    for key, job in draft.each("jobs"):
        clusters = job.child("job_clusters")
        by_key = {
            _text(one.child("job_cluster_key")): one.get("new_cluster.spark_version")
            for one in (clusters.elements if clusters is not None else ())
        }
        for at, task in tasks_of(job):
            where: Path = ("resources", "jobs", key, *at)
            if takes_local_libraries(where, local):
                found.extend(_too_old(draft, task, where, by_key))
    return draft.noting(*found, *([needs_newer()] if found else ()))


def local_libraries(libraries: Iterable[Library]) -> frozenset[str]:
    """The tasks that hold local libraries, and the jobs whose environments do."""
    cut = re.compile(r"(\.libraries|\.environments)\[.*")
    return frozenset(cut.sub("", library.path) for library in libraries)


def takes_local_libraries(task: Path, local: Container[str]) -> bool:
    """Environments count for every task of their job, as they do for the official CLI."""
    return show(task) in local or show(task[:3]) in local


def needs_newer() -> Diagnostic:
    """What to do about the tasks and clusters that are too old."""
    return error(
        "bundle/old-runtime",
        "Python wheel tasks require compute with DBR 13.3+ to include local libraries. Please"
        " change your cluster configuration or use the experimental 'python_wheel_wrapper'"
        " setting. See https://docs.databricks.com/dev-tools/bundles/python-wheel.html for more"
        " information.",
        "The tasks and clusters are named above.",
        path="experimental.python_wheel_wrapper",
    )


def _too_old(
    draft: Draft, task: Value, where: Path, by_key: dict[str, Value | None]
) -> Iterator[Diagnostic]:
    key = _text(task.child("task_key"))
    cluster = _text(task.child("job_cluster_key"))
    for version, said in (
        (task.get("new_cluster.spark_version"), f"task {key} uses cluster with incompatible"),
        (by_key.get(cluster), f"job cluster {cluster} uses incompatible"),
        (_of_cluster(draft, task), f"task {key} uses cluster with incompatible"),
    ):
        if version is not None and is_too_old(version.text):
            yield too_old(said, version.text, where, (*version.locations, *task.locations))
            return


def too_old(said: str, version: str, where: Path, places: Iterable[Location]) -> Diagnostic:
    """A task or cluster that takes no local libraries."""
    return error(
        "bundle/old-runtime",
        f"{said} DBR version {version}",
        "It takes no local libraries: choose a newer `spark_version`, or set"
        " `experimental: {python_wheel_wrapper: true}`.",
        path=show(where),
        at=tuple(places),
    )


def _of_cluster(draft: Draft, task: Value) -> Value | None:
    """The runtime of a cluster that the bundle makes, when the task refers to one."""
    id = _text(task.child("existing_cluster_id"))
    way = names_in(id)[0].split(".") if is_pure(id) else []
    if way[:2] != ["resources", "clusters"] or len(way) < 3:
        return None
    return draft.tree.get(("resources", "clusters", way[2], "spark_version"))


def is_too_old(version: str) -> bool:
    """Whether a runtime is older than 13.1; what does not read as a version is not."""
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    number = str(NEWEST_MINOR) if minor[:1] == "x" else minor
    if not (major.isdigit() and number.isdigit()):
        return False
    return (int(major), int(number)) < OLDEST


def _text(value: Value | None) -> str:
    return value.text if value is not None else ""
