"""Which fields a reference may name: those of bundles, of the service's answers, and Terraform's.

Bundles were deployed with Terraform's provider once, which calls some lists by the name of one
element and has postgres fields in a `spec`; references written then still mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from brickyard.resources.catalogue import answered_fields, catalogue

LIBRARIES: Final = {"library": "libraries"}
GIT: Final = {name: f"git_{name}" for name in ("branch", "commit", "provider", "tag", "url")}
# Type -> path of what is renamed -> old name -> the bundle's.
RENAMED: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "jobs": {
        "": {
            "environment": "environments",
            "job_cluster": "job_clusters",
            "parameter": "parameters",
            "task": "tasks",
        },
        "git_source": GIT,
        "tasks": LIBRARIES,
        "tasks.for_each_task.task": LIBRARIES,
    },
    "models": {"": {"registered_model_id": "model_id"}},
    "pipelines": {"": {"cluster": "clusters", "notification": "notifications", **LIBRARIES}},
}
SPEC: Final = re.compile(r"spec\.(?=.)")
PART: Final = re.compile(r"([^.\[\]]+)((?:\[\d+\])*)")


class NoField(Exception):
    """Neither a bundle nor the service knows the field."""


def in_bundles_words(type: str, field: str) -> str:
    """`task[0].library` of a job as `tasks[0].libraries`."""
    if type.startswith("postgres_"):
        return SPEC.sub("", field, count=1) if field.startswith("spec.") else field
    names = RENAMED.get(type)
    if names is None:
        return field
    above, parts = "", []
    for name, indices in PART.findall(field):
        known = names.get(above, {}).get(name, name)
        parts.append(f"{known}{indices}")
        above = f"{above}.{known}" if above else known
    return ".".join(parts)


def check_field(type: str, field: str) -> None:
    """Raises `NoField` for what begins with no field of the type."""
    found = PART.match(field)
    name = found[1] if found is not None else ""
    if name in catalogue().resources.get(type, {}) or name in answered_fields(type):
        return
    raise NoField(f'schema mismatch: {name}: field "{name}" not found in {type}')
