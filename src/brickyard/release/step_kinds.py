"""The steps of a rollout: each action, what it is about, the keys that go with it.

`brickyard.yml` is read with this table, its JSON schema is made from it, and what a user sees while
a step runs (`waits`) stands here too. What an action does is in `actions/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

TEXT: Final[Json] = {"type": "string"}
FLAG: Final[Json] = {"type": "boolean"}
ANY: Final[Json] = {}
MAP: Final[Json] = {"type": "object"}
# A map, or the reference to one: `${steps.evaluate.metrics}`.
MAP_OR_REFERENCE: Final[Json] = {"type": ["object", "string"]}
TEXT_OR_LIST: Final[Json] = {"oneOf": [TEXT, {"type": "array", "items": TEXT}]}
NUMBER: Final[Json] = {"type": ["integer", "number", "string"]}
VERSION: Final[Json] = {"type": ["string", "integer"]}
LIMIT: Final[Json] = {
    "type": "string",
    "pattern": r"^\s*(>=|<=|==|>|<)\s*-?[0-9]",
    "description": "A comparison with a number, such as '>= 0.8'.",
}
REQUIRE: Final[Json] = {"type": "object", "additionalProperties": LIMIT, "minProperties": 1}
NAMES: Final[Json] = {"type": "array", "items": TEXT, "minItems": 1}
NO_WORSE_KEYS: Final[Mapping[str, Json]] = {
    "metrics": NAMES,
    "lower_is_better": {"type": "array", "items": TEXT},
    "alpha": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
    "margin": {"type": "number", "minimum": 0},
    "baseline": {"enum": ["required", "optional"]},
}
NO_WORSE: Final[Json] = {
    "oneOf": [
        NAMES,
        {
            "type": "object",
            "properties": dict(NO_WORSE_KEYS),
            "required": ["metrics"],
            "additionalProperties": False,
        },
    ]
}
# Keys that every step may have.
COMMON: Final[Mapping[str, Json]] = {
    "step": {"type": "string", "minLength": 1, "description": "The step's name."},
    "after": {
        **TEXT_OR_LIST,
        "description": "Steps that this one waits for; default: the one written before it.",
    },
    "in": {
        **TEXT_OR_LIST,
        "description": "Environments that the step is done in; default: all.",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKind:
    """One action. `subject` is the shape of its value; a step that `measures` may be a gate."""

    meaning: str
    waits: str
    subject: Json = field(default_factory=lambda: TEXT)
    of: str = ""  # the type of resource that its subject is the key of
    options: Mapping[str, Json] = field(default_factory=dict)
    measures: bool = False
    moves: bool = False  # what the environment serves
    compares: bool = False  # leaves examples that can be paired with those of what is live


JOB_OPTIONS: Final[Mapping[str, Json]] = {"parameters": MAP}
SERVED: Final[Mapping[str, Json]] = {
    "model": TEXT,
    "version": VERSION,
    "workload_size": TEXT,
    "scale_to_zero": FLAG,
    "environment_vars": MAP,
}
KINDS: Final[Mapping[str, StepKind]] = {
    "run_job": StepKind(
        meaning="Key of a job: runs it to its end.",
        of="jobs",
        waits="starting the job",
        options={
            **JOB_OPTIONS,
            "by_model": {
                **TEXT,
                "description": "Registered model whose version is copied, promoting by model.",
            },
        },
    ),
    "evaluate": StepKind(
        meaning="Key of a job that evaluates: its metrics and examples are put on record.",
        of="jobs",
        waits="starting the evaluation",
        options=JOB_OPTIONS,
        measures=True,
        compares=True,
    ),
    "refresh_pipeline": StepKind(
        meaning="Key of a pipeline: updates it to its end.",
        of="pipelines",
        waits="starting the update",
        options={"full_refresh": FLAG},
    ),
    "sync_index": StepKind(
        meaning="Key of a vector search index: syncs it, and waits until it answers with all rows.",
        of="vector_search_indexes",
        waits="syncing the index",
    ),
    "register_prompt": StepKind(
        meaning="Name of a prompt of Unity Catalog, to register a version of when it changed.",
        waits="registering the prompt",
        options={"schema": TEXT, "template": TEXT, "description": TEXT},
    ),
    "register_model": StepKind(
        meaning="Key of a registered model, to register a version of.",
        of="registered_models",
        waits="registering the model",
        options={"source": TEXT, "description": TEXT},
    ),
    "metrics": StepKind(
        meaning="Names to numbers: a gate, closed when a requirement does not hold.",
        waits="judging the metrics",
        subject=MAP_OR_REFERENCE,
        options={"examples": {"type": ["object", "array", "string"]}},
        measures=True,
        compares=True,
    ),
    "set_alias": StepKind(
        meaning="An alias of a registered model or prompt, to point at a version.",
        waits="moving the alias",
        moves=True,
        options={"model": TEXT, "prompt": TEXT, "version": VERSION},
    ),
    "serve": StepKind(
        meaning="Key of a model serving endpoint, to serve one version.",
        of="model_serving_endpoints",
        waits="waiting until the endpoint serves the version",
        moves=True,
        options=SERVED,
    ),
    "shift_traffic": StepKind(
        meaning="Key of a model serving endpoint: a share of its traffic goes to a version.",
        of="model_serving_endpoints",
        waits="waiting until the endpoint splits its traffic",
        moves=True,
        options={**SERVED, "percent": NUMBER},
    ),
    "start_app": StepKind(
        meaning="Key of an app: deploys its source and starts it.",
        of="apps",
        waits="starting the app",
    ),
    "query": StepKind(
        meaning="Key of a model serving endpoint, asked once, to see that it answers.",
        of="model_serving_endpoints",
        waits="waiting for the endpoint's answer",
        options={"request": ANY, "expect": ANY},
    ),
    "query_index": StepKind(
        meaning="Key of a vector search index, asked once.",
        of="vector_search_indexes",
        waits="waiting for the index's answer",
        options={"text": TEXT, "columns": NAMES, "count": NUMBER, "contains": TEXT},
    ),
    "query_app": StepKind(
        meaning="Key of an app, asked once over HTTP.",
        of="apps",
        waits="waiting for the app's answer",
        options={"path": TEXT, "contains": TEXT},
    ),
    "measure": StepKind(
        meaning="Key of a model serving endpoint: asked many times, for latency and cost.",
        of="model_serving_endpoints",
        waits="asking the endpoint",
        options={"requests": ANY, "count": NUMBER, "price": MAP},
        measures=True,
    ),
    "sql": StepKind(
        meaning="A statement, or the path of a .sql file: its first row is measured.",
        waits="running the statement",
        options={"warehouse": TEXT, "parameters": MAP},
        measures=True,
    ),
    "monitor": StepKind(
        meaning="Key of a quality monitor: refreshes it; its newest profile is measured.",
        of="quality_monitors",
        waits="refreshing the monitor",
        options={"warehouse": TEXT, "refresh": FLAG},
        measures=True,
    ),
    "test": StepKind(
        meaning="A command, run where the bundle is: exit code 0 or the release ends.",
        waits="running the tests",
        subject=TEXT_OR_LIST,
        options={"timeout_s": NUMBER},
    ),
}


def keys_of(action: str) -> Mapping[str, Json]:
    """The keys that may stand beside an action, besides those of every step."""
    kind = KINDS[action]
    found = dict(kind.options)
    if kind.measures:
        found["require"] = REQUIRE
    if kind.compares:
        found["no_worse"] = NO_WORSE
    return found


def step_schema(action: str) -> Json:
    """The JSON schema of a step with this action."""
    subject = {**KINDS[action].subject, "description": KINDS[action].meaning}
    schema: Json = {
        "type": "object",
        "properties": {**COMMON, action: subject, **dict(sorted(keys_of(action).items()))},
        "required": ["step", action],
        "additionalProperties": False,
    }
    if action == "metrics":
        schema["anyOf"] = [{"required": ["require"]}, {"required": ["no_worse"]}]
    return schema
