"""Clusters without workers: Spark runs there only when three more settings say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.path_fields import tasks_of
from brickyard.values import Path, Value, show, warning

DETAIL: Final = """num_workers should be 0 only for single-node clusters. Set there as well:

  spark_conf:
    spark.databricks.cluster.profile: singleNode
    spark.master: local[*]

  custom_tags:
    ResourceClass: SingleNode"""


def check_single_nodes(draft: Draft) -> Draft:
    """`num_workers: 0` without the rest. Reads: clusters of every kind, before references."""
    return draft.noting(
        *(
            warning(
                "bundle/single-node",
                "Single node cluster is not correctly configured",
                DETAIL,
                path=show(path),
                at=cluster.locations,
                is_explained=True,
            )
            for path, cluster in _clusters(draft)
            if _lacks_settings(cluster)
        )
    )


def _clusters(draft: Draft) -> Iterator[tuple[Path, Value]]:
    for key, cluster in draft.each("clusters"):
        yield ("resources", "clusters", key), cluster
    for key, job in draft.each("jobs"):
        at: Path = ("resources", "jobs", key)
        for index, shared in enumerate(_elements(job, "job_clusters")):
            yield from _new_cluster((*at, "job_clusters", index), shared)
        for path, task in tasks_of(job):
            yield from _new_cluster((*at, *path), task)
    for key, pipeline in draft.each("pipelines"):
        for index, cluster in enumerate(_elements(pipeline, "clusters")):
            yield ("resources", "pipelines", key, "clusters", index), cluster


def _elements(value: Value, name: str) -> tuple[Value, ...]:
    found = value.child(name)
    return found.elements if found is not None else ()


def _new_cluster(at: Path, holder: Value) -> Iterator[tuple[Path, Value]]:
    cluster = holder.child("new_cluster")
    if cluster is not None:
        yield (*at, "new_cluster"), cluster


def _lacks_settings(cluster: Value) -> bool:
    workers, single = cluster.child("num_workers"), cluster.child("is_single_node")
    policy = cluster.child("policy_id")
    if workers is None or type(workers.data) is not int or workers.data > 0:
        return False
    if (single is not None and single.data is True) or (policy is not None and policy.data):
        return False
    conf = cluster.child("spark_conf") or Value({})
    tags = cluster.child("custom_tags") or Value({})
    profile = conf.child("spark.databricks.cluster.profile") or Value("")
    master = conf.child("spark.master") or Value("")
    resource = tags.child("ResourceClass") or Value("")
    return not (
        profile.text == "singleNode"
        and master.text.startswith("local")
        and resource.text == "SingleNode"
    )
