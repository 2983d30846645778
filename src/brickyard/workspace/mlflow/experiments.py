"""Experiments, whose names are workspace paths, as ExperimentsAPI of the SDK and MLflow call them.

Creating one needs its folder; who creates it manages it. Lists show what the caller may read.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.kernel import Call, Json, Reply, Route, invalid
from brickyard.workspace.mlflow import subjects
from brickyard.workspace.mlflow.tracking import (
    EDIT,
    MANAGE,
    READ,
    V2,
    as_reply,
    forward,
    proxied,
    require,
)

BASE = f"{V2}/experiments"
OWN_LOCATIONS = ("dbfs:/Volumes/", "s3://", "s3a://", "abfss://", "wasbs://", "gs://", "r2://")
LIST_SIZE = 1000


async def create(call: Call) -> Reply:
    engine = call.engines.mlflow
    name = _plain(subjects.given(call, "name"))
    location = call.fields().get("artifact_location")
    if location and not str(location).startswith(OWN_LOCATIONS):
        raise invalid(
            f"artifact_location {location!r} is not allowed: use a volume "
            "(dbfs:/Volumes/<catalog>/<schema>/<volume>/...), an object store, or leave it out"
        )
    await asyncio.to_thread(engine.require_folder, call.principal, call.workspace, name)
    answer = await forward(call, f"{BASE}/create", body=_with(call, name=name))
    if answer.status < 400:
        made = str(answer.json()["experiment_id"])
        await asyncio.to_thread(engine.own, call.principal, call.workspace, made)
    return as_reply(answer)


async def update(call: Call) -> Reply:
    await require(call, await subjects.experiment(call), MANAGE)
    engine = call.engines.mlflow
    given = call.fields().get("new_name")
    if not given:
        return as_reply(await forward(call, f"{BASE}/update"))
    name = _plain(str(given))
    await asyncio.to_thread(engine.require_folder, call.principal, call.workspace, name)
    return as_reply(await forward(call, f"{BASE}/update", body=_with(call, new_name=name)))


async def by_name(call: Call) -> Reply:
    name = _plain(call.query("experiment_name"))
    answer = await forward(call, f"{BASE}/get-by-name", query=[("experiment_name", name)])
    if answer.status < 400:
        await require(call, (str(answer.json()["experiment"]["experiment_id"]),), READ)
    return as_reply(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The types of what MLflow's search takes; it breaks on others."""

    filter: str | None = None
    order_by: list[str] | str | None = None
    page_token: str | None = None
    max_results: int | None = None
    view_type: str | int | None = None


async def search(call: Call) -> Json:
    """MLflow's, which takes no search without `max_results`, as the SDK leaves it out."""
    if call.method == "GET":
        query = [*call.query_items]
        if not call.query("max_results"):
            query.append(("max_results", str(LIST_SIZE)))
        answer = await forward(call, f"{BASE}/search", query=query)
    else:
        many = call.read(Search).max_results
        body = _with(call, max_results=LIST_SIZE if many is None else many)
        answer = await forward(call, f"{BASE}/search", body=body)
    return await _readable(call, answer.result())


async def browse(call: Call) -> Json:
    """`experiments/list`, the SDK's older way, on MLflow's search."""
    views = {"": "ACTIVE_ONLY", "ACTIVE_ONLY": "ACTIVE_ONLY", "DELETED_ONLY": "DELETED_ONLY"}
    wanted: dict[str, Any] = {
        "max_results": call.integer("max_results", LIST_SIZE),
        "view_type": views.get(call.query("view_type"), "ALL"),
    }
    if token := call.query("page_token"):
        wanted["page_token"] = token
    answer = await call.engines.mlflow.proxy.send(
        call.workspace.name, "POST", f"{BASE}/search", body=json.dumps(wanted).encode()
    )
    return await _readable(call, answer.result())


def _plain(name: str) -> str:
    """`/Workspace/Shared/x` and `/Shared/x` are one experiment; it is shown as the latter."""
    return name.removeprefix("/Workspace") if name.startswith("/Workspace/") else name


def _with(call: Call, **fields: str | int) -> bytes:
    return json.dumps({**call.fields(), **fields}).encode()


async def _readable(call: Call, page: dict[str, Any]) -> Json:
    found = page.get("experiments", [])
    named = {one["experiment_id"]: one["name"] for one in found}
    engine = call.engines.mlflow
    allowed = await asyncio.to_thread(engine.readable, call.principal, call.workspace, named)
    kept = [one for one in found if one["experiment_id"] in allowed]
    return {**page, "experiments": kept} if kept or found else page


ROUTES = (
    Route("POST", f"{BASE}/create", create),
    Route("POST", f"{BASE}/update", update),
    Route("GET", f"{BASE}/get-by-name", by_name),
    Route("POST", f"{BASE}/search", search),
    Route("GET", f"{BASE}/search", search),
    Route("GET", f"{BASE}/list", browse),
    proxied("GET", f"{BASE}/get", subjects.experiment, READ),
    proxied("POST", f"{BASE}/delete", subjects.experiment, MANAGE),
    proxied("POST", f"{BASE}/restore", subjects.experiment, MANAGE),
    proxied("POST", f"{BASE}/set-experiment-tag", subjects.experiment, EDIT),
    proxied("POST", f"{BASE}/delete-experiment-tag", subjects.experiment, EDIT),
)
