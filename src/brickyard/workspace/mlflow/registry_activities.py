"""Transition requests, comments and webhooks of the workspace registry, as the SDK calls them.

Who may read a model may ask for a stage and comment; who may move versions there approves and
rejects. A comment is its author's. Webhooks are for who manages the model; those of all models are
for administrators.
"""

from __future__ import annotations

import asyncio
from typing import Final

from brickyard.workspace.kernel import ApiError, Call, Document, Json, Route, denied, invalid
from brickyard.workspace.mlflow import subjects
from brickyard.workspace.mlflow.activities import activity, shown_comment, shown_request, stage
from brickyard.workspace.mlflow.registry import (
    PRODUCTION,
    STAGING,
    move,
    need_model,
    require_level,
    stage_of,
    tell,
)
from brickyard.workspace.mlflow.tracking import MANAGE, READ, V2
from brickyard.workspace.mlflow.webhooks import shown

REQUESTS: Final = f"{V2}/transition-requests"
COMMENTS: Final = f"{V2}/comments"
WEBHOOKS: Final = f"{V2}/registry-webhooks"
APPROVE, REJECT, CANCEL = (f"{word}_TRANSITION_REQUEST" for word in ("APPROVE", "REJECT", "CANCEL"))


# -- requests -------------------------------------------------------------------------------------


async def ask_for(call: Call) -> Json:
    name, version, to_stage = _asked(call)
    model = await need_model(call, name, READ)
    before = await stage_of(call, name, version)
    if before == to_stage:
        raise invalid(f"Version {version} is in {to_stage} already")
    made = await asyncio.to_thread(
        call.engines.mlflow.activities.ask,
        call.principal,
        call.workspace,
        model.body["id"],
        version,
        to_stage,
        _comment(call),
    )
    events = ["TRANSITION_REQUEST_CREATED"]
    if to_stage != "None":
        events.append(f"TRANSITION_REQUEST_TO_{to_stage.upper()}_CREATED")
    text = f"requested the move of version {version} from {before} to {to_stage}"
    told = {"version": version, "from_stage": before, "to_stage": to_stage, "text": text}
    await tell(call, name, events, told)
    return {"request": shown_request(made, await _actions(call, model, made, before))}


async def list_requests(call: Call) -> Json:
    name, version = subjects.given(call, "name"), subjects.given(call, "version")
    model = await need_model(call, name, READ)
    before = await stage_of(call, name, version)
    activities = call.engines.mlflow.activities
    found = await asyncio.to_thread(activities.open, call.workspace, model.body["id"], version)
    return {
        "requests": [shown_request(one, await _actions(call, model, one, before)) for one in found]
    }


async def approve(call: Call) -> Json:
    name, version, to_stage = _asked(call)
    if not isinstance(call.fields().get("archive_existing_versions", False), bool):
        raise invalid("archive_existing_versions must be true or false")
    model = await need_model(call, name, READ)
    before = await stage_of(call, name, version)
    await _require_mover(call, model, before, to_stage)
    found = await _pending(call, model, version, to_stage)
    await move(call, name, version, to_stage, bool(call.fields().get("archive_existing_versions")))
    await _settle(call, model, version, to_stage)
    done = activity("APPROVED_REQUEST", found, call.principal, before, _comment(call))
    return {"activity": done}


async def reject(call: Call) -> Json:
    name, version, to_stage = _asked(call)
    model = await need_model(call, name, READ)
    before = await stage_of(call, name, version)
    await _require_mover(call, model, before, to_stage)
    found = await _settle(call, model, version, to_stage)
    return {"activity": activity("REJECTED_REQUEST", found, call.principal, before, _comment(call))}


async def cancel(call: Call) -> Json:
    """By who asked, or by who could have moved the version."""
    name, version, to_stage = _asked(call)
    creator = subjects.given(call, "creator")
    model = await need_model(call, name, READ)
    before = await stage_of(call, name, version)
    if creator != call.principal.user_name:
        await _require_mover(call, model, before, to_stage)
    found = await _settle(call, model, version, to_stage, creator)
    return {
        "activity": activity("CANCELLED_REQUEST", found, call.principal, before, _comment(call))
    }


async def _pending(call: Call, model: Document, version: str, to_stage: str) -> Document:
    activities = call.engines.mlflow.activities
    found = await asyncio.to_thread(activities.open, call.workspace, model.body["id"], version)
    for one in found:
        if one.body["to_stage"] == to_stage:
            return one
    raise ApiError(
        "RESOURCE_DOES_NOT_EXIST", f"There is no request to move version {version} to {to_stage}"
    )


async def _settle(
    call: Call, model: Document, version: str, to_stage: str, creator: str = ""
) -> Document:
    settle = call.engines.mlflow.activities.settle
    found = await asyncio.to_thread(
        settle, call.workspace, model.body["id"], version, to_stage, creator
    )
    return found[0]


async def _require_mover(call: Call, model: Document, before: str, to_stage: str) -> None:
    level = PRODUCTION if "Production" in (before, to_stage) else STAGING
    await require_level(call, model, level)


async def _actions(call: Call, model: Document, one: Document, before: str) -> list[str]:
    """What the caller may do with a request."""
    found = [CANCEL] if one.creator == call.principal.user_name else []
    try:
        await _require_mover(call, model, before, one.body["to_stage"])
    except ApiError:
        return found
    return [APPROVE, REJECT, CANCEL]


def _asked(call: Call) -> tuple[str, str, str]:
    return (
        subjects.given(call, "name"),
        subjects.given(call, "version"),
        stage(subjects.given(call, "stage")),
    )


def _comment(call: Call) -> str:
    given = call.fields().get("comment") if call.method != "DELETE" else call.query("comment")
    return str(given or "")


# -- comments -------------------------------------------------------------------------------------


async def comment(call: Call) -> Json:
    name, version = subjects.given(call, "name"), subjects.given(call, "version")
    text = subjects.given(call, "comment")
    model = await need_model(call, name, READ)
    await stage_of(call, name, version)
    say = call.engines.mlflow.activities.say
    made = await asyncio.to_thread(
        say, call.principal, call.workspace, model.body["id"], version, text
    )
    told = {"version": version, "comment": text, "text": f"commented on version {version}"}
    await tell(call, name, ("COMMENT_CREATED",), told)
    return {"comment": shown_comment(made, _comment_actions(call, made))}


def reword(call: Call) -> Json:
    activities = call.engines.mlflow.activities
    _require_author(call, activities.comment(call.workspace, subjects.given(call, "id")))
    text = subjects.given(call, "comment")
    made = activities.reword(call.workspace, subjects.given(call, "id"), text)
    return {"comment": shown_comment(made, _comment_actions(call, made))}


def unsay(call: Call) -> Json:
    activities = call.engines.mlflow.activities
    _require_author(call, activities.comment(call.workspace, subjects.given(call, "id")))
    activities.unsay(call.workspace, subjects.given(call, "id"))
    return {}


def _require_author(call: Call, one: Document) -> None:
    if one.creator != call.principal.user_name and not call.principal.is_admin:
        raise denied("Only its author may change a comment")


def _comment_actions(call: Call, one: Document) -> list[str]:
    mine = one.creator == call.principal.user_name
    return ["EDIT_COMMENT", "DELETE_COMMENT"] if mine else []


# -- webhooks -------------------------------------------------------------------------------------


async def add_webhook(call: Call) -> Json:
    name = str(call.fields().get("model_name") or "")
    model = await _managed(call, name)
    add = call.engines.mlflow.webhooks.add
    made = await asyncio.to_thread(add, call.principal, call.workspace, model, call.fields())
    return {"webhook": shown(made, name)}


async def list_webhooks(call: Call) -> Json:
    name = call.query("model_name")
    found = await asyncio.to_thread(call.engines.mlflow.webhooks.all, call.workspace)
    events = {*call.queries("events"), *call.queries("events[]")}
    wanted = await _managed(call, name) if name else None
    listed = [
        one
        for one in found
        if (wanted is None or one.body["model"] == wanted)
        and (not events or events & set(one.body["events"]))
    ]
    names = await asyncio.to_thread(_names, call)
    seen = [one for one in listed if await _may_manage(call, one, names)]
    return call.page("webhooks", seen, lambda one: shown(one, names.get(one.body["model"], "")))


async def change_webhook(call: Call) -> Json:
    id, name = await _webhook(call)
    change = call.engines.mlflow.webhooks.change
    return {
        "webhook": shown(await asyncio.to_thread(change, call.workspace, id, call.fields()), name)
    }


async def drop_webhook(call: Call) -> Json:
    id, _ = await _webhook(call)
    await asyncio.to_thread(call.engines.mlflow.webhooks.remove, call.workspace, id)
    return {}


async def try_webhook(call: Call) -> Json:
    id, _ = await _webhook(call)
    event = str(call.fields().get("event") or "")
    try:
        status, body = await asyncio.to_thread(
            call.engines.mlflow.webhooks.test, call.workspace, id, event
        )
    except OSError as fault:
        raise ApiError("BAD_REQUEST", f"The webhook could not be reached: {fault}") from None
    return {"status_code": status, "body": body}


async def _webhook(call: Call) -> tuple[str, str]:
    """A webhook that the caller manages, and the name of its model."""
    id = subjects.given(call, "id")
    found = await asyncio.to_thread(call.engines.mlflow.webhooks.get, call.workspace, id)
    names = await asyncio.to_thread(_names, call)
    if not await _may_manage(call, found, names):
        raise denied("Only who manages its model may see or change a webhook")
    return id, names.get(found.body["model"], "")


async def _managed(call: Call, name: str) -> str:
    """The number of a model that the caller manages; '' for all, for administrators."""
    if not name:
        if not call.principal.is_admin:
            raise denied("Only administrators may have webhooks for all models")
        return ""
    return str((await need_model(call, name, MANAGE)).body["id"])


async def _may_manage(call: Call, one: Document, names: dict[str, str]) -> bool:
    if not one.body["model"] or call.principal.is_admin:
        return call.principal.is_admin
    try:
        await need_model(call, names.get(one.body["model"], ""), MANAGE)
    except ApiError:
        return False
    return True


def _names(call: Call) -> dict[str, str]:
    return call.engines.mlflow.models.names(call.workspace)


ROUTES: tuple[Route, ...] = (
    Route("POST", f"{REQUESTS}/create", ask_for),
    Route("GET", f"{REQUESTS}/list", list_requests),
    Route("POST", f"{REQUESTS}/approve", approve),
    Route("POST", f"{REQUESTS}/reject", reject),
    Route("DELETE", f"{REQUESTS}/delete", cancel),
    Route("POST", f"{COMMENTS}/create", comment),
    Route("PATCH", f"{COMMENTS}/update", reword),
    Route("DELETE", f"{COMMENTS}/delete", unsay),
    Route("POST", f"{WEBHOOKS}/create", add_webhook),
    Route("GET", f"{WEBHOOKS}/list", list_webhooks),
    Route("PATCH", f"{WEBHOOKS}/update", change_webhook),
    Route("DELETE", f"{WEBHOOKS}/delete", drop_webhook),
    Route("POST", f"{WEBHOOKS}/test", try_webhook),
)
