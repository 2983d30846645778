"""The workspace's own pages, for people: at the addresses that Databricks' have.

A page only shows. It asks the API as the person who signed in, so it has nothing that a program
with the same token could not get. Links that are printed by tools (`/jobs/<id>?w=...`,
`/?o=...#job/<id>`) lead to them.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from brickyard.workspace.identity import sign_in
from brickyard.workspace.kernel import ApiError, Call, Reply, Route
from brickyard.workspace.kernel.routing import Router
from brickyard.workspace.pages import data, files, jobs, objects, releases, serving
from brickyard.workspace.pages.api import Api
from brickyard.workspace.pages.blocks import Page, address
from brickyard.workspace.pages.overview import overview
from brickyard.workspace.pages.rendering import render

View = Callable[..., Awaitable[Page]]
DATA: Final = "/explore/data"
VIEWS: Final[Sequence[tuple[str, View]]] = (
    ("/", overview),
    ("/jobs", jobs.listing),
    ("/jobs/{job_id}", jobs.job),
    ("/jobs/{job_id}/runs/{run_id}", jobs.run),
    (DATA, data.catalogs),
    (DATA + "/{name}", data.catalog),
    (DATA + "/{name}/{schema_name}", data.schema),
    (DATA + "/{name}/{schema_name}/{table_name}", data.table),
    (DATA + "/volumes/{name}/{schema_name}/{volume_name}", data.volume),
    (DATA + "/volumes/{name}/{schema_name}/{volume_name}/{path...}", data.volume),
    (DATA + "/models/{name}/{schema_name}/{model_name}", data.model),
    (DATA + "/functions/{name}/{schema_name}/{function_name}", data.function),
    ("/ml/endpoints", serving.listing),
    ("/ml/endpoints/{name}", serving.endpoint),
    ("/files", files.at),
    ("/files/{path...}", files.at),
    ("/releases", releases.listing),
    *((address(*kind.path), partial(objects.listing, kind=kind)) for kind in objects.KINDS),
    *((address(*kind.path) + "/{key}", partial(objects.one, kind=kind)) for kind in objects.KINDS),
    ("/dashboardsv3/{key}/published", partial(objects.one, kind=objects.DASHBOARDS)),
)
# (title, address below '/', what `Page.section` says)
NAVIGATION: Final = (
    ("Overview", "", "overview"),
    ("Jobs", "jobs", "jobs"),
    ("Catalog", "explore/data", "explore/data"),
    ("Serving", "ml/endpoints", "ml/endpoints"),
    ("Experiments", "mlflow/", "mlflow"),
    *((kind.title, "/".join(kind.path), "/".join(kind.path)) for kind in objects.KINDS),
    ("Files", "files", "files"),
    ("Releases", "releases", "releases"),
)
REFRESH_S: Final = 3


def page_routes(api: tuple[Route, ...]) -> tuple[Route, ...]:
    """The pages' routes, over those of the API."""
    router = Router(api)
    return tuple(
        Route(
            "GET",
            path,
            partial(_show, router=router, view=view),
            browser=True,
            stranger=sign_in.asked_of,
        )
        for path, view in VIEWS
    )


async def _show(call: Call, *, router: Router, view: View) -> Reply:
    api = Api(router, call)
    try:
        page, status = await view(api, **call.path), 200
    except ApiError as refused:
        if not sign_in.wants_html(call):
            raise
        page, status = Page(title=refused.message, kind=refused.code), refused.status
    return _reply(call, api, page, status)


def _reply(call: Call, api: Api, page: Page, status: int) -> Reply:
    nonce = secrets.token_urlsafe(16)
    shown: dict[str, Any] = {
        "page": page,
        "workspace": call.workspace,
        "who": call.principal,
        "navigation": NAVIGATION,
        "nonce": nonce,
        "refresh_s": REFRESH_S if page.is_changing else 0,
    }
    reply = sign_in.page(render("page.html", shown), status=status)
    reply.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
        f" script-src 'nonce-{nonce}'; frame-ancestors 'none'"
    )
    return reply
