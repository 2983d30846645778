"""Model serving: endpoints, their updates and the processes behind them.

Endpoints of external and foundation models have no process: they serve as soon as they are known.
An update starts the new scorers beside the old ones, checks that they answer, then switches; when
that fails, what served before keeps serving. Updates that a kill interrupted are taken up again at
the next start; endpoints that were serving start with their first request, as if scaled to zero.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.identity.on_behalf import OnBehalf
from brickyard.workspace.kernel import (
    ApiError,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    invalid,
    not_found,
    now_ms,
)
from brickyard.workspace.processes import WarmPool
from brickyard.workspace.secrets.sealing import Seal
from brickyard.workspace.serving.build_log import BuildLog
from brickyard.workspace.serving.config import NAME, Config, Entity, read_config
from brickyard.workspace.serving.counts import Counts
from brickyard.workspace.serving.external import seal, unseal
from brickyard.workspace.serving.fleet import Fleet, Live
from brickyard.workspace.serving.recipes import MODULES, Recipes, warm_environment
from brickyard.workspace.serving.records import BUSY, FAILED, IDLE, Endpoint, Records, new_id
from brickyard.workspace.serving.scorer import Scorer

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.secrets.engine import SecretsEngine

KIND = "serving-endpoints"
RESERVED = "databricks-"  # names of the endpoints that come with every workspace
FOR_ALL = ("CAN_VIEW", "CAN_QUERY")  # what everybody may do with those
WARM_UP_AFTER_S = 5.0  # of the workspace's start, which comes first
LOOK_S = 1.0  # between looks for what has been idle
log = logging.getLogger("brickyard.serving")


class ServingEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        secrets: SecretsEngine,
        catalog: CatalogEngine,
        permissions: PermissionsEngine,
    ) -> None:
        self._home = home
        self._run = home.run / "serving"
        self._permissions = permissions
        self._records = Records(store)
        self._vault = Seal(home)
        self.on_behalf = OnBehalf(identity)
        self._recipes = Recipes(
            home, workspaces, identity=identity, secrets=secrets, catalog=catalog
        )
        self._pool = WarmPool(
            MODULES, environment=warm_environment(), log=home.logs / "serving" / "warm.log"
        )
        self.fleet = Fleet()
        self.counts = Counts()
        self._lock = threading.Lock()
        self._endpoint_locks: dict[str, threading.Lock] = {}
        self._waking: dict[int | str, Future[None]] = {}
        self._faults: dict[str, str] = {}  # why an endpoint could not be woken
        self._stopped = False
        self._over = threading.Event()

    def start(self) -> None:
        shutil.rmtree(self._run, ignore_errors=True)  # left by a kill
        self._in_background(self._put_to_sleep)
        self._in_background(self._warm_up)
        for endpoint in self._records.all():
            if endpoint.update_state == BUSY:
                self._in_background(self._deploy, endpoint.id)

    def stop(self) -> None:
        self._stopped = True
        self._over.set()
        self._pool.stop()
        self.fleet.stop()

    # -- endpoints ---------------------------------------------------------------------------

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        config: Mapping[str, Any] | None,
        settings: Mapping[str, Any],
    ) -> Endpoint:
        """Without a config the endpoint serves nothing until it is given one."""
        if not NAME.fullmatch(name):
            raise invalid(f"Endpoint name {name!r} may have letters, digits, '-' and '_' only")
        if name.startswith(RESERVED):
            raise invalid(f"Endpoint names cannot begin with '{RESERVED}': it is reserved")
        self._pool.prepare()
        now, id = now_ms(), new_id()
        wanted = (
            self._checked(
                principal,
                workspace,
                id,
                read_config(config, creator=principal.user_name, version=1, now_ms=now),
            )
            if config
            else None
        )
        endpoint = Endpoint(
            id=id,
            workspace=workspace.name,
            name=name,
            creator=principal.user_name,
            created_ms=now,
            updated_ms=now,
            update_state=BUSY if wanted else IDLE,
            pending=wanted,
            settings=settings,
        )
        self._records.add(endpoint)
        self._permissions.grant_owner(principal, workspace, KIND, endpoint.id)
        return self._begin(endpoint)

    def provide(self, endpoints: Sequence[Endpoint]) -> None:
        """Put endpoints in place that come with a workspace, as they are given.

        Settings that somebody has made since are kept.
        """
        self._records.put(endpoints)

    def find(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, level: str = "CAN_VIEW"
    ) -> Endpoint:
        """Raises RESOURCE_DOES_NOT_EXIST and PERMISSION_DENIED."""
        endpoint = self._records.find(workspace.name, name)
        if not (endpoint.is_provided and level in FOR_ALL):
            self._permissions.require(principal, workspace, KIND, endpoint.id, level)
        return endpoint

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Endpoint]:
        found = self._records.all(workspace.name)
        return [one for one in found if one.is_provided or self.level(principal, workspace, one)]

    def level(self, principal: Principal, workspace: WorkspaceInfo, endpoint: Endpoint) -> str:
        """The highest level that the principal has, '' for none."""
        level = self._permissions.level(principal, workspace, KIND, endpoint.id)
        return FOR_ALL[-1] if endpoint.is_provided and level in ("", *FOR_ALL) else level

    def update(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        config: Mapping[str, Any],
    ) -> Endpoint:
        """Begin an update. Raises RESOURCE_CONFLICT while another one runs."""
        endpoint = self.find(principal, workspace, name, "CAN_MANAGE")
        _require_own(endpoint)
        last = max((one.version for one in (endpoint.active, endpoint.pending) if one), default=0)
        given = read_config(config, creator=endpoint.creator, version=last + 1, now_ms=now_ms())
        wanted = self._checked(principal, workspace, endpoint.id, given)

        def decide(now: Endpoint) -> dict[str, Any]:
            if now.update_state == BUSY:
                raise ApiError(
                    "RESOURCE_CONFLICT",
                    f"Endpoint '{name}' is being updated; wait until config_update is "
                    "NOT_UPDATING and try again",
                )
            return {"pending": wanted, "update_state": BUSY, "message": ""}

        changed = self._records.change_by(endpoint.id, decide)
        if changed is None:
            raise not_found(f"Endpoint with name '{name}' does not exist")
        return self._begin(changed)

    def set(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, **settings: Any
    ) -> Endpoint:
        """Keep settings that change nothing in how requests are served."""
        endpoint = self.find(principal, workspace, name, "CAN_MANAGE")

        def decide(now: Endpoint) -> dict[str, Any]:
            return {"settings": {**now.settings, **settings}}

        return self._records.change_by(endpoint.id, decide) or endpoint

    def delete(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        endpoint = self.find(principal, workspace, name, "CAN_MANAGE")
        _require_own(endpoint)
        self._records.remove(endpoint.id)
        self._permissions.forget(workspace, KIND, endpoint.id)
        unused = self.fleet.swap(endpoint.id, None)
        self._in_background(self.fleet.retire, unused, wait_s=5)

    def external_model(self, endpoint: Endpoint, entity: Entity) -> Mapping[str, Any]:
        """The external model of a served entity with its keys open: for its provider only."""
        return unseal(entity.external_model or {}, self._vault, endpoint.id, entity.name)

    def _checked(
        self, principal: Principal, workspace: WorkspaceInfo, endpoint_id: str, wanted: Config
    ) -> Config:
        """What may be kept: models that may be executed, keys sealed."""
        entities = []
        for entity in wanted.entities:
            if entity.is_local:
                self._recipes.check(principal, workspace, entity)
            if entity.external_model is not None:
                closed = seal(entity.external_model, self._vault, endpoint_id, entity.name)
                entity = replace(entity, external_model=closed)
            entities.append(entity)
        return replace(wanted, entities=tuple(entities))

    def _begin(self, endpoint: Endpoint) -> Endpoint:
        """Start the update: at once where no process has to start. The endpoint as it is then."""
        if endpoint.pending is not None and not endpoint.pending.is_local:
            self._deploy(endpoint.id)
            return self._by_id(endpoint.id) or endpoint
        if endpoint.pending is not None:
            self._in_background(self._deploy, endpoint.id)
        return endpoint

    # -- what serves -------------------------------------------------------------------------

    def fault(self, endpoint_id: str) -> str:
        """Why the endpoint could not be started when a request needed it; '' when it could."""
        return self._faults.get(endpoint_id, "")

    async def metrics(self, endpoint: Endpoint) -> str:
        """Prometheus' text. Wakes nobody up."""
        live = self.fleet.live(endpoint.id)
        usage: dict[str, dict[str, float]] = {}
        for entity in live.config.entities if live else ():
            scorer = live.scorers.get(entity.name) if live else None
            used = await scorer.usage() if scorer is not None else None
            if used is None:
                continue
            usage[entity.name] = {
                "cpu_usage_percentage": used["cpu"],
                "provisioned_concurrent_requests_total": entity.concurrency,
            }
            if entity.memory_bytes:
                share = 100 * used["memory_bytes"] / entity.memory_bytes
                usage[entity.name]["mem_usage_percentage"] = share
        return self.counts.text(endpoint.id, usage)

    def log_file(self, endpoint: Endpoint, entity: str, kind: str = "server") -> Path:
        return self._home.logs / "serving" / f"{endpoint.id}-{entity}.{kind}.log"

    async def take(self, endpoint: Endpoint, served: str | None) -> tuple[str, Scorer]:
        """A scorer for one request, started when there is none. Let go of it afterwards."""
        for _ in range(3):
            try:
                taken = self.fleet.take(endpoint.id, served)
            except KeyError:
                raise not_found(f"'{endpoint.name}' has no served entity '{served}'") from None
            if taken is not None:
                await self._awake(endpoint.id, taken[1])
                return taken
            if endpoint.active is None:
                raise _nothing_served(endpoint)
            await self._once(endpoint.id, self._wake_now, endpoint.id)
        raise ApiError("TEMPORARILY_UNAVAILABLE", f"Endpoint '{endpoint.name}' is going away")

    async def _awake(self, endpoint_id: str, scorer: Scorer) -> None:
        """Returns when the scorer has a process; lets go of it when it gets none."""
        if not scorer.is_asleep:
            return
        try:
            await self._once(endpoint_id, scorer.wake, key=id(scorer))
        except BaseException:
            self.fleet.let_go(scorer)
            raise

    async def _once(
        self, endpoint_id: str, start: Any, *args: Any, key: int | str | None = None
    ) -> None:
        """Wait for a start in the background, which all who need it share."""
        key = key or endpoint_id
        with self._lock:
            running = self._waking.get(key)
            if running is None:
                running = self._waking[key] = Future()
                self._in_background(self._start_now, key, running, endpoint_id, start, args)
        await asyncio.shield(asyncio.wrap_future(running))

    def _start_now(
        self, key: int | str, done: Future[None], endpoint_id: str, start: Any, args: tuple[Any]
    ) -> None:
        try:
            start(*args)
            self._faults.pop(endpoint_id, None)
            outcome: Exception | None = None
        except Exception as fault:
            self._faults[endpoint_id] = _text(fault)
            message = f"The endpoint could not be started: {_text(fault)}"
            outcome = ApiError("TEMPORARILY_UNAVAILABLE", message)
        with self._lock:
            del self._waking[key]
        if outcome is None:
            done.set_result(None)
        else:
            done.set_exception(outcome)

    def _wake_now(self, endpoint_id: str) -> None:
        with self._only(endpoint_id):
            endpoint = self._by_id(endpoint_id)
            if endpoint and endpoint.active and self.fleet.live(endpoint_id) is None:
                self._replace(endpoint, endpoint.active)

    def _warm_up(self) -> None:
        """Have the imports done before the first request wakes an endpoint, if there is one."""
        served = any(one.active and one.active.is_local for one in self._records.all())
        if served and not self._over.wait(WARM_UP_AFTER_S):
            self._pool.prepare()

    def _put_to_sleep(self) -> None:
        """Scale to zero what has been idle, for as long as the workspace runs."""
        while not self._over.wait(LOOK_S):
            for scorer in self.fleet.drowse():
                self._in_background(scorer.sleep)

    def _deploy(self, endpoint_id: str) -> None:
        """Bring the pending configuration to service, or say why not."""
        with self._only(endpoint_id):
            endpoint = self._by_id(endpoint_id)
            if endpoint is None or endpoint.pending is None or endpoint.update_state != BUSY:
                return
            wanted = endpoint.pending
            done = {"active": wanted, "pending": None, "update_state": IDLE, "message": ""}
            try:
                self._replace(endpoint, wanted, done)
            except Exception as fault:
                if self._stopped:
                    return  # still pending: the next start takes it up again
                log.info("update of %s failed: %s", endpoint.name, _text(fault))
                self._records.change(endpoint_id, update_state=FAILED, message=_text(fault))

    def _replace(
        self, endpoint: Endpoint, wanted: Config, record: Mapping[str, Any] | None = None
    ) -> None:
        """Start what is missing, record it, switch over, let the rest finish."""
        before = self.fleet.live(endpoint.id)
        scorers: dict[str, Scorer] = {}
        fresh: dict[str, Scorer] = {}
        for entity in wanted.entities:
            if not entity.is_local:
                continue
            kept = before.reusable(entity) if before else None
            if kept is None:
                fresh[entity.name] = self._scorer(endpoint, entity)
            scorers[entity.name] = kept or fresh[entity.name]
        try:
            _start_all(fresh)
            if self._stopped:
                raise ApiError("TEMPORARILY_UNAVAILABLE", "The workspace is shutting down")
            if record is not None and self._records.change(endpoint.id, **record) is None:
                raise not_found(f"Endpoint '{endpoint.name}' was deleted meanwhile")
        except Exception:
            for one in fresh.values():
                one.stop()
            raise
        unused = self.fleet.swap(endpoint.id, Live(config=wanted, scorers=scorers))
        self._faults.pop(endpoint.id, None)
        self._in_background(self.fleet.retire, unused)
        if self._by_id(endpoint.id) is None:  # deleted meanwhile
            self._in_background(self.fleet.retire, self.fleet.swap(endpoint.id, None))

    def _scorer(self, endpoint: Endpoint, entity: Entity) -> Scorer:
        folder = self._run / new_id()[:12]
        file = self.log_file(endpoint, entity.name)
        build_log = BuildLog(self.log_file(endpoint, entity.name, "build"))
        file.parent.mkdir(parents=True, exist_ok=True)
        return Scorer(
            folder=folder,
            log=file,
            prepare=lambda place: self._recipes.prepare(
                endpoint.workspace, entity, endpoint.creator, place, build_log
            ),
            launch=self._pool.start,
            endpoint=endpoint.name,
        )

    def _by_id(self, endpoint_id: str) -> Endpoint | None:
        return next((one for one in self._records.all() if one.id == endpoint_id), None)

    def _only(self, endpoint_id: str) -> threading.Lock:
        """One update or start of an endpoint at a time."""
        with self._lock:
            return self._endpoint_locks.setdefault(endpoint_id, threading.Lock())

    def _in_background(self, work: Any, *args: Any, **options: Any) -> None:
        name = f"serving-{getattr(work, '__name__', 'work')}"
        threading.Thread(target=work, args=args, kwargs=options, name=name, daemon=True).start()


def _start_all(scorers: Mapping[str, Scorer]) -> None:
    """Start them side by side. Raises the first failure, naming the served entity."""
    faults: dict[str, Exception] = {}

    def begin(name: str, scorer: Scorer) -> None:
        try:
            scorer.start()
        except Exception as fault:
            faults[name] = fault

    threads = [threading.Thread(target=begin, args=item) for item in scorers.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in scorers:
        if name in faults:
            message = f"Served entity '{name}': {_text(faults[name])}"
            raise ApiError("INVALID_STATE", message) from faults[name]


def _require_own(endpoint: Endpoint) -> None:
    if endpoint.is_provided:
        raise denied(f"Endpoint '{endpoint.name}' comes with the workspace: it stays as it is")


def _nothing_served(endpoint: Endpoint) -> ApiError:
    if endpoint.update_state == BUSY:
        return ApiError(
            "TEMPORARILY_UNAVAILABLE",
            f"Endpoint '{endpoint.name}' is not ready yet: it is being created",
            headers={"Retry-After": "1"},
        )
    why = f"its creation failed: {endpoint.message}" if endpoint.message else "it has no config yet"
    return ApiError("INVALID_STATE", f"Endpoint '{endpoint.name}' serves nothing: {why}")


def _text(fault: Exception) -> str:
    return fault.message if isinstance(fault, ApiError) else str(fault) or type(fault).__name__
