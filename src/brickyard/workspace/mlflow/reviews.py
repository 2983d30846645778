"""Review apps and labeling sessions, as `mlflow.genai.labeling` calls them.

Each belongs to an experiment and follows its permissions; a session has a run of its own, to which
its traces are linked, as on Databricks. What is to be labeled and by whom is kept; there is no page
on which reviewers would do it, they log their feedback on the traces with MLflow.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from brickyard.workspace.kernel import (
    Call,
    Document,
    Documents,
    Fidelity,
    Json,
    Route,
    Store,
    document_table,
    exists,
    invalid,
    not_found,
)
from brickyard.workspace.mlflow.tracking import EDIT, READ, V2, require

APPS: Final = document_table("mlflow_review_apps")
SESSIONS: Final = document_table("mlflow_labeling_sessions")
BASE: Final = "/api/2.0/managed-evals/review-apps"
APP: Final = BASE + "/{review_app_id}"
OF_APP: Final = APP + "/labeling-sessions"
SESSION: Final = OF_APP + "/{labeling_session_id}"
NOTE: Final = "kept; there is no page on which reviewers label"
APP_FIELDS: Final = ("agents", "labeling_schemas")
SESSION_FIELDS: Final = (
    "name",
    "assigned_users",
    "agent",
    "labeling_schemas",
    "additional_configs",
)
_FILTER: Final = re.compile(r"\s*experiment_id\s*=\s*['\"]?([0-9]+)['\"]?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    experiment_id: str | None = None
    agents: list[dict[str, Any]] = field(default_factory=list)
    labeling_schemas: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    name: str | None = None
    assigned_users: list[str] = field(default_factory=list)
    agent: dict[str, Any] | None = None
    labeling_schemas: list[dict[str, Any]] = field(default_factory=list)
    additional_configs: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    items: list[dict[str, Any]]


class Reviews:
    """Apps have the id and, as their name, the experiment's; sessions the app's id as theirs."""

    def __init__(self, store: Store) -> None:
        self.apps = Documents(store, APPS, "Review app")
        self.sessions = Documents(store, SESSIONS, "Labeling session")


# -- apps -----------------------------------------------------------------------------------------


async def create(call: Call) -> Json:
    want = call.read(App)
    if not want.experiment_id:
        raise invalid("experiment_id is required")
    await require(call, (want.experiment_id,), EDIT)
    _need_own_names(want.labeling_schemas)
    apps = call.engines.mlflow.reviews.apps
    if any(one.name == want.experiment_id for one in apps.all(call.workspace.name)):
        raise exists(f"Experiment {want.experiment_id} already has a review app")
    made = apps.add(
        call.workspace.name,
        want.experiment_id,
        {"agents": want.agents, "labeling_schemas": want.labeling_schemas},
        creator=call.principal.user_name,
        id=uuid.uuid4().hex,
    )
    return _app(made)


async def browse(call: Call) -> Json:
    """Those of one experiment: clients filter by it."""
    found = _FILTER.fullmatch(call.query("filter"))
    if found is None:
        raise invalid("filter must be experiment_id=<id>")
    await require(call, (found[1],), READ)
    every = call.engines.mlflow.reviews.apps.all(call.workspace.name)
    return call.page("review_apps", [one for one in every if one.name == found[1]], _app)


async def update(call: Call) -> Json:
    want = call.read(App)
    found = await _the_app(call, EDIT)
    given = {"agents": want.agents, "labeling_schemas": want.labeling_schemas}
    masked = _masked(call, APP_FIELDS)
    if "labeling_schemas" in masked:
        _need_own_names(want.labeling_schemas)

    def edit(had: Document) -> Mapping[str, Any]:
        return {**had.body, **{key: given[key] for key in masked}}

    changed = call.engines.mlflow.reviews.apps.change(call.workspace.name, found.id, edit)
    return _app(changed)


def _need_own_names(schemas: Sequence[Mapping[str, Any]]) -> None:
    """Raise when two label schemas of an app have one name: sessions find them by it."""
    names = [one.get("name") for one in schemas]
    if twice := sorted({str(one) for one in names if names.count(one) > 1}):
        raise exists(f"Label schema {', '.join(twice)} already exists in the review app")


# -- sessions -------------------------------------------------------------------------------------


async def create_session(call: Call) -> Json:
    want = call.read(Session)
    if not want.name:
        raise invalid("name is required")
    app = await _the_app(call, EDIT)
    body: dict[str, Any] = {key: getattr(want, key) for key in SESSION_FIELDS}
    known = {one.get("name") for one in app.body["labeling_schemas"]}
    wanted = [one.get("name") for one in want.labeling_schemas]
    if lacking := [str(name) for name in wanted if name not in known]:
        raise not_found(f"The review app has no label schema {', '.join(lacking)}")
    body |= {"items": [], "mlflow_run_id": await _run(call, app.name, want.name)}
    made = call.engines.mlflow.reviews.sessions.add(
        call.workspace.name,
        app.id,
        body,
        creator=call.principal.user_name,
        id=uuid.uuid4().hex,
    )
    return _session(made)


async def browse_sessions(call: Call) -> Json:
    app = await _the_app(call, READ)
    every = call.engines.mlflow.reviews.sessions.all(call.workspace.name)
    return call.page("labeling_sessions", [one for one in every if one.name == app.id], _session)


async def fetch_session(call: Call) -> Json:
    return _session(await _the_session(call, READ))


async def update_session(call: Call) -> Json:
    want = call.read(Session)
    found = await _the_session(call, EDIT)
    masked = _masked(call, SESSION_FIELDS)

    def edit(had: Document) -> Mapping[str, Any]:
        return {**had.body, **{key: getattr(want, key) for key in masked}}

    changed = call.engines.mlflow.reviews.sessions.change(call.workspace.name, found.id, edit)
    return _session(changed)


async def drop_session(call: Call) -> Json:
    found = await _the_session(call, EDIT)
    call.engines.mlflow.reviews.sessions.remove(call.workspace.name, found.id)
    return {}


# -- items ----------------------------------------------------------------------------------------


async def browse_items(call: Call) -> Json:
    found = await _the_session(call, READ)
    return call.page("items", found.body["items"], dict)


async def add_items(call: Call) -> Json:
    """What is to be labeled: traces of the experiment, or records of a dataset."""
    found = await _the_session(call, EDIT)
    owners, sources = call.engines.mlflow.owners, [one.get("source") or {} for one in _items(call)]
    traces = [str(one["trace_id"]) for one in sources if one.get("trace_id")]
    for trace in traces:
        await require(call, (await owners.of_trace(call.workspace.name, trace),), READ)
    if traces:
        body = {"trace_ids": traces, "run_id": found.body["mlflow_run_id"]}
        await _tell(call, f"{V2}/traces/link-to-run", body)
    by, at = call.principal.user_name, _now()
    made: list[dict[str, Any]] = [
        {
            "item_id": uuid.uuid4().hex,
            "create_time": at,
            "created_by": by,
            "last_update_time": at,
            "last_updated_by": by,
            "source": source,
            "state": "PENDING",
            "chat_rounds": [],
        }
        for source in sources
    ]

    def edit(had: Document) -> Mapping[str, Any]:
        seen = [one["source"] for one in had.body["items"]]
        return {**had.body, "items": [*had.body["items"], *_new(made, seen)]}

    call.engines.mlflow.reviews.sessions.change(call.workspace.name, found.id, edit)
    return {"items": made}


def _items(call: Call) -> Sequence[Mapping[str, Any]]:
    return call.read(Items).items


def _new(made: Sequence[Mapping[str, Any]], seen: Sequence[Any]) -> list[Mapping[str, Any]]:
    """Without those that the session has already."""
    return [one for one in made if one["source"] not in seen]


# -- what all share -------------------------------------------------------------------------------


async def _the_app(call: Call, level: str) -> Document:
    found = call.engines.mlflow.reviews.apps.get(call.workspace.name, call.path["review_app_id"])
    await require(call, (found.name,), level)
    return found


async def _the_session(call: Call, level: str) -> Document:
    app = await _the_app(call, level)
    sessions = call.engines.mlflow.reviews.sessions
    found = sessions.get(call.workspace.name, call.path["labeling_session_id"])
    if found.name != app.id:
        raise not_found(f"Labeling session {found.id} does not exist in this review app")
    return found


async def _run(call: Call, experiment: str, name: str) -> str:
    """The run that stands for a session in its experiment."""
    body = {
        "experiment_id": experiment,
        "run_name": name,
        "start_time": int(datetime.now(UTC).timestamp() * 1000),
        "tags": [
            {"key": "mlflow.runName", "value": name},
            {"key": "mlflow.user", "value": call.principal.user_name},
            {"key": "mlflow.runType", "value": "labeling_session"},
        ],
    }
    made = await _tell(call, f"{V2}/runs/create", body)
    return str(made["run"]["info"]["run_id"])


async def _tell(call: Call, path: str, body: Mapping[str, Any]) -> Any:
    proxy, raw = call.engines.mlflow.proxy, json.dumps(body).encode()
    return (await proxy.send(call.workspace.name, "POST", path, body=raw)).result()


def _masked(call: Call, fields: Sequence[str]) -> list[str]:
    masked = [one for one in call.query("update_mask").split(",") if one]
    if unknown := [one for one in masked if one not in fields]:
        raise invalid(f"update_mask may name {', '.join(fields)}, not {', '.join(unknown)}")
    return masked


def _app(one: Document) -> Json:
    return {"review_app_id": one.id, "experiment_id": one.name, **one.body}


def _session(one: Document) -> Json:
    shown = {key: value for key, value in one.body.items() if key != "items" and value is not None}
    return {"labeling_session_id": one.id, **shown}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


ROUTES: tuple[Route, ...] = (
    Route("POST", BASE, create, Fidelity.VIRTUAL, note=NOTE),
    Route("GET", BASE, browse),
    Route("PATCH", APP, update, Fidelity.VIRTUAL, note=NOTE),
    Route("POST", OF_APP, create_session, Fidelity.VIRTUAL, note=NOTE),
    Route("GET", OF_APP, browse_sessions),
    Route("GET", SESSION, fetch_session),
    Route("PATCH", SESSION, update_session, Fidelity.VIRTUAL, note=NOTE),
    Route("DELETE", SESSION, drop_session),
    Route("GET", SESSION + "/items", browse_items),
    Route("POST", SESSION + "/items:batchCreate", add_items, Fidelity.VIRTUAL, note=NOTE),
)
