"""The field catalogue: what each resource type takes, read from `fields.json`.

The file is generated from the SDK's dataclasses by `scripts/field_catalogue.py`, see its legend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

LOCAL: Final[Mapping[str, str]] = {
    "id": "string",
    "lifecycle": "bundle.Lifecycle",
    "modified_status": "string",
    "url": "string",
}
WITH_PERMISSIONS: Final = frozenset(
    {
        "alerts",
        "apps",
        "clusters",
        "dashboards",
        "database_instances",
        "experiments",
        "genie_spaces",
        "instance_pools",
        "jobs",
        "model_serving_endpoints",
        "models",
        "pipelines",
        "postgres_projects",
        "secret_scopes",
        "sql_warehouses",
        "vector_search_endpoints",
    }
)
WITH_GRANTS: Final = frozenset(
    {
        "catalogs",
        "external_locations",
        "registered_models",
        "schemas",
        "secrets",
        "vector_search_indexes",
        "volumes",
    }
)
PARENT: Final[Mapping[str, str]] = {"parent": "string!", "replace_existing": "bool"}
# What bundles add to the request's fields, per type; `!` marks what must be given.
ADDED: Final[Mapping[str, Mapping[str, str]]] = {
    "alerts": {"file_path": "string"},
    "apps": {"config": "bundle.AppConfig"},
    "dashboards": {
        "dataset_catalog": "string",
        "dataset_schema": "string",
        "embed_credentials": "bool",
        "file_path": "string",
        "serialized_dashboard": "any",
    },
    "genie_spaces": {"etag": "string", "file_path": "string", "serialized_space": "any"},
    "job_runs": {"lifecycle": "bundle.JobRunLifecycle", "resolved_job_id": "int"},
    "pipelines": {"cascade_on_destroy": "bool"},
    "postgres_branches": {**PARENT, "branch_id": "string!", "purge_on_delete": "bool"},
    "postgres_catalogs": {"catalog_id": "string!"},
    "postgres_databases": {**PARENT, "database_id": "string!"},
    "postgres_endpoints": {**PARENT, "endpoint_id": "string!"},
    "postgres_projects": {"project_id": "string!", "purge_on_delete": "bool"},
    "postgres_roles": {**PARENT, "role_id": "string!"},
    "postgres_synced_tables": {"synced_table_id": "string!"},
    "secret_scopes": {
        "name": "string!",
        "backend_type": "workspace.ScopeBackendType",
        "keyvault_metadata": "workspace.AzureKeyVaultSecretScopeMetadata",
    },
    "volumes": {"volume_path": "string"},
}
BUNDLE: Final[Mapping[str, Mapping[str, str]]] = {
    "bundle.Lifecycle": {"prevent_destroy": "bool", "started": "bool"},
    "bundle.JobRunLifecycle": {"prevent_destroy": "bool", "triggers": "[bundle.JobRunTrigger]"},
    "bundle.JobRunTrigger": {"on_bundle_deploy": "bool"},
    "bundle.AppConfig": {"command": "[string]", "env": "[bundle.AppEnvVar]"},
    "bundle.AppEnvVar": {"name": "string!", "value": "string", "value_from": "string"},
    "bundle.Permission": {
        "level": "iam.PermissionLevel!",
        "user_name": "string",
        "group_name": "string",
        "service_principal_name": "string",
    },
    "bundle.ScopePermission": {
        "level": "bundle.ScopePermissionLevel!",
        "user_name": "string",
        "group_name": "string",
        "service_principal_name": "string",
    },
    "bundle.Grant": {"principal": "string", "privileges": "[string]"},
}
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "bundle.ScopePermissionLevel": ("READ", "WRITE", "MANAGE"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Fields of resources and of the structures inside them, and the values of enumerations."""

    resources: Mapping[str, Mapping[str, str]]
    structures: Mapping[str, Mapping[str, str]]
    required: Mapping[str, frozenset[str]]  # structure -> fields that a request must have
    enumerations: Mapping[str, tuple[str, ...]]

    def prune(self, kind: str, data: Any) -> Any:
        """`data` without the members that a value of this kind does not have."""
        if kind.startswith("[") and isinstance(data, list | tuple):
            return [self.prune(kind[1:-1], item) for item in data]
        if kind.startswith("{") and isinstance(data, Mapping):
            return {name: self.prune(kind[1:-1], item) for name, item in data.items()}
        fields = self.structures.get(kind)
        if fields is None or not isinstance(data, Mapping):
            return data
        return {
            name: self.prune(fields[name], item) for name, item in data.items() if name in fields
        }


@cache
def catalogue() -> Catalogue:
    """The catalogue of this installation."""
    stored = json.loads(Path(__file__).with_name("fields.json").read_bytes())
    resources = {key: {**fields, **_added(key)} for key, fields in stored["resources"].items()}
    structures = {**stored["structures"], **BUNDLE}
    required = {
        name: frozenset(field for field, kind in fields.items() if kind.endswith("!"))
        for name, fields in (
            *((f"resources.{key}", fields) for key, fields in resources.items()),
            *structures.items(),
        )
    }
    return Catalogue(
        resources=_unmarked(resources),
        structures=_unmarked(structures),
        required=required,
        enumerations={
            **{name: tuple(values) for name, values in stored["enumerations"].items()},
            **WORDS,
        },
    )


def _unmarked(named: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
    return {
        name: {field: kind.rstrip("!") for field, kind in fields.items()}
        for name, fields in named.items()
    }


def _added(key: str) -> Mapping[str, str]:
    """What a bundle may write beside the request's fields of this type."""
    entry = "ScopePermission" if key == "secret_scopes" else "Permission"
    access = {"permissions": f"[bundle.{entry}]"} if key in WITH_PERMISSIONS else {}
    access |= {"grants": "[bundle.Grant]"} if key in WITH_GRANTS else {}
    return {**LOCAL, **access, **ADDED.get(key, {})}
