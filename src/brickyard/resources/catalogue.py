"""The field catalogue: what each resource type takes, read from `fields.json`.

The file is generated from the SDK's dataclasses by `scripts/field_catalogue.py`, see its legend.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
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
WITH_STARTED: Final = frozenset({"apps", "clusters", "sql_warehouses"})
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
# What plans know of a resource beside the fields of its answer.
TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    "dashboards": ("published",),
    "job_runs": ("result_state",),
    "model_serving_endpoints": ("endpoint_details", "endpoint_id"),
    "models": ("model_id",),
    "secret_scopes": (
        *("backend_azure_keyvault", "initial_manage_principal", "scope", "scope_backend_type"),
    ),
    "vector_search_endpoints": ("endpoint_uuid",),
    "vector_search_indexes": ("endpoint_uuid",),
}
BUNDLE: Final[Mapping[str, Mapping[str, str]]] = {
    "bundle.Lifecycle": {"prevent_destroy": "bool"},
    "bundle.LifecycleWithStarted": {"prevent_destroy": "bool", "started": "bool"},
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
    "bundle.Grant": {"principal": "string", "privileges": "[bundle.Privilege]"},
    # The SDK's list of privileges has none of secrets' own.
    "bundle.SecretGrant": {"principal": "string", "privileges": "[string]"},
}
# Levels of the types that have their own; all others take any that there is.
LEVELS: Final[Mapping[str, str]] = {
    "apps": "CAN_MANAGE CAN_USE",
    "clusters": "CAN_ATTACH_TO CAN_MANAGE CAN_RESTART",
    "experiments": "CAN_EDIT CAN_MANAGE CAN_READ",
    "instance_pools": "CAN_ATTACH_TO CAN_MANAGE",
    "jobs": "CAN_MANAGE CAN_MANAGE_RUN CAN_VIEW IS_OWNER",
    "model_serving_endpoints": "CAN_MANAGE CAN_QUERY CAN_VIEW",
    "models": "CAN_EDIT CAN_MANAGE CAN_MANAGE_PRODUCTION_VERSIONS CAN_MANAGE_STAGING_VERSIONS"
    " CAN_READ",
    "pipelines": "CAN_MANAGE CAN_RUN CAN_VIEW IS_OWNER",
    "secret_scopes": "READ WRITE MANAGE",
    "sql_warehouses": "CAN_MANAGE CAN_MONITOR CAN_USE CAN_VIEW IS_OWNER",
    "vector_search_endpoints": "CAN_CREATE CAN_MANAGE CAN_USE",
}
PRIVILEGES: Final = """
    ACCESS ALL_PRIVILEGES APPLY_TAG BROWSE CREATE CREATE_CATALOG CREATE_CLEAN_ROOM
    CREATE_CONNECTION CREATE_EXTERNAL_LOCATION CREATE_EXTERNAL_TABLE
    CREATE_EXTERNAL_VOLUME CREATE_FOREIGN_CATALOG CREATE_FOREIGN_SECURABLE CREATE_FUNCTION
    CREATE_MANAGED_STORAGE CREATE_MATERIALIZED_VIEW CREATE_MODEL CREATE_PROVIDER
    CREATE_RECIPIENT CREATE_SCHEMA CREATE_SERVICE_CREDENTIAL CREATE_SHARE
    CREATE_STORAGE_CREDENTIAL CREATE_TABLE CREATE_VIEW CREATE_VOLUME EXECUTE
    EXECUTE_CLEAN_ROOM_TASK EXTERNAL_USE_SCHEMA MANAGE MANAGE_ALLOWLIST MODIFY
    MODIFY_CLEAN_ROOM READ_FILES READ_METADATA READ_PRIVATE_FILES READ_VOLUME REFRESH
    SELECT SET_SHARE_PERMISSION USAGE USE_CATALOG USE_CONNECTION USE_MARKETPLACE_ASSETS
    USE_PROVIDER USE_RECIPIENT USE_SCHEMA USE_SHARE WRITE_FILES WRITE_PRIVATE_FILES
    WRITE_VOLUME
"""
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "bundle.Privilege": tuple(PRIVILEGES.split()),
    **{f"bundle.Level.{key}": tuple(words.split()) for key, words in LEVELS.items()},
}
# What a request must have, though the SDK's dataclass does without.
MUST: Final[Mapping[str, tuple[str, ...]]] = {
    "jobs.DeploymentSpec": ("command_path",),
    "pipelines.SchemaSpec": ("source_schema",),
    "pipelines.TableSpec": ("source_table",),
    "resources.external_locations": ("url",),
}
PART: Final = re.compile(r"\w+|\[[^\]]*\]")  # of a pattern
EMPTY: Final[Mapping[str, Any]] = {"string": "", "int": 0, "float": 0, "bool": False}
# What a policy, or the service, may give.
NEED_NOT: Final[Mapping[str, tuple[str, ...]]] = {
    "resources.clusters": ("spark_version",),
    "resources.genie_spaces": ("warehouse_id",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Fields of resources and of the structures inside them, and the values of enumerations."""

    resources: Mapping[str, Mapping[str, str]]
    structures: Mapping[str, Mapping[str, str]]
    required: Mapping[str, frozenset[str]]  # structure -> fields that a request must have
    enumerations: Mapping[str, tuple[str, ...]]

    def is_map(self, resource: str, pattern: str) -> bool:
        """Whether a map is there whose keys are the user's; `pattern` is as of rules."""
        return self.kind_at(resource, pattern).startswith("{")

    def kind_at(self, resource: str, pattern: str) -> str:
        """The kind of `tasks[*].libraries`; '' where nothing is known."""
        parts = PART.findall(pattern)
        kind = self.resources[resource].get(parts[0], "") if parts else ""
        for part in parts[1:]:
            if kind.startswith(("[", "{")):
                kind = kind[1:-1]
            else:
                kind = self.structures.get(kind, {}).get(part, "")
        return kind

    def paths(self) -> Iterator[tuple[str, str]]:
        """Every field as `jobs.*.tasks[*].task_key` with its kind; of what holds itself, once."""
        for key, fields in sorted(self.resources.items()):
            yield from self._below(f"{key}.*", fields, ())

    def _below(
        self, owner: str, fields: Mapping[str, str], above: tuple[str, ...]
    ) -> Iterator[tuple[str, str]]:
        for name, kind in sorted(fields.items()):
            path = f"{owner}.{name}"
            while True:
                yield path, kind
                if not kind.startswith(("[", "{")):
                    break
                path, kind = f"{path}{'[*]' if kind[0] == '[' else '.*'}", kind[1:-1]
            if kind in self.structures and kind not in above:
                yield from self._below(path, self.structures[kind], (*above, kind))

    def complete(self, kind: str, data: Any) -> Any:
        """`data` with what a request must have and is not given: empty, as the official CLI has it.

        So it is sent and recorded, whatever the service says of it.
        """
        if kind.startswith("[") and isinstance(data, list | tuple):
            return [self.complete(kind[1:-1], item) for item in data]
        if kind.startswith("{") and isinstance(data, Mapping):
            return {name: self.complete(kind[1:-1], item) for name, item in data.items()}
        fields = self.structures.get(kind)
        if fields is None or not isinstance(data, Mapping):
            return data
        full = {name: self.complete(fields.get(name, "any"), item) for name, item in data.items()}
        for name in self.required[kind]:
            if full.get(name) is None and fields[name] != "any":
                full[name] = self._empty(fields[name])
        return full

    def _empty(self, kind: str) -> Any:
        if kind in self.structures:
            return self.complete(kind, {})
        return "" if kind in self.enumerations else EMPTY.get(kind)

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
def _stored() -> Any:
    return json.loads(Path(__file__).with_name("fields.json").read_bytes())


@cache
def answered_fields(key: str) -> frozenset[str]:
    """Names that the service's answer about a resource of this type has, as it is recorded."""
    return frozenset((*_stored()["answers"].get(key, ()), *TOLD.get(key, ())))


@cache
def catalogue() -> Catalogue:
    """The catalogue of this installation."""
    stored = _stored()
    resources = {key: {**fields, **_added(key)} for key, fields in stored["resources"].items()}
    entry = BUNDLE["bundle.Permission"]
    entries = {
        f"bundle.Permission.{key}": {**entry, "level": f"bundle.Level.{key}!"} for key in LEVELS
    }
    structures = {**stored["structures"], **BUNDLE, **entries}
    required = {
        name: frozenset(
            (*(field for field, kind in fields.items() if kind.endswith("!")), *MUST.get(name, ()))
        ).difference(NEED_NOT.get(name, ()))
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
    entry = f"Permission.{key}" if key in LEVELS else "Permission"
    access = {"permissions": f"[bundle.{entry}]"} if key in WITH_PERMISSIONS else {}
    grant = "SecretGrant" if key == "secrets" else "Grant"
    access |= {"grants": f"[bundle.{grant}]"} if key in WITH_GRANTS else {}
    access |= {"lifecycle": "bundle.LifecycleWithStarted"} if key in WITH_STARTED else {}
    return {**LOCAL, **access, **ADDED.get(key, {})}
