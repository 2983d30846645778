"""What the gateway does with each request of Spark Connect, apart from the wire.

Every plan is inspected, authorized, run or answered, and recorded; there is no way round. The SQL
warehouses use the same `execute` in the process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import grpc

from brickyard.workspace.kernel import Home
from brickyard.workspace.processes.user_code import RUNTIME_VERSION
from brickyard.workspace.spark import (
    catalog_calls,
    commands,
    continuation,
    effects,
    tables,
    writes,
)
from brickyard.workspace.spark.answers import NOTHING, command_responses
from brickyard.workspace.spark.answers import relation as relation_of
from brickyard.workspace.spark.commands.namespaces import use_engine
from brickyard.workspace.spark.commands.tables import create_view
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.lake import Lake
from brickyard.workspace.spark.paths import Places
from brickyard.workspace.spark.plan_hash import plan_hash
from brickyard.workspace.spark.plans import Walk, literal_arguments
from brickyard.workspace.spark.protocol import (
    SERVICE,
    AnalyzePlanRequest,
    AnalyzePlanResponse,
    CloneSessionRequest,
    ConfigRequest,
    ExecutePlanRequest,
    InterruptResponse,
    ReattachExecuteRequest,
    ReleaseExecuteRequest,
    ReleaseExecuteResponse,
    ReleaseSessionRequest,
    ReleaseSessionResponse,
    with_runtime,
)
from brickyard.workspace.spark.refusals import not_understood
from brickyard.workspace.spark.sail import Sail
from brickyard.workspace.spark.sessions import Answered, Caller, EngineKey, Session, Sessions
from brickyard.workspace.spark.setup import VIEW
from brickyard.workspace.spark.statements import Kind, Statement
from brickyard.workspace.spark.turn import Turn

if TYPE_CHECKING:
    from brickyard.workspace.spark.engine import SparkEngine

ANSWERED_KEPT = 64
RUNTIME = with_runtime(f"{RUNTIME_VERSION}.x")


class Service:
    def __init__(self, home: Home, lake: Lake, engine: SparkEngine) -> None:
        self.sessions = Sessions()
        self._lake = lake
        self._engine = engine
        self._places = Places(home, lake, home.files_of)

    # -- running plans -----------------------------------------------------------------------

    def execute(self, caller: Caller, raw: bytes) -> Iterable[bytes]:
        """The responses to an ExecutePlan."""
        return self.execute_request(caller, ExecutePlanRequest.FromString(raw))

    def execute_request(self, caller: Caller, request: Any) -> Iterable[bytes]:
        turn = self._turn(caller, request)
        if request.plan.WhichOneof("op_type") == "root":
            return self._root(turn)
        if request.plan.WhichOneof("op_type") != "command":
            raise not_understood("A plan of an unknown form")
        command, operation_id = request.plan.command, request.operation_id
        kind = command.WhichOneof("command_type") or "unknown"
        if kind == "sql_command":
            responses = self._sql(turn, command.sql_command)
        elif kind in writes.COMMANDS:
            responses = writes.COMMANDS[kind](turn, getattr(command, kind))
        else:
            raise not_understood(f"The command '{kind}'")
        if isinstance(responses, list):
            self._keep(turn, operation_id, responses)
        return responses

    def _root(self, turn: Turn) -> Iterator[bytes]:
        walk = Walk(turn.reader)
        walk.visit(turn.request.plan.root)
        turn.allow(walk.touched)
        turn.record()
        root = turn.request.plan.root
        if root.WhichOneof("rel_type") == "catalog":
            answer = catalog_calls.answer(turn, root.catalog)
            if answer is None:
                return iter(self._catalog(turn, root.catalog))
            root.CopyFrom(relation_of(answer))
        return turn.stream()

    def _catalog(self, turn: Turn, catalog: Any) -> list[bytes]:
        """`spark.catalog`: the session's place is kept here as well."""
        kind = catalog.WhichOneof("cat_type")
        session = turn.session
        if kind == "set_current_database":
            parts = Cursor(catalog.set_current_database.db_name).name()
            if len(parts) == 2:
                use_engine(turn, *parts)
                session.catalog, session.schema = parts[0].lower(), parts[1].lower()
                catalog.set_current_database.db_name = parts[1]
        responses = turn.run()
        if kind == "set_current_database":
            session.schema = Cursor(catalog.set_current_database.db_name).name()[-1].lower()
        elif kind == "set_current_catalog":
            session.catalog = catalog.set_current_catalog.catalog_name.lower()
            session.schema = "default"
        elif kind == "drop_temp_view":
            session.temp_views.pop(catalog.drop_temp_view.view_name.lower(), None)
            session.setup.forget(VIEW, catalog.drop_temp_view.view_name)
        elif kind == "drop_global_temp_view":
            session.temp_views.pop(catalog.drop_global_temp_view.view_name.lower(), None)
            session.setup.forget(VIEW, catalog.drop_global_temp_view.view_name)
        return responses

    def _sql(self, turn: Turn, command: Any) -> Iterator[bytes] | list[bytes]:
        """`spark.sql`. The deprecated fields of the message are moved into the present one."""
        if not command.HasField("input"):
            sql = command.input.sql
            sql.query = command.sql
            for name, value in command.args.items():
                sql.args[name].CopyFrom(value)
            sql.pos_args.extend(command.pos_args)
            for name, value in command.named_arguments.items():
                sql.named_arguments[name].CopyFrom(value)
            sql.pos_arguments.extend(command.pos_arguments)
        relation, local = command.input, frozenset[str]()
        walk = Walk(turn.reader)
        if relation.WhichOneof("rel_type") == "with_relations":
            references = relation.with_relations.references
            for one in references:
                walk.visit(one)
            local = frozenset(one.subquery_alias.alias.lower() for one in references)
            relation = relation.with_relations.root
        if relation.WhichOneof("rel_type") != "sql":
            raise not_understood("A SQL command of an unknown form")
        turn.allow(walk.touched)
        sql = relation.sql
        statement = turn.reader.understand(sql.query, literal_arguments(sql), local)
        for one in (*sql.named_arguments.values(), *sql.pos_arguments):
            walk.visit(one)
        turn.allow(walk.touched)
        return self._statement(turn, statement, sql, command)

    def _statement(
        self, turn: Turn, statement: Statement, sql: Any, command: Any
    ) -> Iterator[bytes] | list[bytes]:
        kind = statement.kind
        if kind is Kind.COMMAND:
            answer = commands.answer(turn, statement.sql, literal_arguments(sql))
            if answer is not None:
                return command_responses(turn.request, answer)
            return turn.run()
        if kind is Kind.CREATE_VIEW:
            return command_responses(turn.request, create_view(turn, statement))
        turn.allow(statement.touched)
        if kind is Kind.CREATE_TABLE:
            return self._create_table(turn, statement, sql, command)
        if statement.sql != sql.query:
            sql.query = statement.sql
        if kind is Kind.QUERY:
            turn.record_calls(statement.touched)
            return turn.stream()
        if kind is Kind.WRITE:
            return self._write(turn, statement)
        responses = turn.run()
        if kind is Kind.TEMP_VIEW:
            target = statement.tree.this
            name = target.name if target.key == "table" else target.this.name
            turn.session.temp_views[name.lower()] = statement.touched
            turn.remember(VIEW, name, statement.touched.remotes)
        return responses

    def _write(self, turn: Turn, statement: Statement) -> list[bytes]:
        folder = self._lake.location(statement.written) if statement.written else None
        before = effects.latest_version(folder) if folder else -1
        responses = turn.run()
        turn.record()
        answer = effects.counted(statement.tree.key, folder, before) if folder else None
        return responses if answer is None else command_responses(turn.request, answer)

    def _create_table(
        self, turn: Turn, statement: Statement, sql: Any, command: Any
    ) -> list[bytes]:
        wanted = tables.wanted_from(turn, statement)
        done = command_responses(turn.request, NOTHING)
        if statement.tree.args.get("exists") and turn.lake.find(wanted.name):
            turn.lake.catalog.tables.get(turn.principal, turn.workspace, wanted.name)
            return done
        if wanted.query is not None:
            # The same arguments and references stand behind the query alone.
            sql.query = wanted.query.sql.query
            wanted.query.CopyFrom(command.input)
        make = tables.replace if statement.tree.args.get("replace") else tables.create
        make(turn, wanted)
        turn.record()
        return done

    # -- everything else ---------------------------------------------------------------------

    def analyze(self, caller: Caller, raw: bytes) -> bytes:
        request = AnalyzePlanRequest.FromString(raw)
        turn = self._turn(caller, request)
        walk = Walk(turn.reader)
        kind = request.WhichOneof("analyze")
        if kind is None:
            raise not_understood("An analysis of an unknown kind")
        inner = getattr(request, kind)
        plans = [inner.plan] if "plan" in inner.DESCRIPTOR.fields_by_name else []
        if any(plan.WhichOneof("op_type") == "command" for plan in plans):
            raise not_understood("The analysis of a command")
        walk.visit(inner)
        turn.allow(walk.touched)
        if kind == "semantic_hash":
            answer = AnalyzePlanResponse(session_id=request.session_id)
            answer.semantic_hash.result = plan_hash(inner.plan)
            return bytes(answer.SerializeToString())
        answer = turn.without_misleading_hints(
            lambda: self._pass(caller, turn.session, "AnalyzePlan", request)
        )
        return answer + RUNTIME if kind == "spark_version" else answer

    def reattach(self, caller: Caller, raw: bytes) -> Iterable[bytes]:
        request = ReattachExecuteRequest.FromString(raw)
        kept = self._session(caller, request).answered.get(request.operation_id)
        if kept is not None:
            return _after(kept.responses, request.last_response_id)
        call = self._channel(caller).unary_stream(f"/{SERVICE}/ReattachExecute")
        responses: Iterable[bytes] = call(request.SerializeToString())
        return responses

    def release(self, caller: Caller, raw: bytes) -> bytes:
        request = ReleaseExecuteRequest.FromString(raw)
        session = self._session(caller, request)
        kept = session.answered.get(request.operation_id)
        if kept is not None and request.HasField("release_all"):
            session.answered.pop(request.operation_id, None)
        if kept is not None and not kept.in_engine:
            answer = ReleaseExecuteResponse(
                session_id=request.session_id, operation_id=request.operation_id
            )
            return bytes(answer.SerializeToString())
        return self._pass(caller, session, "ReleaseExecute", request)

    def release_session(self, caller: Caller, raw: bytes) -> bytes:
        """No engine starts to hear that a session has ended."""
        request = ReleaseSessionRequest.FromString(raw)
        self.sessions.forget(key_of(caller), request.session_id)
        if (sail := self._engine.running_for(key_of(caller))) is not None:
            continuation.release(sail, request.session_id)
        answer = ReleaseSessionResponse(
            session_id=request.session_id, server_side_session_id=request.session_id
        )
        return bytes(answer.SerializeToString())

    def clone(self, caller: Caller, raw: bytes) -> bytes:
        request = CloneSessionRequest.FromString(raw)
        answer = self._pass(caller, self._session(caller, request), "CloneSession", request)
        self.sessions.clone(key_of(caller), request.session_id, request.new_session_id)
        return answer

    def interrupt(self, caller: Caller, raw: bytes) -> bytes:
        """What is to end may run in an engine that a newer one has superseded."""
        answer = InterruptResponse.FromString(_ask(self._engine.sail(caller)[0], "Interrupt", raw))
        for sail in self._engine.superseded(caller):
            with contextlib.suppress(grpc.RpcError, ValueError):  # it may have ended meanwhile
                told = sail.channel.unary_unary(f"/{SERVICE}/Interrupt")(raw)
                answer.interrupted_ids.extend(InterruptResponse.FromString(told).interrupted_ids)
        return bytes(answer.SerializeToString())

    def forward(self, caller: Caller, method: str, raw: bytes) -> bytes:
        """Requests that name nothing of the catalog: versions, error details."""
        return _ask(self._engine.sail(caller)[0], method, raw)

    def configure(self, caller: Caller, raw: bytes) -> bytes:
        request = ConfigRequest.FromString(raw)
        session = self._session(caller, request)
        answer = self._pass(caller, session, "Config", request)
        kind = request.operation.WhichOneof("op_type")
        with session.lock:
            if kind == "set":
                session.setup.settings |= {p.key: p.value for p in request.operation.set.pairs}
            elif kind == "unset":
                for key in request.operation.unset.keys:
                    session.setup.settings.pop(key, None)
        return answer

    def add_artifacts(self, caller: Caller, parts: Iterator[bytes]) -> bytes:
        sail, _ = self._engine.sail(caller)
        with sail.busy():
            answer: bytes = sail.channel.stream_unary(f"/{SERVICE}/AddArtifacts")(parts)
        return answer

    # -- sessions and engines ----------------------------------------------------------------

    def _turn(self, caller: Caller, request: Any) -> Turn:
        session = self._session(caller, request)
        return Turn(
            caller=caller,
            session=session,
            lake=self._lake,
            places=self._places,
            sail=lambda: self._sail(caller, session, request),
            request=request,
            hosted=self._engine.hosted,
        )

    def _turn_in(self, caller: Caller, session: Session, request: Any, sail: Sail) -> Turn:
        """The same in this engine, whatever it knows of the session."""
        return Turn(
            caller=caller,
            session=session,
            lake=self._lake,
            places=self._places,
            sail=lambda: sail,
            request=request,
            hosted=self._engine.hosted,
        )

    def _session(self, caller: Caller, request: Any) -> Session:
        return self.sessions.get(key_of(caller), request.session_id, caller.workspace.catalog)

    def _channel(self, caller: Caller) -> Any:
        return self._engine.sail(caller)[0].channel

    def _sail(self, caller: Caller, session: Session, request: Any) -> Sail:
        """The engine, with the session set up in it: a new one does not know the session."""
        sail, number = self._engine.sail(caller)
        if session.engine != number:
            with session.lock:
                if session.engine not in (0, number):
                    with sail.busy():
                        continuation.set_up_again(self._turn_in(caller, session, request, sail))
                session.engine = number
        return sail

    def _pass(self, caller: Caller, session: Session, method: str, request: Any) -> bytes:
        return _ask(self._sail(caller, session, request), method, request.SerializeToString())

    def keep_alive(self) -> None:
        """Let engines hear of the sessions they are to keep; release what nobody uses any more."""
        for key, session_id in self.sessions.abandoned(continuation.ABANDONED_S):
            if self._engine.is_announced(key):
                continue  # the task goes on
            self.sessions.forget(key, session_id)
            if (sail := self._engine.running_for(key)) is not None:
                continuation.release(sail, session_id)
        for key, sail, number in self._engine.running():
            for session in self.sessions.of(key):
                if session.engine == number:
                    continuation.touch(sail, session)

    def _keep(self, turn: Turn, operation_id: str, responses: list[bytes]) -> None:
        """For a client that lost the connection: it asks again by operation id."""
        session = turn.session
        with session.lock:
            session.answered[operation_id] = Answered(responses, turn.in_engine)
            while len(session.answered) > ANSWERED_KEPT:
                session.answered.pop(next(iter(session.answered)))


def _ask(sail: Sail, method: str, raw: bytes) -> bytes:
    with sail.busy():
        answer: bytes = sail.channel.unary_unary(f"/{SERVICE}/{method}")(raw)
    return answer


def key_of(caller: Caller) -> EngineKey:
    return EngineKey(
        workspace=caller.workspace.name,
        user_name=caller.principal.user_name,
        scope=caller.scope,
        limits=caller.principal.scopes,
    )


def _after(responses: Sequence[bytes], last_response_id: str) -> Sequence[bytes]:
    from brickyard.workspace.spark.protocol import ExecutePlanResponse

    if not last_response_id:
        return responses
    ids = [ExecutePlanResponse.FromString(one).response_id for one in responses]
    return responses[ids.index(last_response_id) + 1 :] if last_response_id in ids else responses
