"""An app with everything that the door must let through, and places to put it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from tests.conftest import EmbeddedServer

MAIN = """
import asyncio, os, sys
from aiohttp import ClientSession, web

async def echo(request):
    told = {"version": "%(version)s", "path": request.raw_path, "headers": dict(request.headers),
            "env": dict(os.environ), "files": os.listdir("."), "body": await request.text()}
    return web.json_response(told)

async def parts(request):
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b"first ")
    await request.app["go"].wait()
    await answer.write(b"second")
    return answer

async def go(request):
    request.app["go"].set()
    return web.Response()

async def socket(request):
    stream = web.WebSocketResponse(protocols=("chat",))
    await stream.prepare(request)
    async for message in stream:
        await stream.send_str(message.data.upper())
    return stream

async def myself(request):
    host = os.environ["DATABRICKS_HOST"]
    form = {"grant_type": "client_credentials", "scope": "all-apis",
            "client_id": os.environ["DATABRICKS_CLIENT_ID"],
            "client_secret": os.environ["DATABRICKS_CLIENT_SECRET"]}
    async with ClientSession() as session:
        async with session.post(host + "/oidc/v1/token", data=form) as got:
            token = (await got.json())["access_token"]
        session.headers["Authorization"] = "Bearer " + token
        async with session.get(host + request.query["path"]) as got:
            return web.Response(status=got.status, text=await got.text())

async def read(request):
    try:
        return web.Response(text=",".join(sorted(os.listdir(request.query["path"]))))
    except OSError as fault:
        return web.Response(status=404, text=str(fault))

async def crash(request):
    print("crashing as asked", flush=True)
    os._exit(3)

async def moved(request):
    raise web.HTTPFound("/elsewhere")

app = web.Application()
app["go"] = asyncio.Event()
for path, handler in (("/parts", parts), ("/go", go), ("/socket", socket), ("/myself", myself),
                      ("/crash", crash), ("/moved", moved), ("/read", read)):
    app.router.add_get(path, handler)
app.router.add_route("*", "/{path:.*}", echo)
web.run_app(app, host="127.0.0.1", port=int(os.environ["DATABRICKS_APP_PORT"]), print=None)
"""


@pytest.fixture(scope="session")
def dev(workspace: EmbeddedServer) -> WorkspaceClient:
    return workspace.client("dev")


@pytest.fixture(scope="module")
def make(dev: WorkspaceClient) -> Iterator[Callable[..., Any]]:
    """Create an app, by a name of its own unless one is given, without compute unless asked."""
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service.apps import App

    made: list[str] = []

    def create(*, no_compute: bool = True, **settings: Any) -> Any:
        settings.setdefault("name", f"app-{uuid.uuid4().hex[:8]}")
        made.append(settings["name"])
        return dev.apps.create(App(**settings), no_compute=no_compute).response

    yield create
    for one in made:
        with contextlib.suppress(NotFound):
            dev.apps.delete(one)


def put_source(client: WorkspaceClient, folder: str, **files: str) -> str:
    """Files of a workspace folder, by name with `_` for `.`; the folder."""
    import base64

    from databricks.sdk.service.workspace import ImportFormat

    client.workspace.mkdirs(folder)
    for name, text in files.items():
        client.workspace.import_(
            f"{folder}/{name.replace('_', '.')}",
            content=base64.b64encode(text.encode()).decode(),
            format=ImportFormat.RAW,
            overwrite=True,
        )
    return folder
