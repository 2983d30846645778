"""The gateway's wire: a gRPC server on loopback that speaks Spark Connect in raw bytes.

Token and scope come as metadata; whoever has no token learns nothing. An engine's own error goes
through with its details, so that the client raises the exception of the engine's class; a dead
engine's status does not, for clients retry `UNAVAILABLE` for ten minutes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc

from brickyard.workspace.identity.scopes import SPARK_CONNECT, require_reach
from brickyard.workspace.kernel import ApiError, WorkspaceInfo
from brickyard.workspace.spark.invokers import Invokers
from brickyard.workspace.spark.protocol import SERVICE
from brickyard.workspace.spark.refusals import SPARK, Refusal, from_api, retold
from brickyard.workspace.spark.sail import is_said_by_engine
from brickyard.workspace.spark.service import Service
from brickyard.workspace.spark.sessions import Caller

THREADS: Final = 128
SCOPE: Final = "x-brickyard-scope"
WORKSPACE: Final = "x-brickyard-workspace"
OWN_SCOPE: Final = "interactive"
DETAILS: Final = "grpc-status-details-bin"

log = logging.getLogger("brickyard.spark")


class Gateway:
    def __init__(
        self,
        service: Service,
        authenticate: Callable[[Mapping[str, str], WorkspaceInfo], Any],
        workspaces: Mapping[str, WorkspaceInfo],
        invokers: Invokers,
    ) -> None:
        self._service = service
        self._authenticate = authenticate
        self._invokers = invokers
        self._workspaces = workspaces
        self._server = grpc.server(
            ThreadPoolExecutor(THREADS, thread_name_prefix="spark"),
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        handlers = {
            "ExecutePlan": self._stream(service.execute),
            "ReattachExecute": self._stream(service.reattach),
            "AnalyzePlan": self._unary(service.analyze),
            "Config": self._unary(service.configure),
            "ReleaseExecute": self._unary(service.release),
            "ReleaseSession": self._unary(service.release_session),
            "CloneSession": self._unary(service.clone),
            "Interrupt": self._unary(service.interrupt),
            "AddArtifacts": grpc.stream_unary_rpc_method_handler(self._add_artifacts),
        }
        for method in ("ArtifactStatus", "FetchErrorDetails", "GetStatus"):
            handlers[method] = self._unary(_forwarding(service, method))
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, handlers),)
        )
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        try:
            self._server.add_insecure_port(f"[::1]:{self.port}")  # "localhost" may mean it
        except RuntimeError:
            log.info("no IPv6 loopback here")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0)

    def _stream(self, run: Callable[[Caller, bytes], Iterable[bytes]]) -> Any:
        def handle(raw: bytes, context: Any) -> Iterator[bytes]:
            try:
                yield from run(self._caller(context), raw)
            except Exception as fault:
                _abort(context, fault)

        return grpc.unary_stream_rpc_method_handler(handle)

    def _unary(self, run: Callable[[Caller, bytes], bytes]) -> Any:
        def handle(raw: bytes, context: Any) -> bytes:
            try:
                return run(self._caller(context), raw)
            except Exception as fault:
                _abort(context, fault)
                raise AssertionError("abort raises") from None

        return grpc.unary_unary_rpc_method_handler(handle)

    def _add_artifacts(self, parts: Iterator[bytes], context: Any) -> bytes:
        try:
            return self._service.add_artifacts(self._caller(context), parts)
        except Exception as fault:
            _abort(context, fault)
            raise AssertionError("abort raises") from None

    def _caller(self, context: Any) -> Caller:
        metadata = dict(context.invocation_metadata())
        named = metadata.get(WORKSPACE, "")
        candidates = (
            [self._workspaces[named]] if named in self._workspaces else [*self._workspaces.values()]
        )
        refused: ApiError | None = None
        for workspace in candidates:
            try:
                principal = self._authenticate(metadata, workspace)
            except ApiError as fault:
                refused = fault
                continue
            require_reach(principal, "POST", SPARK_CONNECT)
            token = metadata.get("authorization", "").partition(" ")[2].strip()
            scope = metadata.get(SCOPE, OWN_SCOPE)
            return Caller(
                principal=principal,
                workspace=workspace,
                scope=scope,
                token=token,
                invoker=self._invokers.of(token),
            )
        assert refused is not None
        raise _Unauthenticated(refused.message)


class _Unauthenticated(Exception):
    pass


def _forwarding(service: Service, method: str) -> Callable[[Caller, bytes], bytes]:
    return lambda caller, raw: service.forward(caller, method, raw)


def refusal_of(fault: Exception) -> Refusal:
    """Any failure of ours, or a dead engine, in Spark's words."""
    if isinstance(fault, Refusal):
        return fault
    if isinstance(fault, ApiError):
        return from_api(fault)
    if isinstance(fault, grpc.RpcError) and (told := retold(str(fault.details()))):
        return told
    if isinstance(fault, grpc.RpcError):
        message = (
            "The embedded Spark engine ended while it ran this. It starts again with the next "
            "request; what was cached in it or uploaded to it is lost."
        )
        return Refusal("SPARK_ENGINE_LOST", message, sql_state="58000", jvm_class=SPARK)
    log.error("the Spark gateway failed", exc_info=fault)
    message = f"The Spark gateway failed: {type(fault).__name__}: {fault}"
    return Refusal("INTERNAL_ERROR", message, sql_state="XX000", jvm_class=SPARK)


def _abort(context: Any, fault: Exception) -> None:
    """End the call with this error. Always raises."""
    if isinstance(fault, _Unauthenticated):
        context.abort(grpc.StatusCode.UNAUTHENTICATED, str(fault))
    if not context.is_active():
        raise fault
    own = isinstance(fault, grpc.RpcError) and retold(str(fault.details()))
    if isinstance(fault, grpc.RpcError) and is_said_by_engine(fault) and not own:
        trailing = [
            (key, value) for key, value in fault.trailing_metadata() or () if key == DETAILS
        ]
        context.set_trailing_metadata(trailing)
        context.abort(fault.code(), fault.details())
    refusal = refusal_of(fault)
    context.set_trailing_metadata([(DETAILS, refusal.status())])
    denied = refusal.sql_state == "42501"
    context.abort(
        grpc.StatusCode.PERMISSION_DENIED if denied else grpc.StatusCode.INTERNAL, refusal.text
    )
