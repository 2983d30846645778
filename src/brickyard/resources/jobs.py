"""Jobs, through Jobs API 2.2: create, get, reset (the full settings), delete.

The service fills in cluster attributes, from a policy or from the cloud; those are not changes.
"""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import (
    Call,
    Field,
    Json,
    Lookup,
    On,
    Prefix,
    Read,
    ResourceType,
    Tags,
)

TASKS: Final = ("tasks[*]", "tasks[*].for_each_task.task")
CLUSTERS: Final = ("job_clusters[*].new_cluster", *(f"{task}.new_cluster" for task in TASKS))
NOTIFIED: Final = ("", *(f"{task}." for task in TASKS))

FILLED_IN: Final = (
    ("enable_elastic_disk", "the cloud decides it"),
    ("enable_local_disk_encryption", "the service returns false for it"),
    ("node_type_id", "the pool or the policy decides it"),
    ("driver_node_type_id", "defaults to the workers' node type"),
    ("driver_instance_pool_id", "defaults to the workers' pool"),
    ("data_security_mode", "the service chooses one"),
)
NOT_OURS: Final = (
    ("aws_attributes", "the service completes them", "managed"),
    ("azure_attributes", "the service completes them", "managed"),
    ("gcp_attributes", "the service completes them", "managed"),
    ("apply_policy_default_values", "sent, never returned", "not_returned_by_api"),
)
SOURCES: Final = ("notebook_task", "spark_python_task", "dbt_task", "sql_task.file")


RECORDED: Final = (
    "created_time",
    "creator_user_name",
    "effective_budget_policy_id",
    "effective_usage_policy_id",
    "job_id",
    "run_as_user_name",
    "trigger_details",
    "trigger_state",
)


def settings_of(got: Json) -> Json:
    """The settings inside an answer of jobs/get."""
    return dict(got.get("settings") or {})


def record_of(got: Json) -> Json:
    """The whole job, flat."""
    return settings_of(got) | {name: got[name] for name in RECORDED if name in got}


JOBS: Final = ResourceType(
    key="jobs",
    title="Job",
    service="jobs",
    create=Call(method="POST", path="/api/2.2/jobs/create", fields=None),
    read=Read(
        path="/api/2.2/jobs/get",
        query={"job_id": "{id}"},
        page_token="next_page_token",
        page_lists=(
            "settings.tasks",
            "settings.job_clusters",
            "settings.environments",
            "settings.parameters",
        ),
        configuration=settings_of,
        record=record_of,
        missing=r"[Jj]ob .*does not exist",
    ),
    update=(
        Call(
            method="POST",
            path="/api/2.2/jobs/reset",
            fields=None,
            wrap="new_settings",
            id_field="job_id",
            id_is_number=True,
        ),
    ),
    delete=Call(
        method="POST",
        path="/api/2.2/jobs/delete",
        id_field="job_id",
        id_is_number=True,
    ),
    id=lambda sent, got: str(got["job_id"]),
    lookup=Lookup(
        path="/api/2.2/jobs/list",
        items="jobs",
        id="job_id",
        name="settings.name",
        query={"name": "{name}"},
        also=("deployment.metadata_file_path",),
        is_marked=True,
    ),
    fields=(
        *(
            Field(
                "deployment.version_id",
                on,
                "written by the deployment itself",
                reason="managed by the deployment metadata service",
            )
            for on in (On.IGNORE_LOCAL, On.IGNORE_REMOTE)
        ),
        *(
            Field(f"{at}.{name}", On.IGNORE_REMOTE, why, reason=reason)
            for at in CLUSTERS
            for name, why, reason in NOT_OURS
        ),
        *(
            Field(f"{at}.{name}", On.SERVER_DEFAULT, why)
            for at in CLUSTERS
            for name, why in FILLED_IN
        ),
        Field(
            "format",
            On.SERVER_DEFAULT,
            "the service always returns it",
            ("MULTI_TASK", "SINGLE_TASK"),
        ),
        Field("run_as", On.SERVER_DEFAULT, "the creator, unless somebody is named"),
        *(
            Field(f"{at}.run_if", On.SERVER_DEFAULT, "what runs without it", ("ALL_SUCCESS",))
            for at in TASKS
        ),
        *(
            Field(f"{at}.{task}.source", On.SERVER_DEFAULT, "follows from git_source")
            for at in TASKS
            for task in SOURCES
        ),
    ),
    keyed_lists={
        "tasks": "task_key",
        "parameters": "name",
        "job_clusters": "job_cluster_key",
        "environments": "environment_key",
        "tasks[*].depends_on": "task_key",
        **{
            f"{at}webhook_notifications.{event}": "id"
            for at in NOTIFIED
            for event in (
                "on_start",
                "on_success",
                "on_failure",
                "on_duration_warning_threshold_exceeded",
                "on_streaming_backlog_exceeded",
            )
        },
    },
    url="jobs/{id}",
    prefix=Prefix.PLAIN,
    tags=Tags.MAP,
    permissions="/jobs/",
)
