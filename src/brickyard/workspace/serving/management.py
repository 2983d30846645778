"""Serving endpoints, as ServingEndpointsAPI of the SDK manages them.

What the AI gateway's settings and rate limits mean for a request is the gateway's domain. Kept
without effect for now: notifications, telemetry, budget policy.
"""

from __future__ import annotations

from typing import Any

from brickyard.workspace.kernel import Call, Fidelity, Json, Route, invalid, not_found
from brickyard.workspace.serving import ai_gateway, show
from brickyard.workspace.serving.records import Endpoint
from brickyard.workspace.serving.scorer import tail

BASE = "/api/2.0/serving-endpoints"
GIVEN = ("ai_gateway", "budget_policy_id", "description", "email_notifications", "rate_limits")
KEPT = (*GIVEN, "route_optimized", "tags", "telemetry_config")
KEPT_NOTE = "kept and shown; not applied to requests yet"


def create(call: Call) -> Json:
    body = _object(call)
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise invalid("name is required")
    settings = {key: body[key] for key in KEPT if body.get(key)}
    if "ai_gateway" in settings:
        settings["ai_gateway"] = _gateway(call, settings["ai_gateway"])
    if "rate_limits" in settings:
        settings["rate_limits"] = ai_gateway.read_limits(settings["rate_limits"])
    made = call.engines.serving.create(
        call.principal, call.workspace, name, body.get("config"), settings
    )
    return _shown(call, made)


def fetch(call: Call) -> Json:
    return _shown(call, _found(call))


def browse(call: Call) -> Json:
    engine = call.engines.serving
    found = engine.visible(call.principal, call.workspace)
    if not found:
        return {}
    return {
        "endpoints": [
            show.summary(one, engine.fleet.live(one.id), engine.fault(one.id)) for one in found
        ]
    }


def delete(call: Call) -> Json:
    call.engines.serving.delete(call.principal, call.workspace, call.path["name"])
    return {}


def configure(call: Call) -> Json:
    changed = call.engines.serving.update(
        call.principal, call.workspace, call.path["name"], _object(call)
    )
    return _shown(call, changed)


def set_apart(call: Call) -> Json:
    """As `configure`, of throughput: the configuration is a field of the body here."""
    config = _object(call).get("config") or {}
    engine = call.engines.serving
    return _shown(call, engine.update(call.principal, call.workspace, call.path["name"], config))


def tag(call: Call) -> Json:
    body = _object(call)
    now = _found(call, "CAN_MANAGE").settings.get("tags", [])
    tags = {one["key"]: one.get("value") for one in now}
    added, gone = body.get("add_tags") or [], body.get("delete_tags") or []
    if not isinstance(added, list) or not isinstance(gone, list):
        raise invalid("add_tags and delete_tags must be lists")
    for key in gone:
        tags.pop(str(key), None)
    for one in added:
        if not isinstance(one, dict) or not one.get("key"):
            raise invalid("each of add_tags needs a key")
        tags[one["key"]] = one.get("value")
    listed = [{"key": k, **({"value": v} if v is not None else {})} for k, v in tags.items()]
    _set(call, tags=listed)
    return {"tags": listed}


def gateway(call: Call) -> Json:
    read = _gateway(call, _object(call))
    _set(call, ai_gateway=read)
    return read


def _gateway(call: Call, given: Any) -> dict[str, Any]:
    """The settings as they are kept. Raises for an inference table whose schema is not there."""
    read = ai_gateway.read(given)
    table = read.get("inference_table_config") or {}
    if table.get("enabled"):
        schema = f"{table['catalog_name']}.{table['schema_name']}"
        call.engines.catalog.schemas.get(call.principal, call.workspace, schema)
    return read


def limit(call: Call) -> Json:
    limits = ai_gateway.read_limits(_object(call).get("rate_limits") or [])
    _set(call, rate_limits=limits)
    return {"rate_limits": limits}


def notify(call: Call) -> Json:
    notifications = _object(call).get("email_notifications") or {}
    _set(call, email_notifications=notifications)
    return {"name": call.path["name"], "email_notifications": notifications}


def telemetry(call: Call) -> Json:
    config = _object(call).get("telemetry_config") or {}
    return _shown(call, _set(call, telemetry_config=config))


def describe(call: Call) -> Json:
    return _shown(call, _set(call, description=str(_object(call).get("description") or "")))


def budget(call: Call) -> Json:
    return _shown(call, _set(call, budget_policy_id=_object(call).get("budget_policy_id")))


def server_logs(call: Call) -> Json:
    endpoint, entity = _served(call)
    return {"logs": tail(call.engines.serving.log_file(endpoint, entity))}


def build_logs(call: Call) -> Json:
    endpoint, entity = _served(call)
    return {"logs": tail(call.engines.serving.log_file(endpoint, entity, "build"))}


def _found(call: Call, level: str = "CAN_VIEW") -> Endpoint:
    return call.engines.serving.find(call.principal, call.workspace, call.path["name"], level)


def _set(call: Call, **settings: Any) -> Endpoint:
    return call.engines.serving.set(call.principal, call.workspace, call.path["name"], **settings)


def _shown(call: Call, endpoint: Endpoint) -> Json:
    engine = call.engines.serving
    return show.detailed(
        endpoint,
        engine.fleet.live(endpoint.id),
        engine.fault(endpoint.id),
        level=engine.level(call.principal, call.workspace, endpoint),
        host=call.workspace.url,
    )


def _served(call: Call) -> tuple[Endpoint, str]:
    endpoint, wanted = _found(call), call.path["served"]
    configs = [one for one in (endpoint.active, endpoint.pending) if one]
    if not any(wanted == entity.name for config in configs for entity in config.entities):
        raise not_found(f"'{endpoint.name}' has no served entity '{wanted}'")
    return endpoint, wanted


def _object(call: Call) -> dict[str, Any]:
    body = call.json()
    if not isinstance(body, dict):
        raise invalid("The request body must be an object")
    return body


def _virtual(method: str, path: str, handler: Any) -> Route:
    return Route(method, path, handler, fidelity=Fidelity.VIRTUAL, note=KEPT_NOTE)


ONE = f"{BASE}/{{name}}"
ROUTES: tuple[Route, ...] = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", ONE, fetch),
    Route("DELETE", ONE, delete),
    Route("PUT", f"{ONE}/config", configure),
    # Models of `system.ai` with throughput set apart have addresses of their own.
    Route("POST", f"{BASE}/pt", create),
    Route("PUT", f"{BASE}/pt/{{name}}/config", set_apart),
    Route("PATCH", f"{ONE}/tags", tag),
    Route("PATCH", f"{ONE}/description", describe),
    Route("GET", f"{ONE}/served-models/{{served}}/logs", server_logs),
    Route("GET", f"{ONE}/served-models/{{served}}/build-logs", build_logs),
    Route("PUT", f"{ONE}/ai-gateway", gateway),
    Route("PUT", f"{ONE}/rate-limits", limit),
    _virtual("PATCH", f"{ONE}/notifications", notify),
    _virtual("PATCH", f"{ONE}/telemetry-config", telemetry),
    _virtual("PATCH", f"{ONE}/budget-policy", budget),
)
