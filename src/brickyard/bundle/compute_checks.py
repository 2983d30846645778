"""Compute that excludes other compute: what the Jobs and Pipelines APIs refuse together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from brickyard.values import Diagnostic, Path, Value, refusal, show

CLUSTERS: Final = ("new_cluster", "existing_cluster_id", "job_cluster_key")
# Of a pipeline: what only means something with clusters.
CLASSIC: Final = ("clusters",)

Found: TypeAlias = Iterator[Diagnostic]


def check_task_compute(task: Value, at: Path) -> Found:
    """A task runs on one cluster, or serverless in an environment; never on both."""
    given = [name for name in CLUSTERS if _is_given(task.child(name))]
    environment = task.child("environment_key")
    if len(given) > 1:
        yield refusal(
            "bundle/several-computes",
            "task names more than one cluster",
            f"It has {' and '.join(given)}. Keep one.",
            path=show(at),
            at=[place for name in given for place in task.items[name].key_locations],
        )
    if not _is_given(environment):
        return
    if given:
        yield refusal(
            "bundle/serverless-cluster",
            "serverless task names a cluster",
            f"`environment_key` makes it serverless, and it has {' and '.join(given)} too. For a"
            f" cluster remove `environment_key`; for serverless compute remove {given[0]}.",
            path=show((*at, "environment_key")),
            at=[
                place
                for name in ("environment_key", *given)
                for place in task.items[name].key_locations
            ],
        )
    libraries = task.child("libraries")
    if libraries is not None and libraries.elements:
        yield refusal(
            "bundle/serverless-libraries",
            "serverless task has libraries",
            "Serverless compute takes them from the environment: move them to the"
            " `spec.dependencies` of its entry in `environments`.",
            path=show((*at, "libraries")),
            at=libraries.key_locations,
        )


def check_pipeline(pipeline: Value, at: Path) -> Found:
    """A serverless pipeline has no clusters."""
    serverless = pipeline.child("serverless")
    if serverless is None or serverless.data is not True:
        return
    for name in CLASSIC:
        part = pipeline.child(name)
        if part is not None and part.elements:
            yield refusal(
                "bundle/serverless-cluster",
                "serverless pipeline names clusters",
                f"Remove `{name}`, or `serverless: true` to run on them.",
                path=show((*at, name)),
                at=(*part.key_locations, *serverless.key_locations),
            )


def _is_given(value: Value | None) -> bool:
    return value is not None and bool(value.data)
