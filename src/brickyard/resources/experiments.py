"""MLflow experiments. The name is a workspace path; only the name can change afterwards."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import (
    Call,
    Field,
    Json,
    On,
    Prefix,
    Read,
    ResourceType,
    Tags,
)

BASE: Final = "/api/2.0/mlflow/experiments"


def experiment_of(got: Json) -> Json:
    """The experiment inside an answer of experiments/get."""
    return dict(got.get("experiment") or {})


def same_name(left: object, right: object) -> bool:
    """`/Workspace/Users/x` and `/Users/x` are the same experiment."""
    return str(left).removeprefix("/Workspace") == str(right).removeprefix("/Workspace")


EXPERIMENTS: Final = ResourceType(
    key="experiments",
    title="Experiment",
    service="experiments",
    create=Call(method="POST", path=BASE + "/create", fields=None),
    read=Read(
        path=BASE + "/get",
        query={"experiment_id": "{id}"},
        configuration=experiment_of,
        record=experiment_of,
        is_gone=lambda got: experiment_of(got).get("lifecycle_stage") == "deleted",
    ),
    update=(
        Call(
            method="POST",
            path=BASE + "/update",
            fields=("name",),
            rename={"name": "new_name"},
            id_field="experiment_id",
        ),
    ),
    delete=Call(method="POST", path=BASE + "/delete", id_field="experiment_id"),
    id=lambda sent, got: str(got.get("experiment_id") or experiment_of(got)["experiment_id"]),
    fields=(
        Field("artifact_location", On.SERVER_DEFAULT, "the service chooses one"),
        Field("artifact_location", On.RECREATE, "fixed at creation"),
        Field("trace_location", On.RECREATE, "fixed at creation", reason="spec:immutable"),
        Field("tags", On.IGNORE_REMOTE, "runs add tags of their own", reason="terraform_compat"),
        Field("tags", On.IGNORE_LOCAL, "no call replaces them", reason="terraform_compat"),
        Field(
            "trace_location.uc_trace_location.effective_table_prefix",
            On.OUTPUT_ONLY,
            "decided by the service",
        ),
    ),
    same={"name": same_name},
    required=("name",),
    url="ml/experiments/{id}",
    prefix=Prefix.LAST_SEGMENT,
    tags=Tags.LIST,
    permissions="/experiments/",
)
