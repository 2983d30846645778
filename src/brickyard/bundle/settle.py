"""Lists merged by key, identities, permissions, defaults: what resources get besides their text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.schema import Schema, schema
from brickyard.resources import TYPES
from brickyard.values import Diagnostic, Path, Value, error, merge, value_of, warning

KEYED: Final = {
    "jobs": (
        ("job_clusters", "job_cluster_key"),
        ("tasks", "task_key"),
        ("parameters", "name"),
    ),
}
PRINCIPALS: Final = ("user_name", "group_name", "service_principal_name")
# The bundle's level, as each type calls it: manage, view, run.
LEVELS: Final = {
    "jobs": ("CAN_MANAGE", "CAN_VIEW", "CAN_MANAGE_RUN"),
    "pipelines": ("CAN_MANAGE", "CAN_VIEW", "CAN_RUN"),
    "alerts": ("CAN_MANAGE", "CAN_READ", "CAN_RUN"),
    "experiments": ("CAN_MANAGE", "CAN_READ", ""),
    "models": ("CAN_MANAGE", "CAN_READ", ""),
    "dashboards": ("CAN_MANAGE", "CAN_READ", ""),
    "genie_spaces": ("CAN_MANAGE", "CAN_READ", ""),
    "model_serving_endpoints": ("CAN_MANAGE", "CAN_VIEW", "CAN_QUERY"),
    "sql_warehouses": ("CAN_MANAGE", "CAN_VIEW", "CAN_MONITOR"),
    "clusters": ("CAN_MANAGE", "CAN_ATTACH_TO", "CAN_RESTART"),
    "instance_pools": ("CAN_MANAGE", "CAN_ATTACH_TO", ""),
    "apps": ("CAN_MANAGE", "CAN_USE", ""),
    "database_instances": ("CAN_MANAGE", "CAN_USE", ""),
    "postgres_projects": ("CAN_MANAGE", "CAN_USE", ""),
    "vector_search_endpoints": ("CAN_MANAGE", "CAN_USE", ""),
    "secret_scopes": ("MANAGE", "READ", ""),
}
TOP_LEVELS: Final = ("CAN_MANAGE", "CAN_VIEW", "CAN_RUN")
OWNED: Final = ("jobs", "pipelines", "sql_warehouses")
RANKS: Final = (
    "CAN_VIEW",
    "CAN_READ",
    "CAN_VIEW_METADATA",
    "CAN_RUN",
    "CAN_QUERY",
    "CAN_USE",
    "CAN_EDIT",
    "CAN_EDIT_METADATA",
    "CAN_CREATE",
    "CAN_ATTACH_TO",
    "CAN_RESTART",
    "CAN_MONITOR",
    "CAN_MANAGE_RUN",
    "CAN_MANAGE_STAGING_VERSIONS",
    "CAN_MANAGE_PRODUCTION_VERSIONS",
    "CAN_MANAGE",
    "IS_OWNER",
)
RUN_AS: Final = ("jobs", "pipelines", "alerts")
NO_RUN_AS: Final = ("model_serving_endpoints", "quality_monitors", "apps")


def merge_keyed_lists(draft: Draft) -> Draft:
    """Elements with one key become one. Reads and writes: keyed lists, grants."""
    found: list[Diagnostic] = []
    tree = draft.tree
    for kind, lists in KEYED.items():
        for key, value in draft.each(kind):
            for name, by in lists:
                old = value.child(name)
                if old is None or not old.elements:
                    continue
                path: Path = ("resources", kind, key, name)
                made = _merged(old, by, path, found)
                if name == "tasks":
                    made = tuple(sorted(made, key=lambda task: _key_of(task, by)))
                if made != old.elements or len(made) != len(old.elements):
                    tree = tree.put(path, old.with_data(made))
    for kind, declared in TYPES.items():
        for key, value in draft.each(kind) if declared.securable else ():
            grants = value.child("grants")
            if grants is not None and grants.elements:
                path = ("resources", kind, key, "grants")
                made = tuple(map(_privileges_once, _merged(grants, "principal", path, found)))
                tree = tree.put(path, grants.with_data(made))
    return draft.having(tree, found)


def _merged(old: Value, by: str, path: Path, found: list[Diagnostic]) -> tuple[Value, ...]:
    made: dict[str, Value] = {}
    for element in old.elements:
        key = _key_of(element, by)
        if key in made:
            whole, problems = merge(made[key], element, (*path, 0))
            found.extend(problems)
            made[key] = whole
        else:
            made[key] = element
    return tuple(made.values())


def _key_of(element: Value, by: str) -> str:
    key = element.child(by)
    return str(key.data) if key is not None and key.data is not None else ""


def _privileges_once(grant: Value) -> Value:
    held = grant.child("privileges")
    if held is None or not held.elements:
        return grant
    once = tuple({str(part.data): part for part in reversed(held.elements)}.values())[::-1]
    names = dict.fromkeys(str(part.data) for part in held.elements)
    by_name = {str(part.data): part for part in reversed(once)}
    kept = tuple(by_name[name] for name in names)
    return (
        grant if len(kept) == len(held.elements) else grant.put("privileges", held.with_data(kept))
    )


def apply_run_as(draft: Draft) -> Draft:
    """The identity under which jobs run. Reads: `run_as`. Writes: `resources.jobs.*.run_as`."""
    run_as = draft.tree.get("run_as")
    if run_as is None:
        return draft
    named = {
        name: part
        for name in ("user_name", "service_principal_name", "group_name")
        if (part := run_as.child(name)) is not None and part.data
    }
    if len(named) != 1 or "group_name" in named:
        return draft.noting(
            error(
                "bundle/run-as",
                "run_as must name exactly one identity",
                "Give either `user_name` or `service_principal_name`.",
                path="run_as",
                at=run_as.key_locations,
            )
        )
    ((_, identity),) = named.items()
    found: list[Diagnostic] = []
    tree = draft.tree
    if identity.data != draft.facts.user.user_name:
        found.extend(_refused_run_as(draft, identity))
    for kind in RUN_AS:
        for key, value in draft.each(kind):
            if value.child("run_as") is None:
                tree = tree.put(("resources", kind, key, "run_as"), run_as.with_key(None))
    return draft.having(tree, found)


def _refused_run_as(draft: Draft, identity: Value) -> Iterator[Diagnostic]:
    for kind in NO_RUN_AS:
        for key, value in draft.each(kind):
            yield error(
                "bundle/run-as-unsupported",
                f"{kind} do not support a run_as that differs from the deployer",
                f"run_as is {identity.plain()}, {draft.facts.user.user_name} deploys."
                " Deploy as that identity, or move the resource to a bundle of its own.",
                path=f"resources.{kind}.{key}",
                at=(*value.key_locations, *identity.locations),
            )


def apply_permissions(draft: Draft) -> Draft:
    """The bundle's permissions on every resource. Reads: `permissions`. Writes: those below."""
    given = draft.tree.get("permissions")
    entries = given.elements if given is not None else ()
    found: list[Diagnostic] = []
    tree = draft.tree
    for index, entry in enumerate(entries):
        held_level = entry.child("level")
        if held_level is None or held_level.data not in TOP_LEVELS:
            found.append(
                error(
                    "bundle/permission-level",
                    "no such level for the whole bundle",
                    f"Write one of {', '.join(TOP_LEVELS)}; finer levels belong to a resource.",
                    path=f"permissions[{index}].level",
                    at=(held_level or entry).locations,
                )
            )
    if found or not entries:
        return draft.noting(*found)
    for kind, levels in LEVELS.items():
        for key, value in draft.each(kind):
            path = ("resources", kind, key, "permissions")
            old = value.child("permissions") or Value((), value.locations)
            held = {_principal(entry) for entry in old.elements}
            added = []
            for entry in entries:
                given_level = entry.items["level"]
                level = levels[TOP_LEVELS.index(given_level.text)]
                if _principal(entry) in held:
                    found.append(_held_already(entry, value, show_path(path)))
                elif level:
                    added.append(entry.put("level", given_level.with_data(level)))
            if added:
                tree = tree.put(path, old.with_data((*old.elements, *added)))
    return draft.having(tree, found)


def show_path(path: Path) -> str:
    """`resources.jobs.a.permissions`."""
    return ".".join(str(step) for step in path)


def _held_already(entry: Value, value: Value, path: str) -> Diagnostic:
    return warning(
        "bundle/permission-twice",
        "resource gives this principal a permission of its own",
        f"The bundle's one for {_principal(entry)[1]} is left out there. Remove one of both.",
        path=path,
        at=(*entry.locations, *value.key_locations),
    )


def _principal(entry: Value) -> tuple[str, str]:
    for name in PRINCIPALS:
        part = entry.child(name)
        if part is not None and part.data:
            return name, str(part.data)
    return "", ""


def fix_owners(draft: Draft) -> Draft:
    """The deployer keeps control of what it deploys. Writes: every `permissions` there is."""
    user = draft.facts.user
    name = "service_principal_name" if user.is_service_principal else "user_name"
    me = (name, user.user_name)
    tree = draft.tree
    for kind in LEVELS:
        if kind == "secret_scopes":
            continue
        for key, value in draft.each(kind):
            old = value.child("permissions")
            if old is None or not isinstance(old.data, tuple):
                continue
            made = _with_owner(old, me, has_owner=kind in OWNED)
            tree = tree.put(("resources", kind, key, "permissions"), old.with_data(made))
    return draft.having(tree)


def _with_owner(old: Value, me: tuple[str, str], *, has_owner: bool) -> tuple[Value, ...]:
    entries = list(old.elements)
    mine = [entry for entry in entries if _principal(entry) == me]
    owners = [entry for entry in entries if _level(entry) == "IS_OWNER"]
    if not any(_level(entry) == "IS_OWNER" for entry in mine):
        level = "IS_OWNER" if has_owner and not owners else "CAN_MANAGE"
        entries.append(value_of({"level": level, me[0]: me[1]}, old.locations))
    best: dict[tuple[str, str], Value] = {}
    for entry in entries:
        who = _principal(entry)
        if who not in best or _rank(entry) > _rank(best[who]):
            best[who] = entry
    return tuple(best.values())


def _level(entry: Value) -> str:
    level = entry.child("level")
    return level.text if level is not None else ""


def _rank(entry: Value) -> int:
    level = _level(entry)
    return RANKS.index(level) if level in RANKS else -1


def apply_defaults(draft: Draft) -> Draft:
    """Values of fields that nobody gave. Reads and writes: `resources`."""
    tree = draft.tree
    for kind, defaults in DEFAULTS.items():
        for key, value in draft.each(kind):
            made = value
            for default in defaults:
                made = default(made)
            if made is not value:
                tree = tree.put(("resources", kind, key), made)
    return draft.having(tree)


def _set(name: str, plain: object) -> Callable[[Value], Value]:
    return lambda value: (
        value if name in value.items else value.put(name, value_of(plain, value.locations))
    )


def _pause_status(value: Value) -> Value:
    for name in ("schedule", "trigger", "continuous"):
        part = value.child(name)
        if part is not None and isinstance(part.data, dict) and "pause_status" not in part.items:
            value = value.put((name, "pause_status"), value_of("UNPAUSED", part.locations))
    return value


def _clusters(value: Value) -> Value:
    clusters = value.child("job_clusters")
    for index, job_cluster in enumerate(clusters.elements if clusters is not None else ()):
        cluster = job_cluster.child("new_cluster")
        if cluster is None or not isinstance(cluster.data, dict):
            continue
        at = ("job_clusters", index, "new_cluster")
        value = value.put(at, _cluster(cluster))
    return value


def _cluster(cluster: Value) -> Value:
    """Pools decide node types; a fixed size of none has to be said."""
    pool = cluster.child("instance_pool_id")
    if pool is not None and pool.data:
        for name in ("node_type_id", "driver_node_type_id", "enable_elastic_disk"):
            cluster = cluster.drop(name)
    else:
        cluster = cluster.drop("driver_instance_pool_id")
    if cluster.child("autoscale") is None and "num_workers" not in cluster.items:
        cluster = cluster.put("num_workers", value_of(0, cluster.locations))
    clients = cluster.get("workload_type.clients")
    if clients is not None and isinstance(clients.data, dict):
        for name in ("notebooks", "jobs"):
            if name not in clients.items:
                path = f"workload_type.clients.{name}"
                cluster = cluster.put(path, value_of(True, clients.locations))
    return cluster


DEFAULTS: Final[dict[str, tuple[Callable[[Value], Value], ...]]] = {
    "jobs": (
        _set("name", "Untitled"),
        _set("max_concurrent_runs", 1),
        _set("queue", {"enabled": True}),
        _pause_status,
        _clusters,
    ),
    "volumes": (_set("volume_type", "MANAGED"),),
}


def drop_empty_strings(draft: Draft) -> Draft:
    """An empty string where none is needed means that nothing was given. Writes: `resources`."""
    tree = draft.tree
    for kind in TYPES:
        for key, value in draft.each(kind):
            made = _without_empty(value, f"resources.{kind}", schema())
            if made is not value:
                tree = tree.put(("resources", kind, key), made)
    return draft.having(tree)


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
        if part.data == "" and must is not None and below is not None and name not in must:
            changed = True
            continue
        entries[name] = _without_empty(part, below or "any", shapes)
        changed = changed or entries[name] is not part
    return value.with_data(entries) if changed else value


def fix_serving(draft: Draft) -> Draft:
    """`served_models` is the old name of `served_entities`."""
    found: list[Diagnostic] = []
    tree = draft.tree
    for key, value in draft.each("model_serving_endpoints"):
        old = value.get("config.served_models")
        if old is None:
            continue
        path: Path = ("resources", "model_serving_endpoints", key, "config")
        if value.get("config.served_entities") is not None:
            found.append(
                error(
                    "bundle/served-twice",
                    "both served_models and served_entities are given",
                    "`served_models` is the old name: move its entries to `served_entities`.",
                    path=f"{show_path(path)}.served_models",
                    at=old.key_locations,
                )
            )
            continue
        found.append(
            warning(
                "bundle/old-name",
                "served_models is called served_entities now",
                "Rename the key, and in its entries `model_name` to `entity_name` and"
                " `model_version` to `entity_version`.",
                path=f"{show_path(path)}.served_models",
                at=old.key_locations,
            )
        )
        entities = tuple(_entity(model) for model in old.elements)
        tree = tree.drop((*path, "served_models"))
        tree = tree.put((*path, "served_entities"), old.with_data(entities))
    return draft.having(tree, found)


def _entity(model: Value) -> Value:
    names = {"model_name": "entity_name", "model_version": "entity_version"}
    return model.with_data({names.get(name, name): part for name, part in model.items.items()})


def annotate_jobs(draft: Draft) -> Draft:
    """What marks a job as deployed from a bundle. Writes: `resources.jobs.*`."""
    tree = draft.tree
    metadata = f"{draft.text('workspace.state_path')}/metadata.json"
    for key, _ in draft.each("jobs"):
        for name, plain in (
            ("deployment", {"kind": "BUNDLE", "metadata_file_path": metadata}),
            ("edit_mode", "UI_LOCKED"),
            ("format", "MULTI_TASK"),
        ):
            tree = tree.put(("resources", "jobs", key, name), value_of(plain))
    return draft.having(tree)
