"""What services and the command line fill in: not to be written into anybody's configuration.

The rows are those of the official experiment. A pattern has `*` for a name and `[*]` for an
element.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

# Whether a value that the configuration does not give is left out.
Rule: TypeAlias = Callable[[Any], bool]


def _any(_: Any) -> bool:
    return True


def _zero(value: Any) -> bool:
    return value is None or (value == 0 and not isinstance(value, bool))


def _no_mail(value: Any) -> bool:
    return value in ({}, {"no_alert_for_skipped_runs": False})


def _is(expected: Any) -> Rule:
    return lambda value: type(value) is type(expected) and value == expected


_NOTIFIED: Final[Mapping[str, Rule]] = {
    "timeout_seconds": _zero,
    "email_notifications": _no_mail,
    "webhook_notifications": _is({}),
}
_OF_TASKS: Final[Mapping[str, Rule]] = {
    **_NOTIFIED,
    "run_if": _is("ALL_SUCCESS"),
    "disabled": _is(False),
    "notebook_task.source": _is("WORKSPACE"),
}
# Said by the cluster's policy or the cloud. The second are left out even where they are given.
_OF_CLUSTERS: Final[Mapping[str, Rule]] = {
    "data_security_mode": _is("SINGLE_USER"),
    "custom_tags": _any,
    "cluster_log_conf": _any,
}
_CLUSTERS_OWN: Final = (
    "aws_attributes",
    "azure_attributes",
    "gcp_attributes",
    "enable_elastic_disk",
    "single_user_name",
)
_CLUSTERS: Final = (
    "jobs.*.tasks[*].new_cluster",
    "jobs.*.job_clusters[*].new_cluster",
    "clusters.*",
)
_TASKS: Final = ("jobs.*.tasks[*]", "jobs.*.tasks[*].for_each_task.task")
RULES: Final[Mapping[str, Rule]] = {
    **{f"jobs.*.{name}": rule for name, rule in _NOTIFIED.items()},
    **{f"{task}.{name}": rule for task in _TASKS for name, rule in _OF_TASKS.items()},
    **{f"{one}.{name}": rule for one in _CLUSTERS for name, rule in _OF_CLUSTERS.items()},
    "jobs.*.performance_target": _is("PERFORMANCE_OPTIMIZED"),
    "jobs.*.tasks[*].pipeline_task.full_refresh": _is(False),
    "pipelines.*.continuous": _is(False),
    "sql_warehouses.*.min_num_clusters": _is(1),
    "sql_warehouses.*.warehouse_type": _is("CLASSIC"),
}
NEVER: Final = (
    *(f"{one}.{name}" for one in _CLUSTERS for name in _CLUSTERS_OWN),
    "clusters.*.driver_node_type_id",
    "dashboards.*.etag",
    "dashboards.*.published",
    "experiments.*.artifact_location",
    "jobs.*.edit_mode",
    "jobs.*.run_as",
    "pipelines.*.storage",
    "registered_models.*.full_name",
    "registered_models.*.metastore_id",
    "registered_models.*.owner",
    "registered_models.*.storage_location",
    "sql_warehouses.*.creator_name",
    "volumes.*.storage_location",
    "volumes.*.volume_path",
)
# What stands for "off", as nothing at all would be filled in again.
RESETS: Final[Mapping[str, Any]] = {"jobs.*.queue": {"enabled": False}}
PREFIXED: Final = ("jobs.*.name", "pipelines.*.name", "dashboards.*.display_name")


def is_left_out(path: str, value: Any, *, is_given: bool) -> bool:
    """Whether the value in the workspace is nobody's wish. `is_given`: the bundle has one."""
    if any(_fits(pattern, path) for pattern in NEVER):
        return True
    if is_given:
        return False
    return any(_fits(pattern, path) and rule(value) for pattern, rule in RULES.items())


def without_defaults(path: str, value: Any) -> Any:
    """A value that is added, without what the service filled in below it."""
    if isinstance(value, list):
        return [without_defaults(f"{path}[{at}]", item) for at, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    return {
        key: without_defaults(f"{path}.{key}", item) if isinstance(item, dict) else item
        for key, item in value.items()
        if not is_left_out(f"{path}.{key}", item, is_given=False)
    }


def reset_value(path: str, value: Any) -> Any:
    return next((put for pattern, put in RESETS.items() if _fits(pattern, path)), value)


def without_prefix(path: str, value: Any, prefix: str) -> Any:
    """A name without what a deploy puts before it."""
    if isinstance(value, str) and any(_fits(pattern, path) for pattern in PREFIXED):
        return value.removeprefix(prefix)
    return value


def _fits(pattern: str, path: str) -> bool:
    return _expression(pattern).fullmatch(path) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = []
    for part in pattern.split("."):
        name = part.removesuffix("[*]")
        parts.append(r"[^.]+" if part == "*" else re.escape(name) + r"\[[^.]*" * (name != part))
    return re.compile(r"resources\." + r"\.".join(parts))
