"""`mode: development | production`, and `presets`: what they fill in and what they insist on."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.facts import normalise_name
from brickyard.bundle.tags import tag_key, tag_value
from brickyard.resources import TYPES, Prefix, ResourceType, Tags
from brickyard.values import (
    Diagnostic,
    Path,
    Value,
    error,
    recommendation,
    value_of,
    warning,
)

PATHS: Final = ("root_path", "file_path", "resource_path", "artifact_path", "state_path")
TRIGGERS: Final = ("schedule", "continuous", "trigger")


def apply_mode(draft: Draft) -> Draft:
    """What development fills in. Reads: `bundle.mode`, user. Writes: `presets`, the lock."""
    mode = draft.tree.get("bundle.mode")
    if mode is None or draft.mode != "development":
        return draft
    name = draft.facts.user.short_name
    tree = draft.tree
    if tree.get("presets") is None:
        tree = tree.put("presets", Value({}))  # written nowhere
    for path, value in (
        ("bundle.deployment.lock.enabled", False),
        ("presets.name_prefix", f"[dev {name}] "),
        ("presets.tags.dev", tag_value(name, draft.facts.cloud)),
        ("presets.jobs_max_concurrent_runs", 4),
        ("presets.trigger_pause_status", "PAUSED"),
        ("presets.pipelines_development", True),
    ):
        given = tree.get(path)
        says_nothing = given is None or given.data in (None, "") or given.data == 0
        is_refused = path == "presets.pipelines_development" and given is not None
        if says_nothing and not (is_refused and given.data is False):  # type: ignore[union-attr]
            tree = tree.put(path, value_of(value, mode.locations))
    return draft.having(tree)


def apply_presets(draft: Draft) -> Draft:
    """Names, tags, concurrency and pauses of every resource. Reads: `presets`."""
    presets = draft.tree.get("presets") or Value({})
    pause = presets.child("trigger_pause_status")
    if pause is not None and pause.data not in {None, "", "PAUSED", "UNPAUSED"}:
        draft = draft.noting(
            error(
                "bundle/pause-status",
                "Invalid value for trigger_pause_status, should be PAUSED or UNPAUSED",
                "Correct `presets.trigger_pause_status`.",
                path="presets.trigger_pause_status",
                at=pause.locations,
            )
        )
    prefix = (presets.child("name_prefix") or Value("")).text
    tags = {
        name: tag.data for name, tag in sorted((presets.child("tags") or Value({})).items.items())
    }
    skip_schemas = draft.tree.get("experimental.skip_name_prefix_for_schema")
    changes: dict[Path, Value] = {}
    for kind, declared in TYPES.items():
        for key, value in draft.each(kind):
            made = value
            if not (kind == "schemas" and skip_schemas is not None and skip_schemas.data is True):
                made = _named(made, declared, prefix)
            made = _tagged(made, declared, tags, draft.facts.cloud)
            if kind in PRESETS:
                made = PRESETS[kind](made, presets)
            if made is not value:
                changes["resources", kind, key] = made
    return draft.putting(changes)


def _named(value: Value, kind: ResourceType, prefix: str) -> Value:
    if kind.prefix is Prefix.NONE or (not prefix and kind.prefix is not Prefix.LAST_SEGMENT):
        return value
    old = value.child(kind.name_field)
    name = old.text if old is not None else ""
    match kind.prefix:
        case Prefix.NORMALISED:
            name = normalised_prefix(prefix) + name
        case Prefix.LAST_SEGMENT:
            name = _prefixed_last(name, prefix)
        case _:
            name = prefix + name
    return value.put(kind.name_field, (old or Value("", value.locations)).with_data(name))


def _prefixed_last(name: str, prefix: str) -> str:
    """The prefix before the last segment; of a name right below the root, with its `//`."""
    if not name:
        return f"{prefix}."
    if not prefix and "${" in name:
        return name
    folder, _, last = posixpath.normpath(name).removeprefix("/").rpartition("/")
    root = "/" if name.startswith("/") else ""
    return f"{root}{folder}/{prefix}{last}" if folder or root else prefix + last


def normalised_prefix(prefix: str) -> str:
    """`[dev jane] ` as names of catalogs and endpoints take it: `dev_jane_`."""
    text = prefix.replace("[", "").strip()
    return normalise_name(text) + ("_" if text.endswith("]") else "")


def _tagged(value: Value, kind: ResourceType, tags: Mapping[str, object], cloud: str) -> Value:
    if not tags or kind.tags is Tags.NONE:
        return value
    if kind.cloud_tags:
        tags = {tag_key(name, cloud): tag_value(str(tag), cloud) for name, tag in tags.items()}
    at = kind.tags_field
    old = value.get(at)
    if kind.tags is Tags.MAP:
        for name, tag in tags.items():
            if old is None or name not in old.items:
                value = value.put((*at.split("."), name), value_of(tag, value.locations))
        return value
    held = old.elements if old is not None else ()
    names = {tag.plain().get("key") for tag in held if isinstance(tag.data, dict)}  # type: ignore[union-attr]
    new = [
        value_of({"key": name, "value": tag}, value.locations)
        for name, tag in tags.items()
        if name not in names
    ]
    if not new:
        return value
    return value.put(at, (old or Value((), value.locations)).with_data((*held, *new)))


def _job(value: Value, presets: Value) -> Value:
    most = presets.child("jobs_max_concurrent_runs")
    own = value.child("max_concurrent_runs")
    if most is not None and most.data and (own is None or not own.data):
        value = value.put("max_concurrent_runs", most.with_key(None))
    return _paused(value, presets, TRIGGERS)


def _paused(value: Value, presets: Value, names: tuple[str, ...]) -> Value:
    pause = presets.child("trigger_pause_status")
    if pause is not None and pause.data and pause.data != "UNPAUSED":
        pause = pause.with_data("PAUSED")  # a word that is neither is told of by `check_presets`
    for name in names if pause is not None and pause.data else ():
        trigger = value.child(name)
        if trigger is None or not isinstance(trigger.data, dict):
            continue
        status = trigger.child("pause_status")
        if pause is not None and (status is None or not status.data):
            value = value.put((name, "pause_status"), pause.with_key(None))
    return value


def _pipeline(value: Value, presets: Value) -> Value:
    development = presets.child("pipelines_development")
    if development is not None and development.data is True:
        value = value.put("development", development.with_key(None))
    continuous = value.child("continuous")
    if _pauses(presets) and continuous is not None and continuous.data is True:
        value = value.drop("continuous")
    return value


def _quality_monitor(value: Value, presets: Value) -> Value:
    """Monitors cannot be paused: their schedule goes, unless it says that it shall run."""
    status = value.get("schedule.pause_status")
    if _pauses(presets) and (status is None or status.data != "UNPAUSED"):
        value = value.drop("schedule")
    return value


def _alert(value: Value, presets: Value) -> Value:
    cron = value.get("schedule.quartz_cron_schedule")
    return _paused(value, presets, ("schedule",)) if cron is not None and cron.data else value


def _pauses(presets: Value) -> bool:
    pause = presets.child("trigger_pause_status")
    return pause is not None and pause.data == "PAUSED"


# What presets do to resources of one type, beyond name and tags.
PRESETS: Final[Mapping[str, Callable[[Value, Value], Value]]] = {
    "alerts": _alert,
    "jobs": _job,
    "pipelines": _pipeline,
    "quality_monitors": _quality_monitor,
}


def check_mode(draft: Draft) -> Draft:
    """What a mode insists on. Reads: presets, paths, `run_as`."""
    if draft.mode == "development":
        return draft.noting(*_development(draft))
    if draft.mode == "production":
        return draft.noting(*_production(draft))
    mode = draft.tree.get("bundle.mode")
    if mode is None or not mode.data:
        return draft
    return draft.noting(
        error(
            "bundle/unknown-mode",
            f"unsupported value '{mode.plain()}' specified for 'mode': must be either"
            " 'development' or 'production'",
            "Write one of them, or remove it.",
            path="bundle.mode",
            at=mode.locations,
        )
    )


def _development(draft: Draft) -> Iterator[Diagnostic]:
    user = draft.facts.user
    pause = draft.tree.get("presets.trigger_pause_status")
    if pause is not None and pause.data == "UNPAUSED":
        yield error(
            "bundle/development-unpaused",
            "target with 'mode: development' cannot set trigger pause status to UNPAUSED by"
            " default",
            "Remove `presets.trigger_pause_status`, or unpause single jobs in their own settings.",
            path="presets.trigger_pause_status",
            at=pause.locations,
        )
    for name in PATHS:
        path = draft.tree.get(("workspace", name))
        if path is None or any(part in path.text for part in (user.user_name, user.short_name)):
            continue
        yield error(
            "bundle/development-shared-path",
            f"{name} {_wish(name, path.text)} to ensure uniqueness when using 'mode: development'",
            f"Several people would deploy to {path.text} over each other."
            " Put `${workspace.current_user.short_name}` into it.",
            path=f"workspace.{name}",
            at=path.locations,
        )
        break
    prefix = draft.tree.get("presets.name_prefix")
    names = (user.user_name, user.short_name, user.domain_friendly_name)
    if prefix is not None and prefix.text and not any(name in prefix.text for name in names):
        yield error(
            "bundle/development-prefix",
            "prefix should contain the current username or ${workspace.current_user.short_name} to"
            " ensure uniqueness when using 'mode: development'",
            "Names of several people would collide."
            " Put `${workspace.current_user.short_name}` into `presets.name_prefix`.",
            path="presets.name_prefix",
            at=prefix.locations,
        )


def _wish(name: str, path: str) -> str:
    if name == "artifact_path" and path.startswith("/Volumes"):
        return "should contain the current username or ${workspace.current_user.short_name}"
    return "must start with '~/' or contain the current username"


def _production(draft: Draft) -> Iterator[Diagnostic]:
    for key, value in draft.each("pipelines"):
        flag = value.child("development")
        if flag is not None and flag.data is True:
            yield error(
                "bundle/production-development",
                "target with 'mode: production' cannot include a pipeline with 'development: true'",
                "Remove `development: true` for this target.",
                path=f"resources.pipelines.{key}.development",
                at=flag.locations,
            )
            return
    if draft.target_sets_root:
        return
    jobs = draft.each("jobs")
    named = all(value.child("run_as") is not None for _, value in jobs)
    mode = draft.tree.get("bundle.mode")
    places = mode.locations if mode is not None else ()
    is_enough = draft.facts.user.is_service_principal or named
    say, word = (recommendation, "should") if is_enough else (error, "must")
    advice = (
        "Name who deploys in it:\n\n"
        f"  root_path: /Workspace/Users/{draft.facts.user.user_name}/.bundle/"
        "${bundle.name}/${bundle.target}"
    )
    yield say(
        "bundle/production-root",
        f"target with 'mode: production' {word} set 'workspace.root_path' to make sure only one"
        " copy is deployed",
        advice + ("" if is_enough else "\n\nA `run_as` for every job is accepted too."),
        path="workspace.root_path",
        at=places,
        is_explained=True,
    )


def override_compute(draft: Draft) -> Draft:
    """`bundle.cluster_id` runs every task there. Reads: mode. Writes: compute of tasks."""
    cluster = draft.tree.get("bundle.cluster_id")
    chosen = cluster.text if cluster is not None else ""
    from_environment = draft.facts.environment.get("DATABRICKS_CLUSTER_ID", "")
    if from_environment and draft.mode == "development":
        chosen = from_environment
    places = cluster.locations if cluster is not None else ()
    if from_environment and draft.mode != "development":
        return draft.noting(
            warning(
                "bundle/cluster-ignored",
                "The DATABRICKS_CLUSTER_ID variable is set but is ignored since the current target"
                " does not use 'mode: development'",
                "No cluster is put in the place of the declared ones. Unset it, or use"
                " `--cluster-id`.",
            )
        )
    if not chosen:
        return draft
    if draft.mode == "production":
        draft = draft.noting(
            warning(
                "bundle/production-override",
                "Setting a cluster override for a target that uses 'mode: production' is not"
                " recommended",
                f"Every task runs on cluster {chosen}. Leave it out to use declared compute.",
                path="bundle.cluster_id",
                at=places,
                is_explained=True,
            )
        )
    changes: dict[Path, Value] = {}
    for key, job in draft.each("jobs"):
        tasks = job.child("tasks")
        if tasks is not None and tasks.elements:
            made = tuple(_on_cluster(task, chosen, places) for task in tasks.elements)
            changes["resources", "jobs", key, "tasks"] = tasks.with_data(made)
    return draft.putting(changes)


def _on_cluster(task: Value, cluster: str, places: tuple[object, ...]) -> Value:
    inner = task.get("for_each_task.task")
    if inner is not None:
        return task.put("for_each_task.task", _on_cluster(inner, cluster, places))
    compute = ("new_cluster", "existing_cluster_id", "environment_key", "job_cluster_key")
    if not any(task.child(name) is not None for name in compute):
        return task
    for name in compute:
        task = task.drop(name)
    return task.put("existing_cluster_id", value_of(cluster, places))  # type: ignore[arg-type]
