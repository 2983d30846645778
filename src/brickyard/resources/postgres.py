"""Lakebase projects and what is in them: branches, endpoints, databases, roles; synced tables.

All are alike: the configuration is the `spec` of an object whose id is a path
(`projects/shop/branches/main`), made below `parent` under the last part of that path, and every
call but reading starts an operation. An update names the fields of the spec that changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from brickyard.resources.declaration import LOCAL, Call, Field, Json, On, Read, ResourceType

BASE: Final = "/api/2.0/postgres"
BESIDE: Final = ("parent", "replace_existing", "purge_on_delete")


def spec_sent(id_field: str) -> Callable[[Json, Json, str], Json]:
    """The body: everything but the ids and what says how to call, as the spec."""

    def body(desired: Json, recorded: Json, _id: str) -> Json:
        beside = (*BESIDE, *LOCAL, id_field)
        return {"spec": {name: item for name, item in desired.items() if name not in beside}}

    return body


def flat(id_field: str, needed: tuple[str, ...]) -> Callable[[Json], Json]:
    """An object with its spec laid open and its own part of the path as `<kind>_id`.

    What a spec must have is empty where the service answers without a spec.
    """

    def record(got: Json) -> Json:
        name = str(got.get("name", ""))
        spec = dict.fromkeys(needed, "") | (got.get("spec") or {})
        shown = {key: item for key, item in got.items() if key != "spec"}
        return {id_field: name.rsplit("/", 1)[-1], **spec, **shown}

    return record


def declared(
    *,
    key: str,
    title: str,
    collection: str,
    id_field: str,
    fields: tuple[Field, ...],
    inputs: tuple[str, ...],
    required: tuple[str, ...],
    loses_data: str = "",
    permissions: str = "",
    url: str = "",
) -> ResourceType:
    """One kind of object; `collection` is where it is made, such as `{parent}/branches`."""
    has_parent = collection.startswith("{parent}")
    can_replace = has_parent
    can_purge = key in ("postgres_projects", "postgres_branches")
    is_fixed = any(row.path == "*" for row in fields)
    query = {id_field: f"{{{id_field}}}"}
    if can_replace:
        query["replace_existing"] = "{replace_existing}"
    ids = () if key == "postgres_roles" else ((*(("parent",) if has_parent else ()), id_field))
    record = flat(id_field, tuple(name for name in required if name not in (*BESIDE, id_field)))
    return ResourceType(
        key=key,
        title=title,
        service="postgres",
        create=Call(
            method="POST",
            path=f"{BASE}/{collection}",
            body=spec_sent(id_field),
            query=query,
            operation=BASE,
        ),
        read=Read(path=BASE + "/{id}", configuration=record, record=record),
        update=()
        if is_fixed
        else (
            Call(
                method="PATCH",
                path=BASE + "/{id}",
                body=spec_sent(id_field),
                mask="spec.",
                operation=BASE,
            ),
        ),
        delete=Call(
            method="DELETE",
            path=BASE + "/{id}",
            query={"purge": "{purge_on_delete}"} if can_purge else {},
            operation=BASE,
        ),
        id=lambda sent, got: str(got["name"]),
        chosen_id=f"{collection}/{{{id_field}}}",
        fields=(
            *(Field(name, On.ID, "part of the path") for name in ids),
            *(Field(name, On.INPUT_ONLY, "read back in the status") for name in inputs),
            *(
                (
                    Field(
                        "replace_existing",
                        On.IGNORE_LOCAL,
                        "says how to create, not what",
                        reason="input_only; cannot be updated after create",
                    ),
                    Field("replace_existing", On.NOT_READ, "says how to create, not what"),
                )
                if can_replace
                else ()
            ),
            *((Field("purge_on_delete", On.NOT_READ, "says how to delete"),) if can_purge else ()),
            *fields,
        ),
        unsent=("replace_existing", "purge_on_delete"),
        required=required,
        id_is_path=True,
        name_field=id_field,
        url=url,
        loses_data=loses_data,
        permissions=permissions,
        permissions_id="project_id" if permissions else "",
    )


def fixed(*names: str, reason: str = "") -> tuple[Field, ...]:
    """Fields that only a new object can have otherwise."""
    return tuple(Field(name, On.RECREATE, "fixed at creation", reason=reason) for name in names)


POSTGRES_PROJECTS: Final = declared(
    key="postgres_projects",
    title="Postgres project",
    collection="projects",
    id_field="project_id",
    fields=fixed("pg_version", reason="spec:immutable"),
    inputs=(
        "budget_policy_id",
        "custom_tags",
        "default_branch",
        "default_endpoint_settings",
        "display_name",
        "enable_pg_native_login",
        "history_retention_duration",
        "pg_version",
    ),
    required=("project_id",),
    loses_data="all branches and databases of the project",
    permissions="/database-projects/",
)

POSTGRES_BRANCHES: Final = declared(
    key="postgres_branches",
    title="Postgres branch",
    collection="{parent}/branches",
    id_field="branch_id",
    fields=fixed(
        "source_branch", "source_branch_lsn", "source_branch_time", reason="spec:immutable"
    ),
    inputs=(
        "expire_time",
        "is_protected",
        "no_expiry",
        "source_branch",
        "source_branch_lsn",
        "source_branch_time",
        "ttl",
    ),
    required=("parent", "branch_id"),
    loses_data="all databases of the branch",
)

POSTGRES_ENDPOINTS: Final = declared(
    key="postgres_endpoints",
    title="Postgres endpoint",
    collection="{parent}/endpoints",
    id_field="endpoint_id",
    fields=fixed("endpoint_type", reason="spec:immutable"),
    inputs=(
        "autoscaling_limit_max_cu",
        "autoscaling_limit_min_cu",
        "disabled",
        "endpoint_type",
        "group",
        "no_suspension",
        "settings",
        "suspend_timeout_duration",
    ),
    required=("parent", "endpoint_id", "endpoint_type"),
)

POSTGRES_DATABASES: Final = declared(
    key="postgres_databases",
    title="Postgres database",
    collection="{parent}/databases",
    id_field="database_id",
    fields=(),
    inputs=("postgres_database", "role"),
    required=("parent", "database_id"),
    loses_data="everything in the database",
)

POSTGRES_ROLES: Final = declared(
    key="postgres_roles",
    title="Postgres role",
    collection="{parent}/roles",
    id_field="role_id",
    fields=fixed("parent", "role_id", "postgres_role", "auth_method", "identity_type"),
    inputs=("attributes", "auth_method", "identity_type", "membership_roles", "postgres_role"),
    required=("parent", "role_id"),
)

POSTGRES_CATALOGS: Final = declared(
    key="postgres_catalogs",
    title="Postgres catalog",
    collection="catalogs",
    id_field="catalog_id",
    fields=fixed("*"),
    inputs=("branch", "create_database_if_missing", "postgres_database"),
    required=("catalog_id", "postgres_database"),
    url="explore/data/{catalog_id}",
)

POSTGRES_SYNCED_TABLES: Final = declared(
    key="postgres_synced_tables",
    title="Postgres synced table",
    collection="synced_tables",
    id_field="synced_table_id",
    fields=fixed("*"),
    inputs=(
        "accelerated_sync",
        "branch",
        "create_database_objects_if_missing",
        "existing_pipeline_id",
        "extra_columns",
        "new_pipeline_spec",
        "postgres_database",
        "primary_key_columns",
        "scheduling_policy",
        "source_table_full_name",
        "timeseries_key",
        "type_overrides",
    ),
    required=("synced_table_id",),
    url="explore/data/{synced_table_id_path}",
    loses_data="the copy of the table in the database",
)
