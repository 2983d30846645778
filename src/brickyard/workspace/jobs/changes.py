"""What `jobs/update` does to a job's settings, apart from checking them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

KEYED: Mapping[str, str] = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "environments": "environment_key",
}


def changed(
    settings: Mapping[str, Any], given: Mapping[str, Any], remove: Iterable[str]
) -> dict[str, Any]:
    """Top-level fields replace; tasks, clusters and environments merge by their key."""
    merged = dict(settings)
    for name in remove:
        _remove(merged, name)
    for name, value in without_acl(given).items():
        key = KEYED.get(name)
        merged[name] = _merged(merged.get(name) or [], value, key) if key else value
    return merged


def without_acl(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "access_control_list"}


def _merged(old: list[Any], new: list[Any], key: str) -> list[Any]:
    """Items of the same key are replaced in place; others are added."""
    by_key = {item.get(key): item for item in new}
    kept = [by_key.pop(item.get(key), item) for item in old]
    return kept + list(by_key.values())


def _remove(settings: dict[str, Any], name: str) -> None:
    """A top-level field, or `tasks/<key>`."""
    field, _, key = name.partition("/")
    if not key:
        settings.pop(field, None)
    elif field in KEYED:
        items = settings.get(field) or []
        settings[field] = [item for item in items if item.get(KEYED[field]) != key]
