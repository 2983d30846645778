"""Serving endpoints: what they serve, how they are, how to call them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.pages.api import Api
from brickyard.workspace.pages.blocks import (
    Block,
    Cell,
    Page,
    Table,
    Text,
    address,
    as_json,
    cell,
    code,
    cut,
    facts,
    moment,
    state,
)
from brickyard.workspace.pages.objects import dig, permissions

SECTION: Final = "ml/endpoints"
API: Final = "/api/2.0/serving-endpoints"


async def listing(api: Api) -> Page:
    found = await api.get(API)
    own: list[tuple[Cell, ...]] = []
    provided: list[tuple[Cell, ...]] = []
    for one in found.get("endpoints") or ():
        row = (
            cell(one["name"], address("ml", "endpoints", one["name"])),
            cell(_served(one)),
            state(_state(one)),
            cell(one.get("creator")),
        )
        (provided if one["name"].startswith("databricks-") else own).append(row)
    columns = ("Name", "Serves", "State", "Creator")
    blocks = [
        Table(title="Endpoints", columns=columns, rows=own, empty="No endpoint of your own yet."),
        Table(title="Foundation models", columns=columns, rows=provided),
    ]
    return Page(title="Serving", section=SECTION, blocks=blocks)


async def endpoint(api: Api, name: str) -> Page:
    where = API + address(name)
    found = await api.get(where)
    acl = await api.seen(f"/api/2.0/permissions/serving-endpoints/{found.get('id')}")
    config = found.get("config") or found.get("pending_config") or {}
    entities = config.get("served_entities") or ()
    logs = await asyncio.gather(*(_logs(api, where, one["name"]) for one in entities))
    routes = dig(found, "config.traffic_config.routes") or ()
    share = {one.get("served_model_name"): one.get("traffic_percentage") for one in routes}
    rows = [
        (
            cell(one["name"]),
            _model(one),
            state(dig(one, "state.deployment")),
            cell(dig(one, "state.deployment_state_message")),
            cell(f"{share[one['name']]} %" if one["name"] in share else ""),
        )
        for one in entities
    ]
    is_busy = dig(found, "state.config_update") == "IN_PROGRESS"
    blocks: list[Block] = [
        facts(
            ("State", state(_state(found))),
            ("Address", code(found.get("endpoint_url"))),
            ("Task", found.get("task")),
            ("Creator", found.get("creator")),
            ("Created", moment(found.get("creation_timestamp"))),
            ("Changed", moment(found.get("last_updated_timestamp"))),
            ("Tags", ", ".join(f"{t['key']}={t.get('value', '')}" for t in found.get("tags", ()))),
        ),
        Table(
            title="Served entities",
            columns=("Name", "Model", "State", "Says", "Traffic"),
            rows=rows,
            empty="It serves nothing yet.",
        ),
        *(one for pair in logs for one in pair),
    ]
    if gateway := found.get("ai_gateway"):
        blocks.append(as_json("AI gateway", gateway, is_open=True))
    blocks += [permissions(acl), as_json("Settings", found)]
    return Page(
        title=name,
        kind="Serving endpoint",
        section=SECTION,
        above=[("Serving", "/ml/endpoints")],
        blocks=blocks,
        state=_state(found),
        is_changing=is_busy,
    )


async def _logs(api: Api, where: str, entity: str) -> list[Block]:
    below = f"{where}/served-models{address(entity)}"
    build, server = await asyncio.gather(api.seen(f"{below}/build-logs"), api.seen(f"{below}/logs"))
    told = ((f"{entity}: build log", build), (f"{entity}: log", server))
    return [
        Text(title=title, text=cut(str(text)), is_open=False)
        for title, one in told
        if (text := one.get("build_logs") or one.get("logs"))
    ]


def _state(found: Mapping[str, Any]) -> str:
    """One word for two: what serves, and what is being changed."""
    update = str(dig(found, "state.config_update") or "")
    if update in ("IN_PROGRESS", "UPDATE_FAILED"):
        return update
    return str(dig(found, "state.ready") or "")


def _served(found: Mapping[str, Any]) -> str:
    entities = dig(found, "config.served_entities") or ()
    names = [
        str(
            one.get("entity_name")
            or dig(one, "external_model.name")
            or dig(one, "foundation_model.name")
            or one.get("name")
        )
        for one in entities
    ]
    return ", ".join(names)


def _model(entity: Mapping[str, Any]) -> Cell:
    name, version = str(entity.get("entity_name") or ""), entity.get("entity_version")
    if name.count(".") == 2 and version:
        where = address("explore", "data", "models", *name.split("."))
        return cell(f"{name}, version {version}", where)
    return cell(_served({"config": {"served_entities": [entity]}}))
