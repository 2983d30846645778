"""The first page: what is here, and what happened last."""

from __future__ import annotations

import asyncio
from typing import Final

from brickyard.workspace.pages import jobs, objects, serving
from brickyard.workspace.pages.api import Api
from brickyard.workspace.pages.blocks import Block, Page, cell, code, facts

PIPELINES, APPS = objects.KINDS[0], objects.KINDS[1]
LAST_RUNS: Final = 10


async def overview(api: Api) -> Page:
    runs, endpoints, pipelines, apps = await asyncio.gather(
        api.get(f"{jobs.API}/runs/list", limit=LAST_RUNS),
        serving.listing(api),
        api.get(PIPELINES.api),
        api.get(APPS.api),
    )
    blocks: list[Block] = [
        facts(
            ("Address", code(api.workspace.url)),
            ("Writes", cell(f"catalog {api.workspace.catalog}", "/explore/data")),
            ("You are", api.who.display_name or api.who.user_name),
        ),
        jobs.recent(runs.get("runs") or (), "Last runs"),
        endpoints.blocks[0],
    ]
    for kind, found in ((PIPELINES, pipelines), (APPS, apps)):
        if items := found.get(kind.items):
            blocks.append(objects.rows_of(kind.title, kind.columns, items, kind))
    return Page(title=f"Workspace {api.workspace.name}", section="overview", blocks=blocks)
