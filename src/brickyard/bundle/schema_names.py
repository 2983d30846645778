"""How the schema for editors names its definitions, and which fields it marks as obsolete.

Tools that read the official schema (code generators, editors' outlines) look definitions up by the
name of the Go type behind them. Ours are named alike: structures of the SDK have the same names in
both languages, the bundle's own are in the tables here. A list of a type is `slice/<type>`, a map
of it `map/<type>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CONFIG: Final = "github.com/databricks/cli/bundle/config"
RESOURCES: Final = f"{CONFIG}/resources"
SDK: Final = "github.com/databricks/databricks-sdk-go"
BASIC: Final = {"int": "int", "float": "float64", "bool": "bool", "string": "string"}
# Structures and enumerations of the configuration that are in no service.
OWN: Final[Mapping[str, str]] = {
    **{
        name: f"{CONFIG}.{name}"
        for name in (
            *("Artifact", "ArtifactFile", "ArtifactType", "Bundle", "Command", "Deployment"),
            *("Experimental", "Git", "Lock", "Mode", "Presets", "PyDABs", "Python", "Resources"),
            *("Script", "Sync", "Target", "Workspace"),
        )
    },
    **{
        name: f"{CONFIG}/variable.{name}"
        for name in ("Lookup", "TargetVariable", "Variable", "VariableType")
    },
    "EngineType": f"{CONFIG}/engine.EngineType",
    "Executable": "github.com/databricks/cli/libs/exec.ExecutableType",
    "Duration": f"{SDK}/common/types/duration.Duration",
    "Time": f"{SDK}/common/types/time.Time",
    "any": "interface",
    "bundle.Grant": f"{SDK}/service/catalog.PrivilegeAssignment",
    "bundle.Privilege": f"{SDK}/service/catalog.Privilege",
    "bundle.Level.apps": f"{SDK}/service/apps.AppPermissionLevel",
    "bundle.Level.clusters": f"{SDK}/service/compute.ClusterPermissionLevel",
    "bundle.Level.experiments": f"{SDK}/service/ml.ExperimentPermissionLevel",
    "bundle.Level.instance_pools": f"{SDK}/service/compute.InstancePoolPermissionLevel",
    "bundle.Level.jobs": f"{SDK}/service/jobs.JobPermissionLevel",
    "bundle.Level.model_serving_endpoints": f"{SDK}/service/serving.ServingEndpointPermissionLevel",
    "bundle.Level.models": f"{SDK}/service/ml.RegisteredModelPermissionLevel",
    "bundle.Level.pipelines": f"{SDK}/service/pipelines.PipelinePermissionLevel",
    "bundle.Level.secret_scopes": f"{RESOURCES}.SecretScopePermissionLevel",
    "bundle.Level.sql_warehouses": f"{SDK}/service/sql.WarehousePermissionLevel",
    "bundle.Level.vector_search_endpoints": (
        f"{SDK}/service/vectorsearch.VectorSearchEndpointPermissionLevel"
    ),
}
# A resource type's name is its key in the singular, but for these.
SINGULAR: Final[Mapping[str, str]] = {
    "experiments": "MlflowExperiment",
    "models": "MlflowModel",
    "postgres_branches": "PostgresBranch",
    "vector_search_indexes": "VectorSearchIndex",
}
# Numbers that the API counts in 64 bits; the schema of both is the same.
LONG: Final[Mapping[str, frozenset[str]]] = {
    "apps.GitRepository": frozenset({"caller_credential_id"}),
    "jobs.DbtCloudTask": frozenset({"dbt_cloud_job_id"}),
    "jobs.JobsHealthRule": frozenset({"value"}),
    "jobs.RunJobTask": frozenset({"job_id"}),
    "pipelines.IngestionPipelineDefinitionTableSpecificConfigQueryBasedConnectorConfig": frozenset(
        {"hard_deletion_sync_min_interval_in_seconds"}
    ),
    "pipelines.KafkaOptions": frozenset({"max_offsets_per_trigger"}),
    "resources.catalogs": frozenset({"custom_max_retention_hours"}),
    "resources.job_runs": frozenset({"job_id"}),
    "resources.registered_models": frozenset({"created_at", "updated_at"}),
    "resources.schemas": frozenset({"custom_max_retention_hours"}),
    "resources.vector_search_endpoints": frozenset({"target_qps"}),
    "serving.AiGatewayRateLimit": frozenset({"calls", "tokens"}),
    "serving.RateLimit": frozenset({"calls"}),
    "serving.ServedEntityInput": frozenset({"provisioned_model_units"}),
    "serving.ServedModelInput": frozenset({"provisioned_model_units"}),
}
JOB_PARAMETERS: Final = (
    "dbt_commands jar_params notebook_params python_named_params python_params"
    " spark_submit_params sql_params"
)
# Fields that their service has given up, or the bundle has another name for.
OBSOLETE: Final[Mapping[str, str]] = {
    "Root": "environments",
    "Experimental": "pydabs",
    "Target": "compute_id",
    "compute.Environment": "client",
    "compute.GcpAttributes": "use_preemptible_executors",
    "compute.InitScriptInfo": "dbfs",
    "compute.Library": "egg",
    "jobs.JobEmailNotifications": "no_alert_for_skipped_runs",
    "jobs.RunJobTask": JOB_PARAMETERS,
    "jobs.SparkJarTask": "jar_uri run_as_repl",
    "jobs.Task": "dbt_cloud_task spark_submit_task",
    "jobs.TaskEmailNotifications": "no_alert_for_skipped_runs",
    "pipelines.IngestionGatewayPipelineDefinition": "connection_id",
    "pipelines.IngestionPipelineDefinitionWorkdayReportParameters": "incremental report_parameters",
    "pipelines.MetaMarketingOptions": (
        "action_attribution_windows action_breakdowns action_report_time breakdowns level"
        " time_increment"
    ),
    "pipelines.OutlookOptions": "folder_filter sender_filter subject_filter",
    "pipelines.PipelineLibrary": "whl",
    "pipelines.TikTokAdsOptions": "data_level dimensions metrics query_lifetime report_type",
    "resources.alerts": "run_as_user_name",
    "resources.job_runs": JOB_PARAMETERS,
    "resources.model_serving_endpoints": "rate_limits",
    "resources.pipelines": "target trigger",
    "resources.sql_warehouses": "instance_profile_arn",
    "serving.AiGatewayGuardrailParameters": "invalid_keywords valid_topics",
    "serving.EndpointCoreConfigInput": "auto_capture_config",
}
INSTEAD: Final[Mapping[tuple[str, str], str]] = {
    ("Root", "environments"): "targets",
    ("Experimental", "pydabs"): "python",
    ("Target", "compute_id"): "cluster_id",
    ("resources.pipelines", "target"): "schema",
    ("resources.pipelines", "trigger"): "continuous",
}


def definition_name(kind: str) -> str:
    """The name of a type's definition, parts of its path separated by `/`."""
    if kind.startswith("["):
        return f"slice/{definition_name(kind[1:-1])}"
    if kind.startswith("{"):
        return f"map/{definition_name(kind[1:-1])}"
    if kind in BASIC:
        return BASIC[kind]
    if kind in OWN:
        return OWN[kind]
    room, _, name = kind.partition(".")
    if room == "resources":
        return f"{RESOURCES}.{_singular(name)}"
    if room == "bundle" and name.startswith("Permission."):
        return f"{RESOURCES}.{_singular(name.partition('.')[2])}Permission"
    if room == "bundle":
        return f"{RESOURCES}.{name}"
    return f"{SDK}/service/{kind}"


def note_of(structure: str, field: str) -> dict[str, object]:
    """What an editor is told of an obsolete field; nothing of others."""
    if field not in OBSOLETE.get(structure, "").split():
        return {}
    other = INSTEAD.get((structure, field))
    message = f"Obsolete: write `{other}`" if other else "Obsolete"
    return {"deprecated": True, "deprecationMessage": message}


def _singular(key: str) -> str:
    return SINGULAR.get(key) or "".join(word.capitalize() for word in key.split("_")).removesuffix(
        "s"
    )
