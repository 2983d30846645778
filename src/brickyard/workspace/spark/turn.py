"""One request on its way through the gateway: the caller, the session, the engine behind."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from brickyard.workspace.kernel import Principal, WorkspaceInfo
from brickyard.workspace.spark import datatypes, log_hints
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.functions.expansion import Hosted
from brickyard.workspace.spark.functions.remote import Remote, registration
from brickyard.workspace.spark.lake import Lake
from brickyard.workspace.spark.paths import Places
from brickyard.workspace.spark.protocol import (
    SERVICE,
    AnalyzePlanRequest,
    AnalyzePlanResponse,
    ConfigRequest,
    ConfigResponse,
    ExecutePlanRequest,
    ExecutePlanResponse,
    Plan,
)
from brickyard.workspace.spark.refusals import Refusal
from brickyard.workspace.spark.sail import Sail
from brickyard.workspace.spark.sessions import Caller, Session
from brickyard.workspace.spark.setup import Step
from brickyard.workspace.spark.statements import Reader

CONFLICT: Final = "Failed to commit transaction"
ATTEMPTS: Final = 12
FIRST_PAUSE_S: Final = 0.03
HINT_ATTEMPTS: Final = 4  # a writer may put a hint back between two of them
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Turn:
    caller: Caller
    session: Session
    lake: Lake
    places: Places
    sail: Callable[[], Sail]  # the engine; starts it
    request: Any  # ExecutePlanRequest
    touched: Touched = field(default_factory=Touched)
    in_engine: bool = False  # the engine got the request itself
    hosted: Hosted | None = None

    @property
    def principal(self) -> Principal:
        return self.caller.principal

    @property
    def workspace(self) -> WorkspaceInfo:
        return self.caller.workspace

    @property
    def reader(self) -> Reader:
        return Reader(
            session=self.session,
            workspace=self.workspace,
            lake=self.lake,
            places=self.places,
            caller=self.caller,
            hosted=self.hosted,
        )

    def allow(self, touched: Touched) -> None:
        """Authorize everything touched, writes first. Raises what the catalog says."""
        for access in sorted(
            touched.accesses, key=lambda one: (one.mode != "write", one.full_name)
        ):
            self.lake.authorize(self.principal, self.workspace, access)
        self.touched.add(touched)
        if touched.remotes:
            self.make_known(touched.remotes.values())

    def make_known(self, remotes: Iterable[Remote]) -> None:
        """Register with the engine what the plan calls and the workspace runs."""
        self.sail()  # a new engine has forgotten them
        for one in remotes:
            if one.name not in self.session.remotes:
                kind = self.parsed(f"returned {one.returns}")
                told = datatypes.columns(kind)[0]["type"]
                self.run_plan(registration(one, kind.struct.fields[0].data_type, told))
                self.session.remotes.add(one.name)

    def record(self, touched: Touched | None = None) -> None:
        """Keep what was really read and written."""
        found = self.touched if touched is None else touched
        for access in found.accesses:
            self.lake.catalog.record_access(
                self.caller.asks,
                self.workspace,
                access.full_name,
                access.mode,
                self.caller.scope,
                kind=access.kind,
            )

    def record_calls(self, touched: Touched) -> None:
        """Keep which functions a query called: its text does not name them any more."""
        called = Touched()
        called.accesses |= {one for one in touched.accesses if one.kind == "function"}
        self.record(called)

    def wrote(self, table: str) -> None:
        """Record a write that needed no MODIFY of its own (a table just created)."""
        made = Touched()
        made.write(table)
        self.record(made)

    def remember(self, kind: str, name: str, remotes: Mapping[str, Remote]) -> None:
        """Have a definition that this request made in the engine made again in the next one."""
        session = self.session
        step = Step(
            kind=kind,
            name=name.lower(),
            plan=self.request.plan.SerializeToString(),
            catalog=session.catalog,
            schema=session.schema,
            remotes=dict(remotes),
        )
        with session.lock:
            session.setup.note(step)

    def stream(self) -> Iterator[bytes]:
        """Forward the request as it is now; the engine's responses as they come."""
        self.in_engine = True
        sail = self.sail()
        self.check_mounted(access.full_name for access in self.touched.accesses)
        with sail.busy():
            call = sail.channel.unary_stream(f"/{SERVICE}/ExecutePlan")

            def begin() -> tuple[bytes | None, Iterator[bytes]]:
                responses = iter(call(self.request.SerializeToString()))
                return next(responses, None), responses

            first, others = self.without_misleading_hints(begin)
            if first is not None:
                yield first
                yield from others

    def without_misleading_hints(self, ask: Callable[[], T]) -> T:
        """What the engine answers; asked again if a checkpoint's hint led it past a commit."""
        for _ in range(HINT_ATTEMPTS):
            try:
                return ask()
            except Exception as fault:
                if not log_hints.misled(_details(fault)):
                    raise
                log_hints.drop(self._folders_touched())
            if isinstance(self.request, ExecutePlanRequest):
                self.request.operation_id = str(uuid.uuid4())
        return ask()

    def _folders_touched(self) -> Iterator[Path]:
        for access in self.touched.accesses:
            if access.kind == "table" and (folder := self.lake.location(access.full_name)):
                yield folder
            elif access.kind == "volume":
                yield self.lake.volume_path(access.full_name)

    def check_mounted(self, names: Iterable[str]) -> None:
        """The engine knows the catalogs that were there when it started."""
        mounted = self.sail().catalogs
        for name in names:
            catalog = name.partition(".")[0]
            if catalog not in mounted:
                raise Refusal(
                    "NO_SUCH_CATALOG_EXCEPTION",
                    f"The catalog '{catalog}' was not there, or not open to you, when the engine "
                    "of this session started. Start a new session to use it.",
                    sql_state="42704",
                )

    def run(self) -> list[bytes]:
        """Forward the request and wait for its end. Lost commit races are run again."""
        for attempt in range(ATTEMPTS):
            try:
                return list(self.stream())
            except Exception as fault:
                if attempt + 1 == ATTEMPTS or CONFLICT not in _details(fault):
                    raise
            time.sleep(FIRST_PAUSE_S * (2 ** min(attempt, 4)) * (0.5 + random.random()))
            self.request.operation_id = str(uuid.uuid4())
        raise AssertionError("unreachable")

    def run_plan(self, plan: Any) -> list[Any]:
        """Execute another plan in the same session; its decoded responses."""
        request = ExecutePlanRequest(
            session_id=self.request.session_id,
            user_context=self.request.user_context,
            operation_id=str(uuid.uuid4()),
            plan=plan,
        )
        inner = Turn(
            caller=self.caller,
            session=self.session,
            lake=self.lake,
            places=self.places,
            sail=self.sail,
            request=request,
        )
        return [ExecutePlanResponse.FromString(raw) for raw in inner.run()]

    def run_sql(self, sql: str) -> list[Any]:
        """Execute a command of our own making."""
        plan = Plan()
        plan.command.sql_command.input.sql.query = sql
        return self.run_plan(plan)

    def schema_of(self, relation: Any) -> Any:
        """The `DataType` of a relation, as the engine analyses it."""
        request = self._analysis()
        request.schema.plan.root.CopyFrom(relation)
        return self._analyze(request).schema.schema

    def parsed(self, ddl: str) -> Any:
        """The `DataType` that column definitions mean."""
        request = self._analysis()
        request.ddl_parse.ddl_string = ddl
        return self._analyze(request).ddl_parse.parsed

    def configure(self, key: str, value: str) -> None:
        request = ConfigRequest(
            session_id=self.request.session_id, user_context=self.request.user_context
        )
        pair = request.operation.set.pairs.add()
        pair.key, pair.value = key, value
        self._config(request)
        self.session.setup.settings[key] = value

    def configured(self, key: str) -> str | None:
        request = ConfigRequest(
            session_id=self.request.session_id, user_context=self.request.user_context
        )
        request.operation.get_option.keys.append(key)
        pairs = self._config(request).pairs
        return pairs[0].value if pairs and pairs[0].HasField("value") else None

    def folder_of(self, table: str) -> Path | None:
        return self.lake.location(table)

    def _config(self, request: Any) -> Any:
        raw = self.sail().channel.unary_unary(f"/{SERVICE}/Config")(request.SerializeToString())
        return ConfigResponse.FromString(raw)

    def _analysis(self) -> Any:
        return AnalyzePlanRequest(
            session_id=self.request.session_id, user_context=self.request.user_context
        )

    def _analyze(self, request: Any) -> Any:
        raw = self.sail().channel.unary_unary(f"/{SERVICE}/AnalyzePlan")(
            request.SerializeToString()
        )
        return AnalyzePlanResponse.FromString(raw)


def _details(fault: Exception) -> str:
    details = getattr(fault, "details", None)
    return str(details() if callable(details) else fault)
