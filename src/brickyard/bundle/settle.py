"""Values that nobody gave, and old names: what resources get besides their own text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.schema import Schema, schema
from brickyard.resources import TYPES
from brickyard.values import Diagnostic, Path, Value, error, show, value_of, warning


def apply_defaults(draft: Draft) -> Draft:
    """Values of fields that nobody gave. Reads and writes: `resources`."""
    changes: dict[Path, Value] = {}
    folder = draft.text("workspace.resource_path")
    for kind in IN_FOLDER:
        for key, value in draft.each(kind):
            given = value.child("parent_path")
            made = _set("parent_path", folder)(value)
            if given is not None and given.text:
                of_folder = given.text if kind == "alerts" else _in_workspace(given.text)
                made = value.put("parent_path", given.with_data(of_folder))
            if made is not value:
                changes["resources", kind, key, "parent_path"] = made.items["parent_path"]
    for kind, defaults in DEFAULTS.items():
        for key, value in draft.each(kind):
            made = value
            for default in defaults:
                made = default(made)
            if made is not value:
                changes["resources", kind, key] = made
    return draft.putting(changes)


def _set(name: str, plain: object) -> Callable[[Value], Value]:
    return lambda value: (
        value if name in value.items else value.put(name, value_of(plain, value.locations))
    )


def _in_workspace(folder: str) -> str:
    """The folder as the service answers it."""
    if folder == "/Workspace" or folder.startswith(("/Workspace/", "${")):
        return folder
    return f"/Workspace/{folder.strip('/')}"


def _pause_status(value: Value) -> Value:
    for name in ("schedule", "trigger", "continuous"):
        part = value.child(name)
        if part is not None and isinstance(part.data, dict) and "pause_status" not in part.items:
            value = value.put((name, "pause_status"), value_of("UNPAUSED", part.locations))
    return value


def _task_clusters(value: Value) -> Value:
    """Clusters of single tasks: a pool decides about them too."""
    tasks = value.child("tasks")
    for index, task in enumerate(tasks.elements if tasks is not None else ()):
        cluster = task.child("new_cluster")
        if cluster is not None and isinstance(cluster.data, dict):
            made = _of_pool(cluster)
            if made is not cluster:
                value = value.put(("tasks", index, "new_cluster"), made)
    return value


def _clusters(value: Value) -> Value:
    clusters = value.child("job_clusters")
    for index, job_cluster in enumerate(clusters.elements if clusters is not None else ()):
        cluster = job_cluster.child("new_cluster")
        if cluster is None or not isinstance(cluster.data, dict):
            continue
        at = ("job_clusters", index, "new_cluster")
        value = value.put(at, _sized(_cluster(cluster)))
    return value


def _sized(cluster: Value) -> Value:
    """Of a job's cluster, a fixed size of none has to be said."""
    if cluster.child("autoscale") is None and "num_workers" not in cluster.items:
        return cluster.put("num_workers", value_of(0, cluster.locations))
    return cluster


def _cluster(cluster: Value) -> Value:
    """What the pool decides is left to it; who may use the cluster is said."""
    cluster = _of_pool(cluster)
    clients = cluster.get("workload_type.clients")
    if clients is not None and isinstance(clients.data, dict):
        for name in ("notebooks", "jobs"):
            if name not in clients.items:
                path = f"workload_type.clients.{name}"
                cluster = cluster.put(path, value_of(True, clients.locations))
    return cluster


def _of_pool(cluster: Value) -> Value:
    """Of a cluster from a pool, the pool decides node types, disks and what is the cloud's."""
    pool = cluster.child("instance_pool_id")
    if pool is None or not pool.data:
        return cluster.drop("driver_instance_pool_id")
    for name in ("node_type_id", "driver_node_type_id", "enable_elastic_disk"):
        cluster = cluster.drop(name)
    for name, kept in OF_CLOUDS.items():
        given = cluster.child(name)
        if given is not None and isinstance(given.data, dict):
            left = {field: part for field, part in given.data.items() if field in kept}
            cluster = cluster.put(name, given.with_data(left))
    return cluster


DEFAULTS: Final[dict[str, tuple[Callable[[Value], Value], ...]]] = {
    "jobs": (
        _set("name", "Untitled"),
        _set("max_concurrent_runs", 1),
        _set("queue", {"enabled": True}),
        _pause_status,
        _clusters,
        _task_clusters,
    ),
    "volumes": (_set("volume_type", "MANAGED"),),
    "dashboards": (_set("embed_credentials", False),),
    "pipelines": (_set("edition", "ADVANCED"), _set("channel", "CURRENT")),
    "sql_warehouses": (
        _set("auto_stop_mins", 120),
        _set("enable_photon", True),
        _set("max_num_clusters", 1),
        _set("spot_instance_policy", "COST_OPTIMIZED"),
    ),
    "apps": (_set("description", ""),),
    "clusters": (_set("autotermination_minutes", 60), _cluster),
}
# What of a cloud's settings a cluster from a pool keeps.
OF_CLOUDS: Final = {
    "aws_attributes": ("instance_profile_arn",),
    "azure_attributes": (),
    "gcp_attributes": ("google_service_account",),
}
# What is made in a workspace folder: the bundle's own, unless another is named.
IN_FOLDER: Final = ("dashboards", "genie_spaces", "alerts")


# An app without a description has an empty one: the service would answer that anyway.
KEPT_EMPTY: Final = ("resources.apps", "description")


def drop_empty_strings(draft: Draft) -> Draft:
    """An empty string where none is needed means that nothing was given. Writes: `resources`."""
    changes: dict[Path, Value] = {}
    for kind in TYPES:
        for key, value in draft.each(kind):
            made = _without_empty(value, f"resources.{kind}", schema())
            if made is not value:
                changes["resources", kind, key] = made
    return draft.putting(changes)


def _without_empty(value: Value, kind: str, shapes: Schema) -> Value:
    if isinstance(value.data, tuple):
        element = shapes.below(kind, 0) or "any"
        made = tuple(_without_empty(part, element, shapes) for part in value.data)
        same = all(new is old for new, old in zip(made, value.data, strict=True))
        return value if same else value.with_data(made)
    if not isinstance(value.data, dict) or kind == "any":
        return value
    must = shapes.required.get(kind)
    entries = {}
    changed = False
    for name, part in value.data.items():
        below = shapes.below(kind, name)
        is_nothing = part.data == "" and (kind, name) != KEPT_EMPTY
        if is_nothing and must is not None and below is not None and name not in must:
            changed = True
            continue
        entries[name] = _without_empty(part, below or "any", shapes)
        changed = changed or entries[name] is not part
    return value.with_data(entries) if changed else value


def fix_serving(draft: Draft) -> Draft:
    """`served_models` is the old name of `served_entities`."""
    found: list[Diagnostic] = []
    changes: dict[Path, Value] = {}
    for key, value in draft.each("model_serving_endpoints"):
        old = value.get("config.served_models")
        if old is None or not old.elements:
            continue
        path: Path = ("resources", "model_serving_endpoints", key, "config")
        if value.get("config.served_entities") is not None:
            found.append(
                error(
                    "bundle/served-twice",
                    "Cannot use both served_models and served_entities",
                    "`served_models` is the old name: move its entries to `served_entities`.",
                    path=f"{show(path)}.served_models",
                    at=(*value.locations[:1], *old.locations),
                    is_explained=True,
                )
            )
            continue
        found.append(
            warning(
                "bundle/served-models",
                "Using served_models is deprecated",
                "Rename the key, and in its entries `model_name` to `entity_name` and"
                " `model_version` to `entity_version`.",
                path=f"{show(path)}.served_models",
                at=old.locations,
                is_explained=True,
            )
        )
        entities = tuple(_entity(model) for model in old.elements)
        config = value.items["config"].drop("served_models")
        changes[path] = config.put("served_entities", old.with_data(entities))
    return draft.putting(changes, found)


def _entity(model: Value) -> Value:
    names = {"model_name": "entity_name", "model_version": "entity_version"}
    return model.with_data({names.get(name, name): part for name, part in model.items.items()})


def annotate(draft: Draft) -> Draft:
    """What marks jobs and pipelines as deployed from a bundle. Writes: both."""
    metadata = f"{draft.text('workspace.state_path')}/metadata.json"
    marks = {
        "deployment": value_of({"kind": "BUNDLE", "metadata_file_path": metadata}),
        "edit_mode": value_of("UI_LOCKED"),
        "format": value_of("MULTI_TASK"),
    }
    jobs: dict[Path, Value] = {
        ("resources", "jobs", key, name): mark
        for key, _ in draft.each("jobs")
        for name, mark in marks.items()
    }
    pipelines: dict[Path, Value] = {
        ("resources", "pipelines", key, "deployment"): marks["deployment"]
        for key, _ in draft.each("pipelines")
    }
    return draft.putting(jobs | pipelines)
