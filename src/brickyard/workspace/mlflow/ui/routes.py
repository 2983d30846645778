"""MLflow's own pages, at `/mlflow/`, behind the workspace's sign-in.

The pages ask `ajax-api/...` for what the API has under `/api/...`: those requests go to the same
handlers as the API's, as the person who signed in, so an experiment's permissions hold. What only
the pages ask (artifacts, GraphQL, what the server can do) is here. Links as Databricks and MLflow's
client print them (`/ml/experiments/...`) lead to the page.
Left out: what the pages offer of MLflow's gateway, jobs, users, webhooks and MCP servers.
"""

from __future__ import annotations

import asyncio
import inspect
import mimetypes
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from brickyard.workspace.identity import sign_in
from brickyard.workspace.kernel import (
    ApiError,
    Call,
    Fidelity,
    Json,
    Reply,
    Route,
    invalid,
    not_found,
)
from brickyard.workspace.kernel.routing import Router
from brickyard.workspace.mlflow.artifacts import inside
from brickyard.workspace.mlflow.tracking import EDIT, READ, V3, as_reply, forward, require
from brickyard.workspace.mlflow.ui import graphql

PATH: Final = "/mlflow"
AJAX: Final = PATH + "/ajax-api/{version}/mlflow"
SECURE: Final = {
    name: value
    for name, value in sign_in.GUARDED.items()
    if name not in ("Content-Type", "Cache-Control")
}
# An artifact is what somebody logged: shown by MLflow's page, never run as one of its own.
GUARDED: Final[Mapping[str, str]] = {
    **SECURE,
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "sandbox",
}
NO_TELEMETRY: Final = {
    "disable_ui_telemetry": True,
    "disable_ui_events": [],
    "ui_rollout_percentage": 0,
}


# -- pages ----------------------------------------------------------------------------------------


def front(call: Call) -> Reply:
    """The application."""
    if not call.raw_path.endswith("/"):
        return sign_in.led_to(PATH + "/")
    return Reply(body=_built() / "index.html", headers=dict(sign_in.GUARDED))


def asset(call: Call) -> Reply:
    """A file of the application, as MLflow's package has it."""
    path = inside(_built(), *PurePosixPath(call.path["path"]).parts)
    if not path.is_file():
        raise not_found(f"MLflow's pages have no {call.path['path']}")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    lasting = {**SECURE, "Content-Type": kind, "Cache-Control": "private, max-age=86400"}
    return Reply(body=path, headers=lasting)


def link(call: Call) -> Reply:
    """`/ml/experiments/<id>/...`, as Databricks has it, in the application."""
    return sign_in.led_to(f"{PATH}/#/experiments/{quote(call.path['rest'])}")


@cache
def _built() -> Path:
    """The folder of the pages, found without importing MLflow."""
    spec = find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        raise ApiError("FEATURE_DISABLED", "MLflow is not installed")
    return Path(spec.submodule_search_locations[0]) / "server" / "js" / "build"


# -- what the pages ask ---------------------------------------------------------------------------


def passed_on(api: Router) -> tuple[Route, ...]:
    """The routes by which the pages reach the API's handlers."""

    async def handle(call: Call) -> Reply | Json:
        path = f"/api/{call.raw_path.partition('/ajax-api/')[2]}"
        found = api.find(call.method, path)
        if found is None:
            message = f"No API found for '{call.method} {path}'"
            raise ApiError("ENDPOINT_NOT_FOUND", message)
        route, values = found
        return await _call(route, call, values)

    rest = AJAX + "/{rest...}"
    return tuple(
        Route(method, rest, handle, browser=True)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    )


async def server_info(call: Call) -> Json:
    """What MLflow says of itself; one address shows one of its workspaces, and no gateway."""
    told: dict[str, Any] = (await forward(call, f"{V3}/server-info")).result()
    features = {**told.get("features_enabled", {}), "gateway": False}
    return {**told, "workspaces_enabled": False, "features_enabled": features}


async def ask(call: Call) -> Reply | Json:
    await require(call, await graphql.experiments_of(call), READ)
    answer = await forward(call, "/graphql")
    if answer.status >= 400:
        return as_reply(answer)
    found = answer.json()
    models = call.engines.mlflow.models
    names = sorted(set(_named(found)))
    seen = await asyncio.to_thread(models.readable, call.principal, call.workspace, names)
    shown: Json = graphql.without_hidden(found, lambda name: name in seen)
    return shown


async def run_artifact(call: Call) -> Reply:
    run = call.query("run_uuid") or call.query("run_id")
    experiment = await call.engines.mlflow.owners.of_run(call.workspace.name, run)
    await require(call, (experiment,), READ)
    return _file(call, (experiment, "Runs", run, "artifacts"), call.query("path"))


async def model_artifact(call: Call) -> Reply:
    model = call.path["model_id"]
    experiment = await call.engines.mlflow.owners.of_model(call.workspace.name, model)
    await require(call, (experiment,), READ)
    path = call.query("artifact_file_path")
    return _file(call, (experiment, "LoggedModels", model, "artifacts"), path)


async def trace_artifact(call: Call) -> Reply:
    """MLflow knows where a trace's spans are; what was attached lies beside them."""
    trace = call.query("request_id")
    experiment = await call.engines.mlflow.owners.of_trace(call.workspace.name, trace)
    await require(call, (experiment,), READ)
    if path := call.query("path"):
        return _file(call, (experiment, "Traces", trace, "artifacts", "attachments"), path)
    return as_reply(await forward(call, "/ajax-api/2.0/mlflow/get-trace-artifact"))


async def upload_artifact(call: Call) -> Json:
    run, path = call.query("run_uuid"), call.query("path")
    experiment = await call.engines.mlflow.owners.of_run(call.workspace.name, run)
    await require(call, (experiment,), EDIT)
    place = _place(call, (experiment, "Runs", run, "artifacts"), path)
    await asyncio.to_thread(_keep, place, call.body())
    return {}


async def search_datasets(call: Call) -> Reply:
    given = call.fields().get("experiment_ids") or ()
    if not isinstance(given, list | tuple):
        raise invalid("experiment_ids must be a list")
    ids = tuple(str(one) for one in given)
    await require(call, ids, READ)
    return as_reply(await forward(call, "/ajax-api/2.0/mlflow/experiments/search-datasets"))


async def metric_history(call: Call) -> Reply:
    owners, where = call.engines.mlflow.owners, call.workspace.name
    ids = [await owners.of_run(where, run) for run in call.queries("run_id")]
    await require(call, tuple(dict.fromkeys(ids)), READ)
    return as_reply(await forward(call, "/ajax-api/2.0/mlflow/metrics/get-history-bulk"))


async def telemetry(call: Call) -> Json:
    return NO_TELEMETRY if call.method == "GET" else {"status": "disabled"}


async def whoami(call: Call) -> Json:
    who = call.principal
    return {"user": {"username": who.user_name, "id": who.id, "is_admin": who.is_admin}}


# -- below ----------------------------------------------------------------------------------------


async def _call(route: Route, call: Call, values: Mapping[str, str]) -> Reply | Json:
    """The API's answer to the same request under its own address."""
    inner = Call(
        method=call.method,
        raw_path=call.raw_path,
        path=values,
        query_items=call.query_items,
        headers=call.headers,
        body=call.body_path() or call.body(),
        principal=call.principal,
        workspace=call.workspace,
        engines=call.engines,
        receive=call.receive,
    )
    if inspect.iscoroutinefunction(route.handler):
        answer = await route.handler(inner)
    else:
        answer = await asyncio.to_thread(route.handler, inner)
    found: Reply | Json = answer
    return found


def _file(call: Call, folder: tuple[str, ...], path: str) -> Reply:
    place = _place(call, folder, path)
    if not place.is_file():
        raise not_found(f"There is no artifact {path!r}")
    kind = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    return Reply(body=place, headers={**GUARDED, "Content-Type": kind})


def _place(call: Call, folder: tuple[str, ...], path: str) -> Path:
    root = call.engines.mlflow.artifacts_root / call.workspace.name
    return inside(root, *folder, *PurePosixPath(path).parts)


def _keep(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.draft")
    draft.write_bytes(content)
    draft.replace(place)


def _named(value: Any) -> list[str]:
    """The names of all model versions in an answer."""
    if isinstance(value, list):
        return [name for one in value for name in _named(one)]
    if not isinstance(value, Mapping):
        return []
    here = value.get("modelVersions")
    named = [str(one.get("name", "")) for one in here] if isinstance(here, list) else []
    return [*named, *(name for one in value.values() for name in _named(one))]


def ui_routes(api: tuple[Route, ...]) -> tuple[Route, ...]:
    """The pages' routes, over those of the API."""
    return (
        Route("GET", PATH, front, browser=True, stranger=sign_in.asked_of),
        Route("GET", PATH + "/static-files/{path...}", asset, browser=True),
        Route(
            "GET",
            "/ml/experiments/{rest...}",
            link,
            browser=True,
            stranger=sign_in.asked_of,
        ),
        Route("POST", PATH + "/graphql", ask, browser=True),
        Route("GET", PATH + "/get-artifact", run_artifact, browser=True),
        Route("GET", AJAX + "/get-trace-artifact", trace_artifact, browser=True),
        Route("GET", AJAX + "/server-info", server_info, browser=True),
        Route("GET", AJAX + "/ui-telemetry", telemetry, browser=True),
        Route(
            "POST",
            AJAX + "/ui-telemetry",
            telemetry,
            Fidelity.ACCEPTED,
            browser=True,
            note="no telemetry leaves this machine",
        ),
        Route("GET", AJAX + "/users/current", whoami, browser=True),
        Route("POST", AJAX + "/upload-artifact", upload_artifact, browser=True),
        Route("POST", AJAX + "/experiments/search-datasets", search_datasets, browser=True),
        Route("GET", AJAX + "/metrics/get-history-bulk", metric_history, browser=True),
        Route(
            "GET", AJAX + "/logged-models/{model_id}/artifacts/files", model_artifact, browser=True
        ),
        *passed_on(Router(api)),
    )
