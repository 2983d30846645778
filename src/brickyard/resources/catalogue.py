"""The field catalogue: what each resource type takes, read from `fields.json`.

The file is generated from the SDK's dataclasses by `scripts/field_catalogue.py`, see its legend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

LOCAL: Final[Mapping[str, str]] = {
    "id": "string",
    "lifecycle": "bundle.Lifecycle",
    "modified_status": "string",
    "url": "string",
}
PERMISSIONS: Final[Mapping[str, str]] = {"permissions": "[bundle.Permission]"}
GRANTS: Final[Mapping[str, str]] = {"grants": "[bundle.Grant]"}
# What bundles add to the request's fields, per type.
ADDED: Final[Mapping[str, Mapping[str, str]]] = {
    "jobs": {**LOCAL, **PERMISSIONS},
    "experiments": {**LOCAL, **PERMISSIONS},
    "model_serving_endpoints": {**LOCAL, **PERMISSIONS},
    "schemas": {**LOCAL, **GRANTS},
    "volumes": {**LOCAL, **GRANTS, "volume_path": "string"},
    "registered_models": {**LOCAL, **GRANTS},
}
BUNDLE: Final[Mapping[str, Mapping[str, str]]] = {
    "bundle.Lifecycle": {"prevent_destroy": "bool", "started": "bool"},
    "bundle.Permission": {
        "level": "string",
        "user_name": "string",
        "group_name": "string",
        "service_principal_name": "string",
    },
    "bundle.Grant": {"principal": "string", "privileges": "[string]"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Fields of resources and of the structures inside them, and the values of enumerations."""

    resources: Mapping[str, Mapping[str, str]]
    structures: Mapping[str, Mapping[str, str]]
    required: Mapping[str, frozenset[str]]  # structure -> fields that a request must have
    enumerations: Mapping[str, tuple[str, ...]]


@cache
def catalogue() -> Catalogue:
    """The catalogue of this installation."""
    stored = json.loads(Path(__file__).with_name("fields.json").read_bytes())
    plain: dict[str, dict[str, dict[str, str]]] = {}
    required: dict[str, frozenset[str]] = {}
    for section in ("resources", "structures"):
        plain[section] = {}
        for name, fields in stored[section].items():
            plain[section][name] = {field: kind.rstrip("!") for field, kind in fields.items()}
            must = frozenset(field for field, kind in fields.items() if kind.endswith("!"))
            required[f"resources.{name}" if section == "resources" else name] = must
    return Catalogue(
        resources={
            key: {**fields, **ADDED.get(key, LOCAL)} for key, fields in plain["resources"].items()
        },
        structures={**plain["structures"], **BUNDLE},
        required=required,
        enumerations={name: tuple(values) for name, values in stored["enumerations"].items()},
    )
