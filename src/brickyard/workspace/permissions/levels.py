"""Permission levels of each object type, lowest first, as the Permissions API names them.

A level includes those before it. `owned` types have exactly one IS_OWNER.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FILES: Final = ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE")

LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "jobs": ("CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"),
    "pipelines": ("CAN_VIEW", "CAN_RUN", "CAN_MANAGE", "IS_OWNER"),
    "warehouses": ("CAN_VIEW", "CAN_USE", "CAN_MONITOR", "CAN_MANAGE", "IS_OWNER"),
    "experiments": ("CAN_READ", "CAN_EDIT", "CAN_MANAGE"),
    "registered-models": (
        "CAN_READ",
        "CAN_EDIT",
        "CAN_MANAGE_STAGING_VERSIONS",
        "CAN_MANAGE_PRODUCTION_VERSIONS",
        "CAN_MANAGE",
    ),
    "serving-endpoints": ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"),
    "clusters": ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"),
    "cluster-policies": ("CAN_USE",),  # to manage one takes an administrator
    "instance-pools": ("CAN_ATTACH_TO", "CAN_MANAGE"),
    "vector-search-endpoints": ("CAN_CREATE", "CAN_USE", "CAN_MANAGE"),
    "database-instances": ("CAN_CREATE", "CAN_USE", "CAN_MANAGE"),
    "database-projects": ("CAN_CREATE", "CAN_USE", "CAN_MANAGE"),
    "apps": ("CAN_USE", "CAN_MANAGE"),
    "directories": FILES,
    "notebooks": FILES,
    "files": FILES,
    "dashboards": FILES,
    "genie": FILES,
    "alertsv2": FILES,
    "queries": FILES,
}
# The same type by the other name that some URLs use.
ALIASES: Final[Mapping[str, str]] = {"sql/warehouses": "warehouses", "sql/queries": "queries"}
SINGULAR: Final[Mapping[str, str]] = {
    "jobs": "job",
    "pipelines": "pipelines",
    "warehouses": "warehouses",
    "experiments": "mlflowExperiment",
    "registered-models": "registered-model",
    "serving-endpoints": "serving-endpoint",
    "clusters": "cluster",
    "cluster-policies": "cluster-policy",
    "instance-pools": "instance-pool",
    "vector-search-endpoints": "vector-search-endpoints",
    "database-instances": "database-instances",
    "database-projects": "database-projects",
    "apps": "apps",
    "directories": "directory",
    "notebooks": "notebook",
    "files": "file",
    "dashboards": "dashboard",
    "genie": "genie",
    "alertsv2": "alertV2",
    "queries": "query",
}


def levels_of(object_type: str) -> tuple[str, ...]:
    """The levels of a type; empty for one that has no permissions."""
    return LEVELS.get(ALIASES.get(object_type, object_type), ())


def canonical(object_type: str) -> str:
    return ALIASES.get(object_type, object_type)


def is_owned(object_type: str) -> bool:
    return "IS_OWNER" in levels_of(object_type)


def highest_manageable(object_type: str) -> str:
    """What the creator of an object gets."""
    return levels_of(object_type)[-1]


def rank(object_type: str, level: str) -> int:
    """The place of a level within its type; -1 when the type hasn't it."""
    levels = levels_of(object_type)
    return levels.index(level) if level in levels else -1
