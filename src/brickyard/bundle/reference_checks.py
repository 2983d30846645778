"""References to what only Terraform's resources have: they stay empty here, so they are told.

`NAMES` are arguments and attributes of the public Terraform provider at the top of a resource, for
which neither a bundle nor the service has a field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.references import names_in
from brickyard.values import Diagnostic, Path, Severity, Value, error, show, warning

NAMES: Final[dict[str, frozenset[str]]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "alerts": "purge_on_delete",
        "apps": "no_compute",
        "clusters": "clear_cloud_attributes_on_remove idempotency_token is_pinned no_wait url",
        "dashboards": "dashboard_change_detected md5",
        "database_instances": "purge_on_delete",
        "experiments": "description",
        "jobs": "always_running control_run_state existing_cluster_id max_retries"
        " min_retry_interval_millis retry_on_timeout url",
        "model_serving_endpoints": "endpoint_url serving_endpoint_id",
        "pipelines": "expected_last_modified url",
        "schemas": "force_destroy",
        "secret_scopes": "initial_manage_principal",
        "sql_warehouses": "data_source_id no_wait",
    }.items()
}
ENGINE: Final = "DATABRICKS_BUNDLE_ENGINE"


def check_references(draft: Draft) -> Draft:
    """Errors; only warnings for who still names the old engine. Reads: everything."""
    if not _mentions_resources(draft.tree):
        return draft
    engine = draft.text("bundle.engine") or draft.facts.environment.get(ENGINE, "")
    severity = Severity.WARNING if engine == "terraform" else Severity.ERROR
    return draft.noting(*_terraform_only(draft, severity), *_no_volumes(draft))


def _mentions_resources(value: Value) -> bool:
    data = value.data
    if isinstance(data, str):
        return "${resources." in data
    below = data.values() if isinstance(data, dict) else data if isinstance(data, tuple) else ()
    return any(map(_mentions_resources, below))


def _mentioned(tree: Value) -> Iterator[tuple[Path, Value, str]]:
    """Every reference to a field of a resource: where it stands, in what, and what it names."""
    for path, value in tree.walk():
        if isinstance(value.data, str) and "${resources." in value.data:
            for name in names_in(value.data):
                if name.count(".") > 2:
                    yield path, value, name


def _no_volumes(draft: Draft) -> Iterator[Diagnostic]:
    """Paths of volumes that the bundle does not have: those that it has are filled in by now."""
    for path, value, name in _mentioned(draft.tree):
        _, kind, key, field = name.split(".", 3)
        if kind == "volumes" and field == "volume_path":
            yield error(
                "bundle/unknown-reference",
                f"reference does not exist: ${{{name}}}",
                f"There is no volume `{key}`. Declare it, or write the path itself.",
                path=show(path),
                at=value.locations[:1],
            )


def _terraform_only(draft: Draft, severity: Severity) -> Iterator[Diagnostic]:
    found = error if severity is Severity.ERROR else warning
    for path, value, name in _mentioned(draft.tree):
        _, kind, _, field = name.split(".", 3)
        if field.split(".")[0] not in NAMES.get(kind, ()):
            continue
        told = f'"{name}": Terraform-only field;'
        yield found(
            "bundle/terraform-field",
            f"{told} cross-resource references to Terraform-only fields are not supported by the"
            " direct engine"
            if severity is Severity.ERROR
            else f"{told} this reference will not work with the direct engine",
            f"No {kind} have `{field}` but in Terraform. Refer to a field that they have, or write"
            " the value itself.",
            path=show(path),
            at=value.locations[:1],
        )
