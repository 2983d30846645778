"""Serving endpoints as a release moves them: given a config, and waited for.

Follows `serving-endpoints` of the REST API: an update goes on beside what is served, and an
endpoint whose update fails goes on with what it had.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from brickyard.deploy import Project
from brickyard.release.faults import StepFailed

LIMIT_S: Final = 1800.0
SLOWEST_POLL_S: Final = 2.0
SERVED_FIELDS: Final = (
    "name",
    "entity_name",
    "entity_version",
    "external_model",
    "workload_size",
    "workload_type",
    "scale_to_zero_enabled",
    "environment_vars",
    "instance_profile_arn",
)


def served_config(project: Project, endpoint: str) -> dict[str, Any] | None:
    """What an endpoint serves once no update is under way, as a PUT takes it; None: nothing."""
    return servable(wait_for_endpoint(project, endpoint).get("config"))


def serve(project: Project, endpoint: str, config: Mapping[str, Any]) -> None:
    """Give an endpoint its config and wait until it is live. Raises `StepFailed`."""
    if fits(config, served_config(project, endpoint)):
        return
    path = f"/api/2.0/serving-endpoints/{quote(endpoint, safe='')}"
    project.workspace.call("PUT", f"{path}/config", body=config)
    after = wait_for_endpoint(project, endpoint)
    state = after.get("state") or {}
    if state.get("config_update") in {"UPDATE_FAILED", "UPDATE_CANCELED"}:
        raise StepFailed(
            f"{endpoint} could not serve the new version and goes on with what it served: "
            f"{_update_message(after)}"
        )


def wait_for_endpoint(project: Project, endpoint: str) -> dict[str, Any]:
    """The endpoint once no update of it is under way. Raises `StepFailed` after a long time."""
    path = f"/api/2.0/serving-endpoints/{quote(endpoint, safe='')}"
    give_up_at = time.monotonic() + LIMIT_S
    pause = 0.1
    while True:
        found = project.workspace.get(path)
        if (found.get("state") or {}).get("config_update") != "IN_PROGRESS":
            return found
        if time.monotonic() > give_up_at:
            raise StepFailed(f"{endpoint} is still updating after {LIMIT_S / 60:.0f} min")
        time.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_S)


def servable(config: Any) -> dict[str, Any] | None:
    """A config as read, cut to what a PUT takes."""
    entities = (config or {}).get("served_entities")
    if not entities:
        return None
    cut = [{key: one[key] for key in SERVED_FIELDS if key in one} for one in entities]
    found: dict[str, Any] = {"served_entities": cut}
    if (config or {}).get("traffic_config"):
        found["traffic_config"] = config["traffic_config"]
    return found


def fits(wanted: Mapping[str, Any], served: Mapping[str, Any] | None) -> bool:
    """Whether what is served has everything that is wanted; the service adds names and traffic."""
    if served is None:
        return False
    entities, there = wanted["served_entities"], served["served_entities"]
    traffic = wanted.get("traffic_config")
    same_traffic = not traffic or _routes(traffic) == _routes(served.get("traffic_config"))
    return (
        len(entities) == len(there)
        and all(one.items() <= other.items() for one, other in zip(entities, there, strict=True))
        and same_traffic
    )


def _routes(traffic: Any) -> dict[str, int]:
    found = (traffic or {}).get("routes") or ()
    return {
        str(one.get("served_entity_name") or one.get("served_model_name")): int(
            one.get("traffic_percentage") or 0
        )
        for one in found
    }


def _update_message(endpoint: Mapping[str, Any]) -> str:
    pending = endpoint.get("pending_config") or endpoint.get("config") or {}
    messages = [
        str((one.get("state") or {}).get("deployment_state_message") or "")
        for one in pending.get("served_entities") or ()
    ]
    return next((message for message in messages if message), "see its build and server logs")
