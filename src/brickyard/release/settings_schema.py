"""The JSON schema of `brickyard.yml`, for editors, from the tables that the file is read with."""

from __future__ import annotations

from typing import Any, Final

from brickyard.policy.environment_keys import environment_schema
from brickyard.policy.policy_keys import policy_schema
from brickyard.release.settings import ACTIONS

Json = dict[str, Any]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
TEXT: Final[Json] = {"type": "string"}
ANY_MAP: Final[Json] = {"type": "object"}
# A map, or the reference to one: `${steps.evaluate.metrics}`.
MAP_OR_REFERENCE: Final[Json] = {"type": ["object", "string"]}
LIMIT: Final[Json] = {
    "type": "string",
    "pattern": r"^\s*(>=|<=|==|>|<)\s*-?[0-9]",
    "description": "A comparison with a number, such as '>= 0.8'.",
}
DESCRIBED: Final[dict[str, str]] = {
    "run_job": "Key of a job: runs it to its end.",
    "metrics": "Names to numbers: a gate, closed when a requirement does not hold.",
    "set_alias": "An alias of a registered model, to point at a version.",
    "serve": "Key of a model serving endpoint, to serve one version.",
    "query": "Key of what is asked once, to see that it answers.",
}
OPTIONS: Final[dict[str, Json]] = {
    "parameters": ANY_MAP,
    "require": {"type": "object", "additionalProperties": LIMIT, "minProperties": 1},
    "environment_vars": ANY_MAP,
    "scale_to_zero": {"type": "boolean"},
    "version": {"type": ["string", "integer"]},
    "request": {},
    "expect": {},
}


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
                "items": {"oneOf": [_step(action) for action in ACTIONS]},
                "description": "What is done after the deployment, in order.",
            },
        },
        "additionalProperties": False,
    }


def _step(action: str) -> Json:
    subject = MAP_OR_REFERENCE if action == "metrics" else TEXT
    options = {name: OPTIONS.get(name, TEXT) for name in sorted(ACTIONS[action])}
    return {
        "type": "object",
        "properties": {
            "step": {"type": "string", "minLength": 1},
            action: _described(action, subject),
            **options,
        },
        "required": ["step", action, *(["require"] if action == "metrics" else [])],
        "additionalProperties": False,
    }


def _described(name: str, shape: Json) -> Json:
    return {**shape, "description": DESCRIBED[name]}
