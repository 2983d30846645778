"""Spark for tasks, warehouses and anybody with a token: one gateway, one Sail process per scope.

The gateway and all that it imports (gRPC, protobuf, Arrow) load when Spark is first used. A scope
is a name the workspace chooses (`run:123`, `warehouse-abc`); without one, a client gets the engine
of its own principal. Engines that nobody used for a while are ended.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from brickyard.workspace.kernel import Home, Principal, Store, WorkspaceInfo
from brickyard.workspace.processes import Mounts, VolumeMount
from brickyard.workspace.spark.invokers import Invokers
from brickyard.workspace.spark.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.spark.functions.expansion import Hosted
    from brickyard.workspace.spark.gateway import Gateway
    from brickyard.workspace.spark.sail import Sail, Sails
    from brickyard.workspace.spark.service import Service
    from brickyard.workspace.spark.sessions import Caller, EngineKey

LONG_LIVED: Final = ("warehouse", "interactive")
ENGINE_SCOPES: Final = frozenset({"sql", "unity-catalog"})  # what SQL reaches anyway
IDLE_S: Final = 20 * 60
SWEEP_S: Final = 60
TOKEN_LIFETIME_S: Final = 30 * 24 * 3600  # from now, as long as its engine may be used
PROLONGED_EVERY_S: Final = 24 * 3600

log = logging.getLogger("brickyard.spark")


class SparkEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        catalog: CatalogEngine,
        files: FilesEngine,
    ) -> None:
        self.hosted: Hosted | None = None  # set by who has functions to offer
        self.invokers = Invokers()
        self._home = home
        self._workspaces = workspaces
        self._identity = identity
        self._catalog = catalog
        self._files = files
        self._lock = threading.Lock()
        self._started: tuple[Gateway, Service, Sails] | None = None
        self._pythons: dict[str, Path] = {}
        self._scopes: set[str] = set()  # those whose end the workspace announces
        self._own_tokens: dict[EngineKey, str] = {}
        self._views: dict[EngineKey, tuple[int, Mounts]] = {}
        self._stopping = threading.Event()

    def start(self) -> None:
        """Nothing yet: Spark starts when it is first used."""

    def stop(self) -> None:
        """End the gateway and every engine."""
        self._stopping.set()
        with self._lock:
            started, self._started = self._started, None
        if started is not None:
            gateway, _, sails = started
            self._address_file().unlink(missing_ok=True)
            gateway.stop()
            sails.stop_all()

    def session_url(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        token: str,
        scope: str,
        *,
        python: Path | None = None,
    ) -> str:
        """The address for `SparkSession.builder.remote`. Cheap; the engine starts on first use.

        `python` is the interpreter whose packages the user's functions need.
        """
        gateway, _, _ = self._running()
        if not scope.startswith(LONG_LIVED):
            self._scopes.add(scope)
        if python is not None:
            self._pythons[scope] = python
        return (
            f"sc://localhost:{gateway.port}/;token={quote(token, safe='')}"
            f";x-brickyard-workspace={workspace.name};x-brickyard-scope={quote(scope, safe='')}"
        )

    def port(self) -> int:
        """Where Spark Connect listens on loopback; it begins to, if it has not."""
        return self._running()[0].port

    def release(self, scope: str) -> None:
        """End what runs for a scope. Quiet when nothing does."""
        self._pythons.pop(scope, None)
        self._scopes.discard(scope)
        if self._started is not None:
            self._end(lambda key: key.scope == scope)

    def engine_count(self) -> int:
        """How many Sail processes run now."""
        return self._started[2].count() if self._started is not None else 0

    def open_door(self) -> str:
        """Why any local process can talk to the engines; '' when none can, or none has started."""
        if self._started is None:
            return ""
        from brickyard.workspace.spark.sail import open_door

        return open_door()

    def sail(self, caller: Caller) -> tuple[Sail, int]:
        """The engine process of a caller, and the number of its start. Starts it."""
        from brickyard.workspace.spark.service import key_of

        sails = self._running()[2]
        key = key_of(caller)
        if key.scope.startswith(LONG_LIVED):
            self._refresh(key, caller, sails)
        return sails.use(key, lambda: self._build(key, caller))

    def running(self) -> list[tuple[EngineKey, Sail, int]]:
        """The engines that run now, with the number of the start of each."""
        return self._started[2].running() if self._started is not None else []

    def running_for(self, key: EngineKey) -> Sail | None:
        """The engine of this key, if it runs."""
        return next((sail for of, sail, _ in self.running() if of == key), None)

    def is_announced(self, key: EngineKey) -> bool:
        """Whether the workspace says when this engine's scope ends."""
        return key.scope in self._scopes

    def superseded(self, caller: Caller) -> list[Sail]:
        """The caller's engines that end when what runs in them has ended."""
        from brickyard.workspace.spark.service import key_of

        return self._running()[2].superseded(key_of(caller))

    def _address_file(self) -> Path:
        """Where the gateway listens, for this user's own Spark Connect clients."""
        return self._home.run / "spark-connect.json"

    def _running(self) -> tuple[Gateway, Service, Sails]:
        started = self._started
        if started is not None:
            return started
        with self._lock:
            if self._started is None:
                from brickyard.workspace.spark.gateway import Gateway
                from brickyard.workspace.spark.sail import Sails
                from brickyard.workspace.spark.service import Service

                lake = Lake(self._catalog, self._identity, self.invokers)
                service = Service(self._home, lake, self)
                gateway = Gateway(
                    service, self._identity.authenticate, self._workspaces, self.invokers
                )
                self._started = (gateway, service, Sails())
                self._address_file().write_text(json.dumps({"port": gateway.port}))
                threading.Thread(target=_warm, name="spark-warm", daemon=True).start()
                threading.Thread(target=self._sweep, name="spark-sweep", daemon=True).start()
            return self._started

    def _build(self, key: EngineKey, caller: Caller) -> Sail:
        from brickyard.workspace.spark.sail import Sail

        generation = self._catalog.metastore.generation
        mounts = self.mounts(caller.principal, caller.workspace)
        self._views[key] = (generation, mounts)
        return Sail(
            name=_file_name(key),
            home=self._home,
            url=caller.workspace.url,
            token=self._token(key, caller),
            catalogs=[one.name for one in mounts.catalogs],
            default_catalog=caller.workspace.catalog,
            mounts=mounts,
            python=self._pythons.get(key.scope),
        )

    def mounts(self, principal: Principal, workspace: WorkspaceInfo) -> Mounts:
        """What the engine of a principal may see of the data directory."""
        catalogs = self._catalog.mounts(principal, workspace)
        return Mounts(
            home=self._home.root,
            workspace_files=_existing(self._home.files_of(workspace.name)),
            openings=self._files.openings(principal, workspace),
            catalogs=catalogs,
            volumes=self._volumes(principal, workspace, {one.name: one.mode for one in catalogs}),
            readable=(self._home.environments,),
        )

    def _volumes(
        self, principal: Principal, workspace: WorkspaceInfo, modes: Mapping[str, str]
    ) -> tuple[VolumeMount, ...]:
        """`/Volumes` for functions that open files: volumes that the principal may read."""
        from brickyard.workspace.catalog import securables

        with self._catalog.metastore.read() as tx:
            found = securables.of_kind(tx, "volume")
        mounted = []
        for one in found:
            mode = modes.get(one.catalog_name)
            if mode is None or not self._catalog.can(
                principal, workspace, "READ_VOLUME", "volume", one.full_name
            ):
                continue
            if mode == "rw" and not self._catalog.can(
                principal, workspace, "WRITE_VOLUME", "volume", one.full_name
            ):
                mode = "ro"
            mounted.append(
                VolumeMount(
                    catalog=one.catalog_name,
                    schema=one.schema_name,
                    name=one.name,
                    path=self._catalog.metastore.path(one),
                    mode=mode,
                )
            )
        return tuple(mounted)

    def _refresh(self, key: EngineKey, caller: Caller, sails: Sails) -> None:
        """A long-lived engine whose mount view is out of date: the next use starts a new one."""
        known = self._views.get(key)
        if known is None or known[0] == self._catalog.metastore.generation:
            return
        generation = self._catalog.metastore.generation
        mounts = self.mounts(caller.principal, caller.workspace)
        if mounts.catalogs == known[1].catalogs:
            self._views[key] = (generation, mounts)
            return
        sails.supersede(key)  # its view stays noted until the next one's is: never none

    def _token(self, key: EngineKey, caller: Caller) -> str:
        """What the engine shows the catalog: the caller's own token, or one that outlives it."""
        if not key.scope.startswith(LONG_LIVED):
            return caller.token
        token = self._own_tokens.get(key)
        if token is None:
            token = self._identity.issue_token(
                caller.principal,
                caller.workspace.name,
                lifetime_s=TOKEN_LIFETIME_S,
                comment=f"Spark engine of {key.scope}",
                limits=_engine_limits(caller.principal),
            )
            self._own_tokens[key] = token
        return token

    def _end(self, chosen: Any) -> None:
        started = self._started
        if started is None:
            return
        _, service, sails = started
        for key in sails.stop(chosen):
            if not key.scope.startswith(LONG_LIVED):
                self._views.pop(key, None)
                service.sessions.forget(key)
            if token := self._own_tokens.pop(key, None):
                self._identity.revoke(token)

    def _sweep(self) -> None:
        """End engines that were not used for a while and whose end nobody will announce."""
        from brickyard.workspace.spark.continuation import TOUCHES
        from brickyard.workspace.spark.sail import session_timeout_s

        prolonged = time.monotonic()
        while not self._stopping.wait(min(SWEEP_S, session_timeout_s() / TOUCHES)):
            if (started := self._started) is None:
                return
            idle = {key for key in started[2].idle(IDLE_S) if not self.is_announced(key)}
            if idle:
                self._end(idle.__contains__)
            try:
                started[1].keep_alive()
                if time.monotonic() - prolonged > PROLONGED_EVERY_S:
                    prolonged = time.monotonic()
                    for token in list(self._own_tokens.values()):
                        self._identity.prolong(token, TOKEN_LIFETIME_S)
            except Exception:
                log.exception("keeping Spark sessions failed")


def _engine_limits(principal: Principal) -> frozenset[str] | None:
    """Of the token that an engine shows the catalog, and that functions in it can find."""
    return None if principal.scopes is None else principal.scopes | ENGINE_SCOPES


def _warm() -> None:
    """The first parse costs a moment: have it before somebody waits."""
    import sqlglot

    sqlglot.parse_one("select 1 from a.b.c", read="databricks")


def _existing(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


def _file_name(key: EngineKey) -> str:
    plain = "".join(c if c.isalnum() else "-" for c in f"{key.workspace}-{key.scope}")
    return plain[:60]
