"""For each resource type: a small resource, a change that updates it and one that makes it anew.

`CASES` is what the walk over all types goes through. In names, `$u` becomes the run's own suffix,
`$dev.$u` a schema that is there beforehand, with the table `source` (`id`, `text`) and the model
`served` in it, and `$house` the id of a SQL warehouse. The variable `hidden` has
a value from the environment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Json = Mapping[str, Any]
EVERYBODY: Final = {"group_name": "users"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`update` and `recreate` are fields with other values; None where the type has no such one.

    `needs` are other resources of the bundle, `level` is a permission and `privilege` a grant for
    everybody.
    """

    config: Json
    update: Json | None
    recreate: Json | None
    needs: Mapping[str, Json] = field(default_factory=dict)
    level: str = ""
    privilege: str = ""


SCHEMA: Final = {"catalog_name": "dev", "schema_name": "walk_$u"}
INSTANCE: Final = {"database_instances": {"home": {"name": "walk-home-$u", "capacity": "CU_1"}}}
BRANCH: Final = {
    "postgres_projects": {"home": {"project_id": "walk-home-$u", "pg_version": 16}},
    "postgres_branches": {
        "work": {
            "parent": "${resources.postgres_projects.home.name}",
            "branch_id": "work",
            "no_expiry": True,
        }
    },
}
ON_BRANCH: Final = "${resources.postgres_branches.work.name}"
CONDITION: Final = {"op": "EQUAL_TO", "left": "a", "right": "a"}
TASK: Final = {"task_key": "one", "condition_task": CONDITION}
SERVED: Final = {"entity_name": "dev.walk_$u.served", "entity_version": "1", "name": "served"}

CASES: Final[Mapping[str, Case]] = {
    "alerts": Case(
        config={
            "display_name": "walk $u",
            "warehouse_id": "$house",
            "query_text": "SELECT 1 AS x",
            "evaluation": {
                "comparison_operator": "GREATER_THAN",
                "source": {"name": "x"},
                "threshold": {"value": {"double_value": 5}},
            },
            "schedule": {"quartz_cron_schedule": "0 0 5 1 1 ?", "timezone_id": "UTC"},
        },
        update={"query_text": "SELECT 2 AS x"},
        recreate=None,
        level="CAN_RUN",
    ),
    "apps": Case(
        config={"name": "walk-$u", "description": "walked", "source_code_path": "./app"},
        update={"description": "walked twice"},
        recreate={"name": "walk-$u-2"},
        level="CAN_USE",
    ),
    "catalogs": Case(
        config={"name": "walk_$u", "comment": "walked"},
        update={"comment": "walked twice"},
        recreate=None,
        privilege="USE_CATALOG",
    ),
    "clusters": Case(
        config={
            "cluster_name": "walk $u",
            "spark_version": "15.4.x-scala2.12",
            "node_type_id": "i3.xlarge",
            "num_workers": 1,
        },
        update={"spark_version": "16.4.x-scala2.12"},
        recreate=None,
        level="CAN_RESTART",
    ),
    "dashboards": Case(
        config={
            "display_name": "walk $u",
            "warehouse_id": "$house",
            "parent_path": "/Workspace/Shared/walk_$u",
            "serialized_dashboard": '{"pages": [{"name": "one", "displayName": "One"}]}',
        },
        update={"serialized_dashboard": '{"pages": [{"name": "two", "displayName": "Two"}]}'},
        recreate={"parent_path": "/Workspace/Shared/walk_$u/other"},
        level="CAN_READ",
    ),
    "database_catalogs": Case(
        config={
            "name": "walk_db_$u",
            "database_instance_name": "${resources.database_instances.home.name}",
            "database_name": "postgres",
        },
        update=None,
        recreate={"name": "walk_db_$u_2"},
        needs=INSTANCE,
    ),
    "database_instances": Case(
        config={"name": "walk-$u", "capacity": "CU_1"},
        update={"capacity": "CU_2"},
        recreate={"name": "walk-$u-2"},
        level="CAN_USE",
    ),
    "experiments": Case(
        config={"name": "/Shared/walk_$u"},
        update={"name": "/Shared/walk_$u_renamed"},
        recreate={"artifact_location": "s3://walk-$u/artifacts"},
        level="CAN_READ",
    ),
    "external_locations": Case(
        config={"name": "walk_$u", "url": "s3://walk-$u/a", "credential_name": "walk_$u"},
        update={"comment": "walked"},
        recreate=None,
        privilege="READ_FILES",
    ),
    "genie_spaces": Case(
        config={
            "title": "walk $u",
            "warehouse_id": "$house",
            "serialized_space": '{"version": 1}',
        },
        update={"title": "walk $u again"},
        recreate=None,
        level="CAN_RUN",
    ),
    "instance_pools": Case(
        config={"instance_pool_name": "walk $u", "node_type_id": "i3.xlarge"},
        update={"max_capacity": 4},
        recreate={"preloaded_spark_versions": ["15.4.x-scala2.12"]},
        level="CAN_ATTACH_TO",
    ),
    "jobs": Case(
        config={"name": "walk $u", "tasks": [TASK]},
        update={"description": "walked"},
        recreate=None,
        level="CAN_VIEW",
    ),
    "job_runs": Case(
        config={"job_id": "${resources.jobs.home.id}"},
        update=None,
        recreate={"job_parameters": {"of": "whom"}},
        needs={
            "jobs": {
                "home": {
                    "name": "walk home $u",
                    "parameters": [{"name": "of", "default": "all"}],
                    "tasks": [TASK],
                }
            }
        },
    ),
    "models": Case(
        config={"name": "walk $u", "description": "walked"},
        update={"description": "walked twice"},
        recreate={"name": "walk $u 2"},
        level="CAN_READ",
    ),
    "model_serving_endpoints": Case(
        config={
            "name": "walk-$u",
            "config": {"served_entities": [{**SERVED, "workload_size": "Small"}]},
        },
        update={"tags": [{"key": "walked", "value": "twice"}]},
        recreate={"name": "walk-$u-2"},
        level="CAN_QUERY",
    ),
    "pipelines": Case(
        config={
            "name": "walk $u",
            "catalog": "dev",
            "schema": "walk_$u",
            "serverless": True,
            "libraries": [{"file": {"path": "./pipeline/tables.sql"}}],
        },
        update={"development": True},
        recreate={"storage": "dbfs:/walk_$u"},
        level="CAN_RUN",
    ),
    "postgres_branches": Case(
        config={
            "parent": "${resources.postgres_projects.home.name}",
            "branch_id": "walk",
            "ttl": "86400s",
        },
        update={"ttl": "172800s"},  # not is_protected: that branch could not be made anew
        recreate={"branch_id": "walk2"},
        needs={"postgres_projects": BRANCH["postgres_projects"]},
    ),
    "postgres_catalogs": Case(
        config={"catalog_id": "walk_pg_$u", "branch": ON_BRANCH, "postgres_database": "postgres"},
        update=None,
        recreate={"catalog_id": "walk_pg_$u_2"},
        needs=BRANCH,
    ),
    "postgres_databases": Case(
        config={
            "parent": ON_BRANCH,
            "database_id": "walk",
            "postgres_database": "walk",
            "role": "${resources.postgres_roles.owner.name}",
        },
        update={"postgres_database": "walked"},
        recreate={"database_id": "walk2"},
        needs={**BRANCH, "postgres_roles": {"owner": {"parent": ON_BRANCH, "role_id": "owner"}}},
    ),
    "postgres_endpoints": Case(
        config={
            "parent": ON_BRANCH,
            "endpoint_id": "walk",
            "endpoint_type": "ENDPOINT_TYPE_READ_ONLY",
        },
        update={"autoscaling_limit_max_cu": 4, "autoscaling_limit_min_cu": 1},
        recreate={"endpoint_id": "walk2"},
        needs=BRANCH,
    ),
    "postgres_projects": Case(
        config={"project_id": "walk-$u", "display_name": "walked", "pg_version": 16},
        update={"display_name": "walked twice"},
        recreate={"pg_version": 17},
        level="CAN_USE",
    ),
    "postgres_roles": Case(
        config={"parent": ON_BRANCH, "role_id": "walk", "postgres_role": "walk"},
        update={"attributes": {"createdb": True}},
        recreate={"role_id": "walk2"},
        needs=BRANCH,
    ),
    "postgres_synced_tables": Case(
        config={
            "synced_table_id": "dev.walk_$u.copied",
            "branch": ON_BRANCH,
            "postgres_database": "postgres",
            "source_table_full_name": "dev.walk_$u.source",
            "primary_key_columns": ["id"],
            "scheduling_policy": "SNAPSHOT",
        },
        update=None,
        recreate={"synced_table_id": "dev.walk_$u.copied_2"},
        needs=BRANCH,
    ),
    "quality_monitors": Case(
        config={
            "table_name": "dev.walk_$u.source",
            "assets_dir": "/Workspace/Shared/walk_$u/monitor",
            "output_schema_name": "dev.walk_$u",
            "snapshot": {},
        },
        update={"slicing_exprs": ["id > 1"]},
        recreate={"assets_dir": "/Workspace/Shared/walk_$u/monitor2"},
    ),
    "registered_models": Case(
        config={**SCHEMA, "name": "walked", "comment": "walked"},
        update={"comment": "walked twice"},
        recreate={"name": "walked_2"},
        privilege="EXECUTE",
    ),
    "schemas": Case(
        config={"catalog_name": "dev", "name": "walk_s_$u", "comment": "walked"},
        update={"comment": "walked twice"},
        recreate={"name": "walk_s_$u_2"},
        privilege="USE_SCHEMA",
    ),
    "secrets": Case(
        config={**SCHEMA, "name": "walked", "value": "${var.hidden}"},
        update={"comment": "walked twice"},
        recreate={"name": "walked_2"},
        privilege="READ_SECRET",
    ),
    "secret_scopes": Case(
        config={"name": "walk_$u"},
        update=None,
        recreate={"name": "walk_$u_2"},
        level="READ",
    ),
    "sql_warehouses": Case(
        config={"name": "walk $u", "cluster_size": "2X-Small"},
        update={"cluster_size": "Small"},
        recreate=None,
        level="CAN_USE",
    ),
    "synced_database_tables": Case(
        config={
            "name": "dev.walk_$u.synced",
            "database_instance_name": "${resources.database_instances.home.name}",
            "logical_database_name": "postgres",
            "spec": {
                "source_table_full_name": "dev.walk_$u.source",
                "primary_key_columns": ["id"],
                "scheduling_policy": "SNAPSHOT",
            },
        },
        update=None,
        recreate={"name": "dev.walk_$u.synced_2"},
        needs=INSTANCE,
    ),
    "vector_search_endpoints": Case(
        config={"name": "walk-$u", "endpoint_type": "STANDARD"},
        update={"budget_policy_id": "d6a1f5a2-2f0c-4b6e-9d8e-0a4c6d7b8e9f"},
        recreate={"name": "walk-$u-2"},
        level="CAN_USE",
    ),
    "vector_search_indexes": Case(
        config={
            "name": "dev.walk_$u.searched",
            "endpoint_name": "${resources.vector_search_endpoints.home.name}",
            "primary_key": "id",
            "index_type": "DIRECT_ACCESS",
            "direct_access_index_spec": {
                "schema_json": '{"id": "long", "vector": "array<float>"}',
                "embedding_vector_columns": [{"name": "vector", "embedding_dimension": 4}],
            },
        },
        update=None,
        recreate={"name": "dev.walk_$u.searched_2"},
        needs={
            "vector_search_endpoints": {
                "home": {"name": "walk-home-$u", "endpoint_type": "STANDARD"}
            }
        },
        privilege="SELECT",
    ),
    "volumes": Case(
        config={**SCHEMA, "name": "walked", "volume_type": "MANAGED", "comment": "walked"},
        update={"comment": "walked twice"},
        recreate=None,
        privilege="READ_VOLUME",
    ),
}


def resources(kind: str, changes: Json = {}) -> dict[str, Any]:  # noqa: B006
    """`resources` of a bundle with the case of one type under the key `walked`."""
    case = CASES[kind]
    subject = {**case.config, **changes}
    if case.level:
        subject["permissions"] = [{**EVERYBODY, "level": case.level}]
    if case.privilege:
        subject["grants"] = [{"principal": "account users", "privileges": [case.privilege]}]
    made = {key: dict(each) for key, each in case.needs.items()}
    made.setdefault(kind, {})["walked"] = subject
    return made


def written(tree: Json, suffix: str, house: str) -> str:
    """The text of a `databricks.yml`: JSON is YAML."""
    return json.dumps(tree, indent=2).replace("$u", suffix).replace("$house", house)
