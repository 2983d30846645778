"""Writes the field catalogue: which fields every resource type takes, from the SDK's dataclasses.

    python scripts/field_catalogue.py            # rewrites src/brickyard/resources/fields.json
    python scripts/field_catalogue.py --check    # exit 1 when the committed file is stale

The SDK is the source, not a dependency: the catalogue is what the engine reads. A type is written
`string`, `int`, `float`, `bool`, `any`, `[T]` for a list, `{T}` for a map, or the name of a
structure or an enumeration in the same file; `!` after it marks a field that a request must have.
Only what a request takes is in it; `answers` names the fields of what the service answers.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import json
import re
import sys
import typing
from pathlib import Path
from typing import Any

import databricks.sdk.service as services
from databricks.sdk.service import (
    apps,
    catalog,
    compute,
    dashboards,
    database,
    iam,
    jobs,
    ml,
    pipelines,
    postgres,
    serving,
    sql,
    vectorsearch,
    workspace,
)

TARGET = Path(__file__).parent.parent / "src" / "brickyard" / "resources" / "fields.json"
# What a request of each kind takes: methods whose arguments are the fields, or dataclasses.
SOURCES: dict[str, tuple[Any, ...]] = {
    "alerts": (sql.AlertV2,),
    "apps": (apps.App,),
    "catalogs": (catalog.CatalogsAPI.create,),
    "clusters": (compute.ClustersAPI.create,),
    "dashboards": (dashboards.Dashboard,),
    "database_catalogs": (database.DatabaseCatalog,),
    "database_instances": (database.DatabaseInstance,),
    "experiments": (ml.ExperimentsAPI.create_experiment,),
    "external_locations": (catalog.ExternalLocationsAPI.create,),
    "genie_spaces": (dashboards.GenieAPI.create_space,),
    "instance_pools": (compute.InstancePoolsAPI.create,),
    "job_runs": (jobs.JobsAPI.run_now,),
    "jobs": (jobs.JobSettings,),
    "model_serving_endpoints": (serving.ServingEndpointsAPI.create,),
    "models": (ml.ModelRegistryAPI.create_model,),
    "pipelines": (pipelines.PipelinesAPI.create,),
    "postgres_branches": (postgres.BranchSpec,),
    "postgres_catalogs": (postgres.CatalogCatalogSpec,),
    "postgres_databases": (postgres.DatabaseDatabaseSpec,),
    "postgres_endpoints": (postgres.EndpointSpec,),
    "postgres_projects": (postgres.ProjectSpec,),
    "postgres_roles": (postgres.RoleRoleSpec,),
    "postgres_synced_tables": (postgres.SyncedTableSyncedTableSpec,),
    "quality_monitors": (catalog.QualityMonitorsAPI.create,),
    "registered_models": (catalog.RegisteredModelsAPI.create,),
    "schemas": (catalog.SchemasAPI.create,),
    "secret_scopes": (workspace.SecretsAPI.create_scope,),
    "secrets": (catalog.Secret,),
    "sql_warehouses": (sql.WarehousesAPI.create,),
    "synced_database_tables": (database.SyncedDatabaseTable,),
    "vector_search_endpoints": (vectorsearch.VectorSearchEndpointsAPI.create_endpoint,),
    "vector_search_indexes": (vectorsearch.VectorSearchIndexesAPI.create_index,),
    "volumes": (catalog.VolumesAPI.create,),
}
# What the service answers when it is asked for one.
ANSWERS: dict[str, tuple[Any, ...]] = {
    "alerts": (sql.AlertV2,),
    "apps": (apps.App,),
    "catalogs": (catalog.CatalogInfo,),
    "clusters": (compute.ClusterDetails,),
    "dashboards": (dashboards.Dashboard, dashboards.PublishedDashboard),
    "database_catalogs": (database.DatabaseCatalog,),
    "database_instances": (database.DatabaseInstance,),
    "experiments": (ml.Experiment,),
    "external_locations": (catalog.ExternalLocationInfo,),
    "genie_spaces": (dashboards.GenieSpace,),
    "instance_pools": (compute.GetInstancePool,),
    "job_runs": (jobs.Run,),
    "jobs": (jobs.Job, jobs.JobSettings),
    "model_serving_endpoints": (serving.ServingEndpointDetailed,),
    "models": (ml.ModelDatabricks,),
    "pipelines": (pipelines.GetPipelineResponse, pipelines.PipelineSpec),
    "postgres_branches": (postgres.Branch, postgres.BranchStatus),
    "postgres_catalogs": (postgres.Catalog, postgres.CatalogCatalogStatus),
    "postgres_databases": (postgres.Database, postgres.DatabaseDatabaseStatus),
    "postgres_endpoints": (postgres.Endpoint, postgres.EndpointStatus),
    "postgres_projects": (postgres.Project, postgres.ProjectStatus),
    "postgres_roles": (postgres.Role, postgres.RoleRoleStatus),
    "postgres_synced_tables": (postgres.SyncedTable, postgres.SyncedTableSyncedTableStatus),
    "quality_monitors": (catalog.MonitorInfo,),
    "registered_models": (catalog.RegisteredModelInfo,),
    "schemas": (catalog.SchemaInfo,),
    "secret_scopes": (workspace.SecretScope,),
    "secrets": (catalog.Secret,),
    "sql_warehouses": (sql.GetWarehouseResponse,),
    "synced_database_tables": (database.SyncedDatabaseTable,),
    "vector_search_endpoints": (vectorsearch.EndpointInfo,),
    "vector_search_indexes": (vectorsearch.VectorIndex,),
    "volumes": (catalog.VolumeInfo,),
}
# Arguments of the methods that a bundle spells otherwise, or that say how to call, not what.
NOT_IN_BUNDLES: dict[str, frozenset[str]] = {
    "clusters": frozenset({"clone_from"}),
    "secret_scopes": frozenset(
        {"scope", "backend_azure_keyvault", "scope_backend_type", "initial_manage_principal"}
    ),
}
LATE = ("billing", "catalog", "compute", "dashboards", "jobs", "ml", "pipelines", "serving", "sql")
# In the request's path, so not in its body.
IN_PATH = {serving.EndpointCoreConfigInput: "name"}
PLAIN = {str: "string", int: "int", float: "float", bool: "bool"}


def main() -> int:
    text = render()
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() == text:
            return 0
        print("fields.json is stale: run python scripts/field_catalogue.py", file=sys.stderr)
        return 1
    TARGET.write_text(text)
    return 0


def render() -> str:
    structures: dict[str, dict[str, str]] = {}
    enumerations: dict[str, list[str]] = {}
    # The levels that entries of `permissions` take, of whatever resource.
    spell(iam.PermissionLevel, structures, enumerations)
    resources = {
        key: resource_fields(key, sources, structures, enumerations)
        for key, sources in sorted(SOURCES.items())
    }
    answers = {
        key: sorted({name for source in sources for name in wire_fields(source)})
        for key, sources in sorted(ANSWERS.items())
    }
    rows = [
        f' "answers": {block(answers)},',
        f' "resources": {block(resources)},',
        f' "structures": {block(structures)},',
        f' "enumerations": {block(enumerations)}',
    ]
    return "\n".join(("{", *rows, "}")) + "\n"


def block(named: dict[str, Any]) -> str:
    lines = [f"  {json.dumps(name)}: {json.dumps(named[name])}" for name in sorted(named)]
    return "{\n" + ",\n".join(lines) + "\n }"


def resource_fields(
    key: str,
    sources: tuple[Any, ...],
    structures: dict[str, dict[str, str]],
    enumerations: dict[str, list[str]],
) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in sources:
        found |= fields_of(source, structures, enumerations)
    return {
        name: found[name]
        for name in sorted(found)
        if name not in NOT_IN_BUNDLES.get(key, frozenset())
    }


def fields_of(
    source: Any, structures: dict[str, dict[str, str]], enumerations: dict[str, list[str]]
) -> dict[str, str]:
    # Also as locals: a field called `compute` would hide the module of that name.
    names_there = names_in(source.__module__)
    hints = typing.get_type_hints(source, names_there, names_there)
    if dataclasses.is_dataclass(source):
        wire = wire_names(source)
        names = {
            field.name: wire.get(field.name, field.name) for field in dataclasses.fields(source)
        }
    else:
        arguments = list(inspect.signature(source).parameters)[1:]
        names = {name: name for name in arguments if name != "timeout"}
    names.pop(IN_PATH.get(source, ""), None)
    return {
        written: spell(hints[name], structures, enumerations)
        + ("" if type(None) in typing.get_args(hints[name]) else "!")
        for name, written in sorted(names.items())
    }


def names_in(module: str) -> dict[str, Any]:
    """A module's names and the other service modules, which the SDK imports late."""
    names = dict(vars(sys.modules[module]))
    for name in LATE:
        if names.get(name) is None:
            names[name] = importlib.import_module(f"{services.__name__}.{name}")
    return names


def wire_fields(source: Any) -> list[str]:
    """A dataclass' fields, as they are called on the wire."""
    wire = wire_names(source)
    return [wire.get(field.name, field.name) for field in dataclasses.fields(source)]


def wire_names(source: Any) -> dict[str, str]:
    """Field of the dataclass -> name on the wire, which differs where Python forbids the name."""
    text = inspect.getsource(source.as_dict)
    return {field: wire for wire, field in re.findall(r'body\["([^"]+)"\] = .*?self\.(\w+)', text)}


def spell(
    hint: Any, structures: dict[str, dict[str, str]], enumerations: dict[str, list[str]]
) -> str:
    arguments = [part for part in typing.get_args(hint) if part is not type(None)]
    origin = typing.get_origin(hint)
    if origin is list:
        return f"[{spell(arguments[0], structures, enumerations)}]"
    if origin is dict:
        return "{" + spell(arguments[1], structures, enumerations) + "}"
    if origin is not None and arguments:
        return spell(arguments[0], structures, enumerations)
    if hint in PLAIN:
        return PLAIN[hint]
    if not inspect.isclass(hint):
        return "any"
    name = f"{hint.__module__.rsplit('.', 1)[-1]}.{hint.__name__}"
    if issubclass(hint, enum.Enum):
        enumerations[name] = [member.value for member in hint]
    elif dataclasses.is_dataclass(hint):
        if name not in structures:
            structures[name] = {}
            structures[name].update(fields_of(hint, structures, enumerations))
    else:
        return "string" if hint.__name__ in {"Timestamp", "Duration", "FieldMask"} else "any"
    return name


if __name__ == "__main__":
    sys.exit(main())
