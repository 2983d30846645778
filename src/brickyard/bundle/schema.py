"""The shape of `databricks.yml` around the resources: which keys there are and what they hold.

Types are spelled as in the field catalogue of the resources, which this one includes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from brickyard.resources import TITLES, catalogue

STRUCTURES: Final[Mapping[str, Mapping[str, str]]] = {
    "Root": {
        "variables": "{Variable}",
        "bundle": "Bundle",
        "include": "[string]",
        "workspace": "Workspace",
        "artifacts": "{Artifact}",
        "resources": "Resources",
        "targets": "{Target}",
        "environments": "{Target}",
        "definitions": "any",
        "sync": "Sync",
        "run_as": "jobs.JobRunAs",
        "presets": "Presets",
        "experimental": "Experimental",
        "permissions": "[bundle.Permission]",
        "scripts": "{Script}",
        "python": "Python",
    },
    "Variable": {
        "type": "string",
        "default": "any",
        "value": "any",
        "description": "string",
        "lookup": "Lookup",
    },
    "Lookup": dict.fromkeys(
        (
            "alert",
            "cluster",
            "cluster_policy",
            "dashboard",
            "instance_pool",
            "job",
            "metastore",
            "notification_destination",
            "pipeline",
            "query",
            "service_principal",
            "warehouse",
        ),
        "string",
    ),
    "Bundle": {
        "name": "string",
        "uuid": "string",
        "databricks_cli_version": "string",
        "cluster_id": "string",
        "compute_id": "string",
        "engine": "string",
        "git": "Git",
        "deployment": "Deployment",
        "target": "string",
        "environment": "string",
        "mode": "string",
        "force": "bool",
        "terraform": "any",
    },
    "Git": {
        "branch": "string",
        "origin_url": "string",
        "commit": "string",
        "actual_branch": "string",
        "bundle_root_path": "string",
        "inferred": "bool",
    },
    "Deployment": {"fail_on_active_runs": "bool", "lock": "Lock"},
    "Lock": {"enabled": "bool", "force": "bool"},
    "Workspace": {
        **dict.fromkeys(
            (
                "host",
                "profile",
                "auth_type",
                "account_id",
                "workspace_id",
                "client_id",
                "google_service_account",
                "azure_resource_id",
                "azure_workspace_resource_id",
                "azure_tenant_id",
                "azure_client_id",
                "azure_environment",
                "azure_login_app_id",
                "azure_use_msi",
                "root_path",
                "file_path",
                "resource_path",
                "artifact_path",
                "state_path",
                "snapshot_path",
            ),
            "string",
        ),
        "azure_use_msi": "bool",
        "experimental_is_unified_host": "bool",
        "current_user": "CurrentUser",
    },
    # SCIM Me, and two fields made of it.
    "CurrentUser": {
        **dict.fromkeys(
            ("displayName", "domain_friendly_name", "externalId", "id", "short_name", "userName"),
            "string",
        ),
        **dict.fromkeys(("emails", "entitlements", "groups", "roles", "schemas"), "any"),
        "name": "PersonName",
        "active": "bool",
    },
    "PersonName": {"familyName": "string", "givenName": "string"},
    "Artifact": {
        "type": "ArtifactType",
        "path": "string",
        "build": "string",
        "executable": "Executable",
        "files": "[ArtifactFile]",
        "dynamic_version": "bool",
    },
    "ArtifactFile": {"source": "string", "patched": "string", "remote_path": "string"},
    "Target": {
        "default": "bool",
        "mode": "string",
        "bundle": "Bundle",
        "workspace": "Workspace",
        "artifacts": "{Artifact}",
        "resources": "Resources",
        "variables": "{Variable}",
        "git": "Git",
        "run_as": "jobs.JobRunAs",
        "sync": "Sync",
        "permissions": "[bundle.Permission]",
        "presets": "Presets",
        "cluster_id": "string",
        "compute_id": "string",
    },
    "Sync": {"include": "[string]", "exclude": "[string]", "paths": "[string]"},
    "Presets": {
        "name_prefix": "string",
        "pipelines_development": "bool",
        "trigger_pause_status": "string",
        "jobs_max_concurrent_runs": "int",
        "tags": "{string}",
        "source_linked_deployment": "bool",
        "artifacts_dynamic_version": "bool",
    },
    "Experimental": {
        "scripts": "{string}",
        "python_wheel_wrapper": "bool",
        "use_legacy_run_as": "bool",
        "python": "Python",
        "pydabs": "PyDABs",
        "skip_artifact_cleanup": "bool",
        "skip_name_prefix_for_schema": "bool",
        "immutable_folder": "bool",
        "record_deployment_history": "bool",
    },
    "PyDABs": {"enabled": "bool"},
    "Script": {"content": "string", "env": "{string}"},
    "Python": {"resources": "[string]", "mutators": "[string]", "venv_path": "string"},
}
REQUIRED: Final = {"ArtifactFile": frozenset({"source"})}
WORDS: Final = {"ArtifactType": ("whl", "jar"), "Executable": ("bash", "sh", "cmd")}
# Fields shown though they say nothing, or say `false`; kinds whose null is an empty section.
KEPT_FALSE: Final = frozenset(
    {
        ("ArtifactFile", "source"),
        ("Bundle", "name"),
        ("Script", "content"),
        ("Lock", "enabled"),
        ("Presets", "pipelines_development"),
        ("Presets", "source_linked_deployment"),
    }
)
KEPT_NULL: Final = frozenset({"Bundle", "Workspace", "Resources", "Sync", "Presets"})
ZEROS: Final[Mapping[str, object]] = {"string": "", "int": 0, "float": 0.0, "bool": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Structures by name and enumerations by name."""

    structures: Mapping[str, Mapping[str, str]]
    required: Mapping[str, frozenset[str]]
    enumerations: Mapping[str, tuple[str, ...]]

    def below(self, kind: str, step: str | int) -> str | None:
        """The type one step below a type; None when there is no such field."""
        if kind == "any":
            return "any"
        if isinstance(step, int):
            return kind[1:-1] if kind.startswith("[") else None
        if kind.startswith("{"):
            return kind[1:-1]
        return self.structures.get(kind, {}).get(step)

    def at(self, path: tuple[str | int, ...]) -> str | None:
        """The type at a path below the root."""
        kind: str | None = "Root"
        for step in path:
            kind = self.below(kind, step) if kind else None
        return kind


@cache
def schema() -> Schema:
    """The schema of the whole configuration."""
    fields = catalogue()
    known = {f"resources.{key}": shape for key, shape in fields.resources.items()}
    resources = {
        key: "{" + (f"resources.{key}" if f"resources.{key}" in known else "any") + "}"
        for key in TITLES
    }
    return Schema(
        structures={**fields.structures, **STRUCTURES, **known, "Resources": resources},
        required={**fields.required, **REQUIRED},
        enumerations={**fields.enumerations, **WORDS},
    )
