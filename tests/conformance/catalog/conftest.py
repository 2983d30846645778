"""Unity Catalog on real HTTP: the kernel's server over its engine and the ones it works with."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from databricks.sdk import WorkspaceClient

from brickyard.workspace.catalog.engine import CatalogEngine
from brickyard.workspace.catalog.routes import ROUTES
from brickyard.workspace.files.engine import FilesEngine
from brickyard.workspace.files.routes import ROUTES as FILES
from brickyard.workspace.identity import directory
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.identity.records import Kind, Person, new_id
from brickyard.workspace.kernel import Home, Principal, Store, WorkspaceInfo
from brickyard.workspace.kernel.app import WorkspaceApp
from brickyard.workspace.kernel.routing import Router
from brickyard.workspace.permissions.engine import PermissionsEngine


@dataclass(frozen=True, slots=True)
class Metastore:
    """One metastore with its three workspaces, and clients of whoever is asked for."""

    home: Home
    store: Store
    workspaces: dict[str, WorkspaceInfo]
    identity: IdentityEngine
    catalog: CatalogEngine

    @property
    def owner(self) -> Principal:
        return self.identity.deployer("dev")

    def deployer(self, workspace: str) -> Principal:
        return self.identity.deployer(workspace)

    def somebody(self) -> Principal:
        """A new user without any right but what everybody has."""
        name = f"user-{uuid.uuid4().hex[:8]}@localhost"
        person = Person(id=new_id(), kind=Kind.USER, user_name=name, display_name=name)
        with self.identity.write() as tx:
            directory.add_person(tx, person)
            for workspace in self.workspaces:
                directory.assign(tx, person.id, workspace)
        return self.identity.principal(name)

    def token(self, workspace: str, who: Principal | None = None) -> str:
        return self.identity.issue_token(
            who or self.owner, workspace, lifetime_s=3600, comment="test"
        )

    def client(self, workspace: str = "dev", who: Principal | None = None) -> WorkspaceClient:
        host = self.workspaces[workspace].url
        return WorkspaceClient(host=host, token=self.token(workspace, who))


def listening() -> socket.socket:
    """With the protocol named, or every answer waits for a delayed acknowledgement."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    return sock


@pytest.fixture(scope="session")
def metastore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metastore]:
    home = Home(Path(tmp_path_factory.mktemp("home"))).create()
    store = Store(home.database)
    store.create_tables()
    sockets = {name: listening() for name in ("dev", "staging", "prod")}
    infos = {
        name: WorkspaceInfo(
            name=name, id=id, catalog=name, url=f"http://127.0.0.1:{sock.getsockname()[1]}"
        )
        for id, (name, sock) in enumerate(sockets.items(), 101)
    }
    identity = IdentityEngine(store, home, infos)
    catalog = CatalogEngine(store, home, infos, identity=identity)
    permissions = PermissionsEngine(store, home, infos, identity=identity)
    files = FilesEngine(
        store, home, infos, identity=identity, catalog=catalog, permissions=permissions
    )
    for engine in (identity, catalog, permissions, files):
        engine.start()
    engines: Any = SimpleNamespace(
        identity=identity, catalog=catalog, permissions=permissions, files=files
    )
    servers: list[uvicorn.Server] = []
    threads = ThreadPoolExecutor(8)
    router = Router((*ROUTES, *FILES))
    for info in infos.values():
        app = WorkspaceApp(
            info=info, router=router, engines=engines, threads=threads, spool=home.spool
        )
        servers.append(
            uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        )

    async def serve() -> None:
        pairs = zip(servers, sockets.values(), strict=True)
        await asyncio.gather(*(server._serve([sock]) for server, sock in pairs))

    running = threading.Thread(target=lambda: asyncio.run(serve()))
    running.start()
    while not all(server.started for server in servers):
        time.sleep(0.01)
    yield Metastore(home, store, infos, identity, catalog)
    for server in servers:
        server.should_exit = True
    running.join()
    threads.shutdown()
    for sock in sockets.values():
        sock.close()
    files.stop()
    store.close()


@pytest.fixture
def schema(metastore: Metastore) -> str:
    """The name of a new schema in `dev`."""
    return str(metastore.client().schemas.create(f"s{uuid.uuid4().hex[:8]}", "dev").name)
