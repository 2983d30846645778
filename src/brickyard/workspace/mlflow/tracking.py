"""The tracking API that MLflow's own server answers: checked here, then passed on as it is.

One row per route: what it is about (`subjects`) and the level it needs on those experiments. The
rows follow `mlflow/protos/service.proto`; routes that would reach outside an experiment (gateway,
webhooks, MLflow's own workspaces) are left out on purpose. Experiments, which need more than a
check, are in `experiments.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from brickyard.workspace.kernel import Call, Reply, Route, invalid
from brickyard.workspace.mlflow import subjects
from brickyard.workspace.mlflow.filters import need_outside_spans
from brickyard.workspace.mlflow.proxy import Answer
from brickyard.workspace.mlflow.subjects import Subject

V2, V3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
READ, EDIT, MANAGE = "CAN_READ", "CAN_EDIT", "CAN_MANAGE"
NUMBERS = frozenset(
    {"max_results", "max_timestamp_millis", "max_traces", "step", "timestamp", "value"}
    | {"start_time", "end_time", "start_time_ms", "end_time_ms"}
)
RECORDS = frozenset({"metrics", "params", "tags"})
WIDEST = 2**63
PARAMETER = re.compile(r"\{(\w+)\}")


async def forward(
    call: Call,
    template: str,
    *,
    body: bytes | None = None,
    query: Sequence[tuple[str, str]] | None = None,
) -> Answer:
    """Send the request on to MLflow, at the address that its route was matched by.

    `body` and `query` replace what the client sent. MLflow wants a logged model's id in the body,
    too, where its own client puts it and the SDK does not.
    """
    if body is None and call.method != "GET":
        given = call.fields()  # MLflow answers other JSON than an object with an error page
        _need_plain(given)
        wanted = {name: one for name, one in given.items() if one is not None}  # null: left out
        if "{model_id}" in template:
            wanted.setdefault("model_id", call.path["model_id"])
        body = call.body() if wanted == given else json.dumps(wanted).encode()
    path = PARAMETER.sub(lambda found: _segment(call.path[found[1]]), template)
    return await call.engines.mlflow.proxy.send(
        call.workspace.name,
        call.method,
        path,
        query=call.query_items if query is None else query,
        body=body,
        content_type=call.header("content-type", "application/json"),
    )


def _need_plain(given: Mapping[str, Any]) -> None:
    """Raise INVALID_PARAMETER_VALUE for types that MLflow answers with an error page."""
    for name in NUMBERS & given.keys():
        value = given[name]
        is_wide = isinstance(value, int) and not -WIDEST <= value < WIDEST
        if isinstance(value, list | dict) or is_wide:
            raise invalid(f"Invalid value for parameter '{name}': it must be a number")
    for name in RECORDS & given.keys():
        value = given[name]
        if value is None or isinstance(value, Mapping):  # a map of tags, in newer routes
            continue
        if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
            raise invalid(f"Invalid value for parameter '{name}': it must be a list of objects")


def as_reply(answer: Answer) -> Reply:
    if answer.is_wordless:
        answer.result()
    return Reply(
        status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type}
    )


async def require(call: Call, ids: tuple[str, ...], level: str) -> None:
    await call.engines.mlflow.require(call.principal, call.workspace, ids, level)


def proxied(
    method: str,
    path: str,
    subject: Subject,
    level: str,
    learn: Callable[[Call, Any], None] | None = None,
) -> Route:
    """A route that is checked and passed on; `learn` sees the JSON of its success."""

    async def handle(call: Call) -> Reply:
        await require(call, await subject(call), level)
        answer = await forward(call, path)
        if learn is not None and answer.status < 400:
            learn(call, answer.json())
        return as_reply(answer)

    return Route(method, path, handle)


def _segment(value: str) -> str:
    # MLflow decodes the path before it finds the handler: nothing may lead elsewhere in it.
    if value in (".", "..") or "/" in value:
        raise invalid(f"Invalid value in the path: {value!r}")
    return quote(value, safe="")


def _learn_run(call: Call, made: Any) -> None:
    info = made["run"]["info"]
    _learn(call, "run", info["run_id"], info["experiment_id"])


def _learn_model(call: Call, made: Any) -> None:
    info = made["model"]["info"]
    _learn(call, "model", info["model_id"], info["experiment_id"])


def _learn_trace(call: Call, made: Any) -> None:
    info = made["trace"]["trace_info"]
    where = info["trace_location"]["mlflow_experiment"]["experiment_id"]
    _learn(call, "trace", info["trace_id"], where)


def _learn(call: Call, kind: str, key: str, experiment: str) -> None:
    call.engines.mlflow.owners.learn(call.workspace.name, kind, key, experiment)


Row = tuple[str, str, Callable[[Call], Awaitable[tuple[str, ...]]], str]

RUNS: tuple[Row, ...] = (
    ("GET", f"{V2}/runs/get", subjects.run, READ),
    ("POST", f"{V2}/runs/update", subjects.run, EDIT),
    ("POST", f"{V2}/runs/delete", subjects.run, EDIT),
    ("POST", f"{V2}/runs/restore", subjects.run, EDIT),
    ("POST", f"{V2}/runs/log-metric", subjects.metric, EDIT),
    ("POST", f"{V2}/runs/log-parameter", subjects.run, EDIT),
    ("POST", f"{V2}/runs/log-batch", subjects.run, EDIT),
    ("POST", f"{V2}/runs/log-model", subjects.run, EDIT),
    ("POST", f"{V2}/runs/log-inputs", subjects.run, EDIT),
    ("POST", f"{V2}/runs/outputs", subjects.run, EDIT),
    ("POST", f"{V2}/runs/set-tag", subjects.run, EDIT),
    ("POST", f"{V2}/runs/delete-tag", subjects.run, EDIT),
    ("POST", f"{V2}/runs/search", subjects.experiments, READ),
    ("GET", f"{V2}/metrics/get-history", subjects.run, READ),
    ("GET", f"{V2}/metrics/get-history-bulk-interval", subjects.runs, READ),
    ("GET", f"{V2}/artifacts/list", subjects.run, READ),
)

MODELS: tuple[Row, ...] = (
    ("GET", f"{V2}/logged-models/{{model_id}}", subjects.model, READ),
    ("PATCH", f"{V2}/logged-models/{{model_id}}", subjects.model, EDIT),
    ("DELETE", f"{V2}/logged-models/{{model_id}}", subjects.model, EDIT),
    ("POST", f"{V2}/logged-models/{{model_id}}/params", subjects.model, EDIT),
    ("PATCH", f"{V2}/logged-models/{{model_id}}/tags", subjects.model, EDIT),
    ("DELETE", f"{V2}/logged-models/{{model_id}}/tags/{{tag_key}}", subjects.model, EDIT),
    ("GET", f"{V2}/logged-models/{{model_id}}/artifacts/directories", subjects.model, READ),
    ("POST", f"{V2}/logged-models/search", subjects.experiments, READ),
)

TRACES: tuple[Row, ...] = (
    ("GET", f"{V3}/traces/{{trace_id}}", subjects.trace, READ),
    ("GET", f"{V2}/traces/{{request_id}}/info", subjects.trace, READ),
    ("GET", f"{V3}/traces/get", subjects.trace, READ),
    ("GET", f"{V3}/traces/batchGet", subjects.traces, READ),
    ("POST", f"{V3}/traces/batchGetInfos", subjects.traces, READ),
    ("GET", f"{V2}/traces", subjects.experiments, READ),
    ("POST", f"{V3}/traces/calculate-filter-correlation", subjects.experiments, READ),
    ("POST", f"{V3}/traces/metrics", subjects.experiments, READ),
    ("POST", f"{V2}/traces/delete-traces", subjects.experiment, EDIT),
    ("POST", f"{V3}/traces/delete-traces", subjects.experiment, EDIT),
    ("PATCH", f"{V2}/traces/{{request_id}}", subjects.trace, EDIT),
    ("PATCH", f"{V2}/traces/{{request_id}}/tags", subjects.trace, EDIT),
    ("DELETE", f"{V2}/traces/{{request_id}}/tags", subjects.trace, EDIT),
    ("PATCH", f"{V3}/traces/{{trace_id}}/tags", subjects.trace, EDIT),
    ("DELETE", f"{V3}/traces/{{trace_id}}/tags", subjects.trace, EDIT),
    ("POST", f"{V3}/traces/{{trace_id}}/assessments", subjects.trace, EDIT),
    ("GET", f"{V3}/traces/{{trace_id}}/assessments/{{assessment_id}}", subjects.trace, READ),
    ("PATCH", f"{V3}/traces/{{trace_id}}/assessments/{{assessment_id}}", subjects.trace, EDIT),
    ("DELETE", f"{V3}/traces/{{trace_id}}/assessments/{{assessment_id}}", subjects.trace, EDIT),
    ("POST", f"{V2}/traces/link-to-run", subjects.run_and_traces, EDIT),
    ("POST", f"{V3}/traces/link-to-run", subjects.run_and_traces, EDIT),
    ("POST", f"{V2}/traces/link-prompts", subjects.trace, EDIT),
)

SCORERS: tuple[Row, ...] = (
    ("POST", f"{V3}/scorers/register", subjects.experiment, EDIT),
    ("GET", f"{V3}/scorers/list", subjects.experiment, READ),
    ("GET", f"{V3}/scorers/versions", subjects.experiment, READ),
    ("GET", f"{V3}/scorers/get", subjects.experiment, READ),
    ("DELETE", f"{V3}/scorers/delete", subjects.experiment, EDIT),
)


async def search_traces(call: Call) -> Reply:
    """As MLflow has it, but a filter that it would answer with nothing, always, is refused."""
    need_outside_spans(str(call.fields().get("filter") or ""))
    await require(call, await subjects.trace_locations(call), READ)
    return as_reply(await forward(call, f"{V3}/traces/search"))


ROUTES: tuple[Route, ...] = (
    Route("POST", f"{V3}/traces/search", search_traces),
    proxied("POST", f"{V2}/runs/create", subjects.experiment, EDIT, _learn_run),
    proxied("POST", f"{V2}/logged-models", subjects.experiment, EDIT, _learn_model),
    proxied("POST", f"{V3}/traces", subjects.new_trace, EDIT, _learn_trace),
    *(proxied(*row) for row in (*RUNS, *MODELS, *TRACES, *SCORERS)),
)
