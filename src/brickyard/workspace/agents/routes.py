"""Agents, as the `databricks-agents` package calls them: `agents.deploy` and review apps.

Not here: monitors (`/managed-evals/monitors`), which that package finds missing and does without;
and the pages on which people review, which are Databricks' own.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from brickyard.workspace.agents.reviews import show_app, show_item, show_session
from brickyard.workspace.kernel import ApiError, Call, Json, Route, invalid, now_ms
from brickyard.workspace.kernel.documents import Document

DEPLOYMENTS: Final = "/api/2.0/agents/deployments"
MODEL: Final = DEPLOYMENTS + "/{model}"
VERSION: Final = MODEL + "/versions/{version}"
APPS: Final = "/api/2.0/managed-evals/review-apps"
APP: Final = APPS + "/{app}"
SESSIONS: Final = APP + "/labeling-sessions"
SESSION: Final = SESSIONS + "/{session}"
NEEDED: Final = ("model_name", "model_version", "endpoint_name", "served_entity_name")
NO_PAGE: Final = "the page for reviewers is Databricks' own"


def deploy(call: Call) -> Json:
    body = call.fields()
    missing = [name for name in NEEDED if not body.get(name)]
    if missing:
        raise invalid(f"{missing[0]} is required")
    given = {name: str(body[name]) for name in (*NEEDED, "query_endpoint") if body.get(name)}
    made = call.engines.agents.deployments.add(call.principal, call.workspace, given)
    return {"deployed_chain": _deployment(call, made)}


def deployments(call: Call) -> Json:
    found = call.engines.agents.deployments.visible(
        call.principal, call.workspace, call.path.get("model", ""), call.path.get("version", "")
    )
    return {"chain_deployments": [_deployment(call, one) for one in found]} if found else {}


def undeploy(call: Call) -> Json:
    call.engines.agents.deployments.remove(
        call.principal, call.workspace, call.path["model"], call.path.get("version", "")
    )
    return {}


def instructions(call: Call) -> Json:
    found = call.engines.agents.deployments.review(
        call.principal, call.workspace, call.path["model"]
    )
    return {"instructions": found["instructions"]} if "instructions" in found else {}


def instruct(call: Call) -> Json:
    text = str(call.fields().get("instructions") or "")
    call.engines.agents.deployments.instruct(
        call.principal, call.workspace, call.path["model"], text
    )
    return {}


def artifacts(call: Call) -> Json:
    found = call.engines.agents.deployments.review(
        call.principal, call.workspace, call.path["model"]
    )
    return {"artifacts": found["artifacts"]} if found.get("artifacts") else {}


def attach(call: Call) -> Json:
    listed = call.fields().get("artifacts")
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise invalid("artifacts must be a list of URIs")
    call.engines.agents.deployments.attach(
        call.principal, call.workspace, call.path["model"], listed
    )
    return {}


async def create_app(call: Call) -> Json:
    body = call.fields()
    experiment = body.get("experiment_id")
    if not isinstance(experiment, str) or not experiment:
        raise invalid("experiment_id is required")
    await _require(call, experiment, "CAN_EDIT")
    made = await _ask(call, "create", call.principal.user_name, experiment, body)
    return show_app(made)


async def browse_apps(call: Call) -> Json:
    """By `filter=experiment_id=...`; without one, those whose experiments may be read."""
    name, _, wanted = call.query("filter").partition("=")
    if name and name.strip() != "experiment_id":
        raise invalid("filter must be experiment_id=<id>")
    wanted = wanted.strip().strip("'\"")
    if wanted:
        await _require(call, wanted, "CAN_READ")
    found = await _ask(call, "apps", wanted)
    kept = found if wanted else [one for one in found if await _may_read(call, one.name)]
    return call.page("review_apps", kept, show_app)


async def fetch_app(call: Call) -> Json:
    return show_app(await _app(call, "CAN_READ"))


async def change_app(call: Call) -> Json:
    app = await _app(call, "CAN_EDIT")
    changed = await _ask(call, "change", app.id, call.fields(), _mask(call))
    return show_app(changed)


async def create_session(call: Call) -> Json:
    app, body = await _app(call, "CAN_EDIT"), call.fields()
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise invalid("name is required")
    run = await _new_run(call, app.name, name)
    made = await _ask(call, "begin", call.principal.user_name, app.id, run, body)
    return show_session(made)


async def browse_sessions(call: Call) -> Json:
    app = await _app(call, "CAN_READ")
    found = await _ask(call, "sessions", app.id)
    return call.page("labeling_sessions", found, show_session)


async def fetch_session(call: Call) -> Json:
    return show_session(await _session(call, "CAN_READ"))


async def change_session(call: Call) -> Json:
    session = await _session(call, "CAN_EDIT")
    parts = _mask(call)
    changed = await _ask(call, "change_session", session.name, session.id, call.fields(), parts)
    return show_session(changed)


async def delete_session(call: Call) -> Json:
    """The run stays, as other runs of the experiment do."""
    session = await _session(call, "CAN_EDIT")
    await _ask(call, "end", session.name, session.id)
    return {}


async def browse_items(call: Call) -> Json:
    session = await _session(call, "CAN_READ")
    found = await _ask(call, "items", session.id)
    return call.page("items", found, show_item)


async def add_items(call: Call) -> Json:
    session = await _session(call, "CAN_EDIT")
    listed = call.fields().get("items")
    if not isinstance(listed, list):
        raise invalid("items must be a list")
    made = await _ask(call, "add_items", call.principal.user_name, session.id, listed)
    return {"items": [show_item(one) for one in made]}


async def change_item(call: Call) -> Json:
    """A reviewer who is assigned to the session needs no right to edit the experiment."""
    session = await _session(call, "CAN_READ")
    if call.principal.user_name not in session.body.get("assigned_users", []):
        await _session(call, "CAN_EDIT")
    user, item = call.principal.user_name, call.path["item"]
    changed = await _ask(call, "change_item", user, session.id, item, call.fields())
    return show_item(changed)


def _deployment(call: Call, one: Document) -> dict[str, Any]:
    return {
        **one.body,
        "create_timestamp": one.created_ms,
        "last_update_timestamp": one.updated_ms,
        "creator": one.creator,
        "workspace_url": call.workspace.url,
        "review_app_url": f"{call.workspace.url}/ml/review/{one.name}",
    }


async def _ask(call: Call, method: str, *args: Any) -> Any:
    """A method of the reviews, off the event loop."""
    ask = getattr(call.engines.agents.reviews, method)
    return await asyncio.to_thread(ask, call.workspace.name, *args)


async def _may_read(call: Call, experiment: str) -> bool:
    try:
        await _require(call, experiment, "CAN_READ")
    except ApiError:
        return False
    return True


async def _require(call: Call, experiment: str, level: str) -> None:
    await call.engines.mlflow.require(call.principal, call.workspace, (experiment,), level)


async def _app(call: Call, level: str) -> Document:
    found: Document = await _ask(call, "app", call.path["app"])
    await _require(call, found.name, level)
    return found


async def _session(call: Call, level: str) -> Document:
    app = await _app(call, level)
    found: Document = await _ask(call, "session", app.id, call.path["session"])
    return found


async def _new_run(call: Call, experiment: str, name: str) -> str:
    body = {
        "experiment_id": experiment,
        "user_id": call.principal.user_name,
        "run_name": name,
        "start_time": now_ms(),
        "tags": [{"key": "mlflow.runType", "value": "labeling_session"}],
    }
    answer = await call.engines.mlflow.proxy.send(
        call.workspace.name,
        "POST",
        "/api/2.0/mlflow/runs/create",
        body=json.dumps(body).encode(),
    )
    return str(answer.result()["run"]["info"]["run_id"])


def _mask(call: Call) -> list[str]:
    return [name.strip() for name in call.query("update_mask").split(",") if name.strip()]


ROUTES: Final = (
    Route("POST", DEPLOYMENTS, deploy),
    Route("GET", DEPLOYMENTS, deployments),
    Route("GET", MODEL, deployments),
    Route("DELETE", MODEL, undeploy),
    Route("GET", VERSION, deployments),
    Route("DELETE", VERSION, undeploy),
    Route("GET", MODEL + "/instructions", instructions),
    Route("POST", MODEL + "/instructions", instruct),
    Route("GET", MODEL + "/artifacts", artifacts),
    Route("POST", MODEL + "/artifacts", attach),
    Route("POST", APPS, create_app, note=NO_PAGE),
    Route("GET", APPS, browse_apps),
    Route("GET", APP, fetch_app),
    Route("PATCH", APP, change_app),
    Route("POST", SESSIONS, create_session, note=NO_PAGE),
    Route("GET", SESSIONS, browse_sessions),
    Route("GET", SESSION, fetch_session),
    Route("PATCH", SESSION, change_session),
    Route("DELETE", SESSION, delete_session),
    Route("GET", SESSION + "/items", browse_items),
    Route("POST", SESSION + "/items:batchCreate", add_items),
    Route("PATCH", SESSION + "/items/{item}", change_item),
)
