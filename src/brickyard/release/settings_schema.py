"""The JSON schema of `brickyard.yml`, for editors, from the tables that the file is read with."""

from __future__ import annotations

from typing import Any, Final

from brickyard.policy.environment_keys import environment_schema
from brickyard.policy.policy_keys import policy_schema
from brickyard.release.drift_settings import drift_schema
from brickyard.release.step_kinds import KINDS, step_schema

Json = dict[str, Any]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"


def settings_schema() -> Json:
    """The schema of the whole file."""
    return {
        "$schema": DIALECT,
        "title": "Brickyard settings",
        "type": "object",
        "properties": {
            "environments": {
                "type": ["object", "null"],
                "additionalProperties": environment_schema(),
                "description": "One entry per environment, in the order a commit climbs them.",
            },
            "policy": policy_schema(),
            "rollout": {
                "type": ["array", "null"],
                "items": {"oneOf": [step_schema(action) for action in KINDS]},
                "description": "What is done after the deployment, in order, or as `after` says.",
            },
            "drift": drift_schema(),
        },
        "additionalProperties": False,
    }
