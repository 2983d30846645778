"""Endpoints as the API shows them: `ServingEndpointDetailed` and its parts of the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.serving import external
from brickyard.workspace.serving.config import Config, Entity
from brickyard.workspace.serving.fleet import Live
from brickyard.workspace.serving.records import FAILED, Endpoint

KEPT = (
    "ai_gateway",
    "budget_policy_id",
    "description",
    "email_notifications",
    "rate_limits",
    "route_optimized",
    "tags",
    "telemetry_config",
)


def summary(endpoint: Endpoint, live: Live | None, fault: str) -> dict[str, Any]:
    """As in a list: entities by name only."""
    config = endpoint.active or endpoint.pending
    entities = config.entities if config else ()
    specs = [{"name": one.name, **_what(one)} for one in entities]
    models = [
        {
            "name": one.name,
            "model_name": one.entity_name,
            "model_version": one.entity_version,
        }
        for one in entities
        if one.entity_name
    ]
    return {
        **_common(endpoint, live, fault),
        "config": {"served_entities": specs, **({"served_models": models} if models else {})},
    }


def detailed(
    endpoint: Endpoint, live: Live | None, fault: str, *, level: str, host: str
) -> dict[str, Any]:
    shown = _common(endpoint, live, fault)
    if endpoint.active is not None:
        states = {one.name: _state(one, live, fault) for one in endpoint.active.entities}
        shown["config"] = _config(endpoint.active, states)
    if endpoint.pending is not None:
        state = _pending_state(endpoint)
        states = {one.name: state for one in endpoint.pending.entities}
        shown["pending_config"] = _config(endpoint.pending, states) | {
            "start_time": endpoint.pending.start_ms
        }
    if level:
        shown["permission_level"] = level
    shown["endpoint_url"] = f"{host}/serving-endpoints/{endpoint.name}/invocations"
    return shown


def is_ready(endpoint: Endpoint, live: Live | None, fault: str) -> bool:
    """Whether a request now would be answered. One that sleeps is ready: a request wakes it."""
    if endpoint.active is None or fault:
        return False
    if live is None or not live.config.is_local:
        return True
    served = [name for name, share in live.config.traffic.items() if share > 0]
    scorers = [live.scorers[name] for name in served]
    return all(one.is_ready or one.is_asleep for one in scorers)


def _common(endpoint: Endpoint, live: Live | None, fault: str) -> dict[str, Any]:
    config = endpoint.active or endpoint.pending
    kept = {name: endpoint.settings[name] for name in KEPT if endpoint.settings.get(name)}
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "creator": endpoint.creator,
        "creation_timestamp": endpoint.created_ms,
        "last_updated_timestamp": endpoint.updated_ms,
        "state": {
            "ready": "READY" if is_ready(endpoint, live, fault) else "NOT_READY",
            "config_update": endpoint.update_state,
        },
        **({"task": config.task} if config and config.task else {}),
        **kept,
    }


def _config(config: Config, states: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    entities = [_entity(one) | {"state": states[one.name]} for one in config.entities]
    shown: dict[str, Any] = {
        "served_entities": entities,
        "served_models": [_as_model(one) for one in entities if "entity_name" in one],
        "traffic_config": {
            "routes": [
                {
                    "served_entity_name": name,
                    "served_model_name": name,
                    "traffic_percentage": share,
                }
                for name, share in config.traffic.items()
            ]
        },
        "config_version": config.version,
    }
    if config.auto_capture:
        shown["auto_capture_config"] = dict(config.auto_capture)
    return shown


def _entity(entity: Entity) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": entity.name,
        **_what(entity),
        "creator": entity.creator,
        "creation_timestamp": entity.creation_timestamp,
        **entity.provisioned,
    }
    if entity.is_local:
        shown |= {
            **({"workload_size": entity.workload_size} if entity.workload_size else {}),
            "workload_type": entity.workload_type,
            "scale_to_zero_enabled": entity.scale_to_zero_enabled,
        }
    if entity.environment_vars:
        shown["environment_vars"] = dict(entity.environment_vars)
    return shown


def _what(entity: Entity) -> dict[str, Any]:
    """Which model it is, in the field of its kind. Plain keys of external models stay here."""
    if entity.external_model is not None:
        return {"external_model": external.shown(entity.external_model)}
    named = {"entity_name": entity.entity_name, "entity_version": entity.entity_version}
    if entity.foundation_model is not None:
        model = {key: value for key, value in entity.foundation_model.items() if key != "task"}
        return {**(named if entity.entity_name else {}), "foundation_model": model}
    return named


def _as_model(entity: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"entity_name": "model_name", "entity_version": "model_version"}
    return {renamed.get(name, name): value for name, value in entity.items()}


def _state(entity: Entity, live: Live | None, fault: str) -> Mapping[str, str]:
    if fault:
        return _deployment("DEPLOYMENT_FAILED", fault)
    if not entity.is_local:
        return _deployment("DEPLOYMENT_READY", "")
    if live is None or live.scorers[entity.name].is_asleep:
        return _deployment("DEPLOYMENT_READY", "Scaled to zero; the next request starts it")
    if live.scorers[entity.name].is_ready:
        return _deployment("DEPLOYMENT_READY", "")
    return _deployment("DEPLOYMENT_RECOVERING", "The model's process died and is started again")


def _pending_state(endpoint: Endpoint) -> Mapping[str, str]:
    if endpoint.update_state == FAILED:
        return _deployment("DEPLOYMENT_FAILED", endpoint.message)
    return _deployment("DEPLOYMENT_CREATING", "Building the environment and loading the model")


def _deployment(state: str, message: str) -> Mapping[str, str]:
    return {"deployment": state, "deployment_state_message": message}
