"""Model serving endpoints: created whole, updated in parts, each part with a call of its own.

An update of `config` is refused while another one runs, so it waits for that first. Not sent after
creation: what the service cannot change (description, route optimisation, capture tables).
"""

from __future__ import annotations

from typing import Any, Final

from brickyard.resources.declaration import (
    Call,
    Field,
    Json,
    On,
    Prefix,
    Read,
    ResourceType,
    Tags,
    Wait,
)

BASE: Final = "/api/2.0/serving-endpoints"
ONE: Final = BASE + "/{id}"
PARTS: Final = (
    "name",
    "ai_gateway",
    "budget_policy_id",
    "config",
    "description",
    "email_notifications",
    "rate_limits",
    "route_optimized",
    "tags",
    "telemetry_config",
)
ENTITY: Final = "config.served_entities[*]"
SECRETS: Final = (
    "ai21labs_config.ai21labs_api_key_plaintext",
    "amazon_bedrock_config.aws_access_key_id_plaintext",
    "amazon_bedrock_config.aws_secret_access_key_plaintext",
    "anthropic_config.anthropic_api_key_plaintext",
    "cohere_config.cohere_api_key_plaintext",
    "custom_provider_config.api_key_auth.value_plaintext",
    "custom_provider_config.bearer_token_auth.token_plaintext",
    "databricks_model_serving_config.databricks_api_token_plaintext",
    "google_cloud_vertex_ai_config.private_key_plaintext",
    "openai_config.microsoft_entra_client_secret_plaintext",
    "openai_config.openai_api_key_plaintext",
    "palm_config.palm_api_key_plaintext",
)
# What the service answers about a served entity, beyond what can be asked for.
ENTITY_ANSWERS: Final = ("creation_timestamp", "creator", "foundation_model", "state")


def configuration_of(got: Json) -> Json:
    """The parts of an endpoint that can be written, in the shape in which they are written."""
    shown: Json = {name: got[name] for name in PARTS if name in got}
    config: Json = dict(got.get("config") or got.get("pending_config") or {})
    if config:
        config.pop("config_version", None)
        config.pop("served_models", None)
        entities: list[Any] = config.get("served_entities") or []
        config["served_entities"] = [
            {name: value for name, value in entity.items() if name not in ENTITY_ANSWERS}
            for entity in entities
        ]
        capture = config.get("auto_capture_config")
        if isinstance(capture, dict):
            config["auto_capture_config"] = {k: v for k, v in capture.items() if k != "state"}
        shown["config"] = config
    return shown


def record_of(got: Json) -> Json:
    """The endpoint; its number is called `endpoint_id` as well. What says nothing is left out."""
    silent = [name for name in ("description", "route_optimized") if not got.get(name)]
    shown = {**configuration_of(got), "endpoint_id": got.get("id", ""), "endpoint_details": got}
    return {name: value for name, value in shown.items() if name not in silent}


def changed_tags(desired: Json, recorded: Json, _id: str) -> Json | None:
    """The body that turns the recorded tags into the desired ones."""
    want = {tag["key"]: tag for tag in desired.get("tags") or []}
    have = {tag["key"]: tag for tag in recorded.get("tags") or []}
    gone = sorted(have.keys() - want.keys())
    new = [tag for key, tag in want.items() if have.get(key) != tag]
    body: Json = {"add_tags": new, "delete_tags": gone}
    return {name: tags for name, tags in body.items() if tags} or None


def gateway(desired: Json, recorded: Json, _id: str) -> Json | None:
    """The whole gateway configuration; an empty one switches it off."""
    return dict(desired.get("ai_gateway") or {})


def core(desired: Json, recorded: Json, _id: str) -> Json | None:
    """The whole configuration of entities and traffic. One that was removed cannot be unset."""
    config = desired.get("config")
    return dict(config) if config else None


MODEL_SERVING_ENDPOINTS: Final = ResourceType(
    key="model_serving_endpoints",
    title="Model serving endpoint",
    service="serving_endpoints",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=ONE, configuration=configuration_of, record=record_of),
    update=(
        Call(method="PATCH", path=ONE + "/tags", body=changed_tags, when=("tags",)),
        Call(method="PUT", path=ONE + "/ai-gateway", body=gateway, when=("ai_gateway",)),
        Call(method="PUT", path=ONE + "/config", body=core, when=("config",), await_ready=True),
        Call(
            method="PATCH",
            path=ONE + "/notifications",
            fields=("email_notifications",),
            when=("email_notifications",),
        ),
        Call(
            method="PATCH",
            path=ONE + "/telemetry-config",
            fields=("telemetry_config",),
            when=("telemetry_config",),
        ),
    ),
    delete=Call(method="DELETE", path=ONE),
    id=lambda sent, got: str(got["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.ID, "clients call the endpoint by its name"),
        Field("description", On.RECREATE, "fixed at creation"),
        Field("route_optimized", On.SERVER_DEFAULT, "off unless asked for", (False,)),
        Field("route_optimized", On.RECREATE, "fixed at creation"),
        *(
            Field(f"config.auto_capture_config.{name}", On.RECREATE, "fixed at creation")
            for name in ("catalog_name", "schema_name", "table_name_prefix")
        ),
        Field("config.auto_capture_config.enabled", On.SERVER_DEFAULT, "on unless switched off"),
        Field("budget_policy_id", On.IGNORE_LOCAL, "nothing changes it", reason="no_update_api"),
        Field(
            "budget_policy_id", On.IGNORE_REMOTE, "a workspace may set one", reason="no_update_api"
        ),
        Field(
            "rate_limits",
            On.IGNORE_LOCAL,
            "replaced by ai_gateway.rate_limits",
            reason="not_implemented",
        ),
        Field(
            f"{ENTITY}.burst_scaling_enabled",
            On.IGNORE_REMOTE,
            "not always returned",
            reason="input_only",
        ),
        Field(
            "telemetry_config.table_names",
            On.IGNORE_REMOTE,
            "chosen by the service",
            reason="input_only",
        ),
        Field(
            "telemetry_config.inference_table_config.name",
            On.OUTPUT_ONLY,
            "chosen by the service",
        ),
        Field("telemetry_config", On.SERVER_DEFAULT, "a workspace may set one"),
        *(
            Field(
                f"{ENTITY}.external_model.{name}",
                On.IGNORE_REMOTE,
                "a secret, never returned",
                reason="input_only",
            )
            for name in SECRETS
        ),
        Field(f"{ENTITY}.name", On.SERVER_DEFAULT, "made from model and version"),
        Field(f"{ENTITY}.workload_type", On.SERVER_DEFAULT, "CPU unless asked for"),
        Field(f"{ENTITY}.workload_size", On.SERVER_DEFAULT, "the service chooses one"),
        Field("config", On.SERVER_DEFAULT, "left out of the bundle, a release sets it"),
        Field("config.traffic_config", On.SERVER_DEFAULT, "everything to a single entity"),
    ),
    required=("name",),
    wait=Wait(
        path=ONE,
        ready={"state.config_update": ("NOT_UPDATING",)},
        failed={"state.config_update": ("UPDATE_FAILED", "UPDATE_CANCELED")},
        timeout_s=35 * 60,
    ),
    wait_after_update=True,
    waits_for=(
        "It serves a model version that is not there yet: run what makes it, then deploy again; the"
        " rest is deployed. A release does both (rollout in brickyard.yml)"
    ),
    url="ml/endpoints/{id}",
    prefix=Prefix.NORMALISED,
    tags=Tags.NONE,
    permissions="/serving-endpoints/",
    permissions_id="endpoint_id",
)
