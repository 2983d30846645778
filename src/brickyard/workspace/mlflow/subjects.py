"""Which experiments a request to MLflow is about: what its permission check asks for.

An experiment owns its runs, logged models and traces; which one owns what never changes, so it is
remembered once MLflow has told. MLflow itself answers only for the workspace of the request, hence
an id of another workspace does not exist here.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from brickyard.workspace.kernel import Call, invalid, not_found

REMEMBERED = 50_000
LONGEST_ID = 200
EXPERIMENT_ID = re.compile(r"[0-9]{1,18}")
PLAIN_ID = re.compile(r"[\w:.-]*\w[\w:.-]*")  # nothing that would lead elsewhere in an address

Subject = Callable[[Call], Awaitable[tuple[str, ...]]]
Ask = Callable[[str, str, tuple[tuple[str, str], ...]], Awaitable[Any]]


class Owners:
    """The experiment of each run, logged model and trace."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask  # (workspace, path, query) -> the JSON of a GET
        self._known: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    def learn(self, workspace: str, kind: str, key: str, experiment: str) -> None:
        self._known[workspace, kind, key] = experiment
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def of_run(self, workspace: str, run: str) -> str:
        return await self._find(
            workspace, "run", run, "/api/2.0/mlflow/runs/get", ("run", "info", "experiment_id")
        )

    async def of_model(self, workspace: str, model: str) -> str:
        path = f"/api/2.0/mlflow/logged-models/{quote(model, safe='')}"
        return await self._find(workspace, "model", model, path, ("model", "info", "experiment_id"))

    async def of_trace(self, workspace: str, trace: str) -> str:
        path = f"/api/3.0/mlflow/traces/{quote(trace, safe='')}"
        where = ("trace", "trace_info", "trace_location", "mlflow_experiment", "experiment_id")
        return await self._find(workspace, "trace", trace, path, where)

    async def _find(
        self, workspace: str, kind: str, key: str, path: str, where: tuple[str, ...]
    ) -> str:
        known = self._known.get((workspace, kind, key))
        if known is not None:
            return known
        if len(key) > LONGEST_ID or not PLAIN_ID.fullmatch(key):
            raise not_found(f"There is no {kind} with this id: {key[:LONGEST_ID]!r}")
        query = (("run_id", key),) if kind == "run" else ()
        found = await self._ask(workspace, path, query)
        for name in where:
            found = found[name]
        self.learn(workspace, kind, key, str(found))
        return str(found)


def given(call: Call, *names: str) -> str:
    """The first of these parameters that the request has, in its path, body or query."""
    body = call.fields() if call.method != "GET" else {}
    for name in names:
        value = call.path.get(name) or body.get(name) or call.query(name)
        if value:
            return str(value)
    raise invalid(f"Missing value for required parameter '{names[0]}'")


def listed(call: Call, name: str) -> tuple[str, ...]:
    """A repeated parameter of the body or the query."""
    found = call.fields().get(name) if call.method != "GET" else None
    if found is None:
        return call.queries(name)
    return tuple(map(str, found)) if isinstance(found, list) else (str(found),)


async def experiment(call: Call) -> tuple[str, ...]:
    return (_set(given(call, "experiment_id")),)


async def run(call: Call) -> tuple[str, ...]:
    owners = call.engines.mlflow.owners
    return (await owners.of_run(call.workspace.name, given(call, "run_id", "run_uuid")),)


async def runs(call: Call) -> tuple[str, ...]:
    owners, name = call.engines.mlflow.owners, call.workspace.name
    return _once([await owners.of_run(name, one) for one in listed(call, "run_ids")])


async def model(call: Call) -> tuple[str, ...]:
    owners = call.engines.mlflow.owners
    return (await owners.of_model(call.workspace.name, given(call, "model_id")),)


async def metric(call: Call) -> tuple[str, ...]:
    """A metric belongs to a run, to a logged model or to both."""
    body = call.fields()
    if body.get("run_id") or body.get("run_uuid"):
        return await run(call)
    return await model(call)


async def trace(call: Call) -> tuple[str, ...]:
    owners = call.engines.mlflow.owners
    return (await owners.of_trace(call.workspace.name, given(call, "trace_id", "request_id")),)


async def traces(call: Call) -> tuple[str, ...]:
    owners, name = call.engines.mlflow.owners, call.workspace.name
    return _once([await owners.of_trace(name, one) for one in listed(call, "trace_ids")])


async def run_and_traces(call: Call) -> tuple[str, ...]:
    return _once([*(await run(call)), *(await traces(call))])


async def experiments(call: Call) -> tuple[str, ...]:
    """Several, by id. None is no permission for all: MLflow would search them all."""
    found = listed(call, "experiment_ids")
    if not found:
        raise invalid("experiment_ids must name at least one experiment")
    return _once(map(_numbered, found))


async def trace_locations(call: Call) -> tuple[str, ...]:
    places = call.fields().get("locations")
    given = places if isinstance(places, list) else []
    found = [_inside(place, "mlflow_experiment", "experiment_id") for place in given]
    if not found or not all(found):
        raise invalid("locations must name experiments of this workspace")
    return _once(_numbered(str(one)) for one in found)


async def new_trace(call: Call) -> tuple[str, ...]:
    where = ("trace", "trace_info", "trace_location", "mlflow_experiment", "experiment_id")
    found = _inside(call.fields(), *where)
    if not found:
        raise invalid("trace.trace_info.trace_location must name an experiment")
    return (_set(str(found)),)


def _inside(value: Any, *names: str) -> Any:
    """What lies at the end of nested objects; None where something else is on the way."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _set(experiment_id: str) -> str:
    """Refuse MLflow's default experiment, which clients name when the user has set none."""
    if experiment_id == "0":
        raise not_found(
            "No experiment is set. Call mlflow.set_experiment('/Users/<you>/<name>') first, or "
            "set MLFLOW_EXPERIMENT_NAME"
        )
    return _numbered(experiment_id)


def _numbered(experiment_id: str) -> str:
    if not EXPERIMENT_ID.fullmatch(experiment_id):
        raise not_found(f"No Experiment with id={experiment_id[:LONGEST_ID]} exists")
    return experiment_id


def _once(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))
