"""One served model: MLflow's scoring code behind a unix socket, in the model's own environment.

Run as a file, not as a module: nothing of Brickyard is imported here, only `mlflow` and `uvicorn`.
Input and output are those of MLflow's scoring server (`mlflow.pyfunc.scoring_server`), whose
functions do the work. On top come:

- streams: server-sent events for `"stream": true`, each chunk of `predict_stream` as it comes;
- traces, by MLflow's own exporter for model serving: to the experiment in MLFLOW_EXPERIMENT_ID, and
  back to the caller who asks with `databricks_options: {"return_trace": true}`;
- bounds: so many requests at once, the rest waits; seconds for each; memory. A process that cannot
  keep them ends, and is started again;
- a secret that every caller must know.

Environment: BRICKYARD_MODEL (folder), BRICKYARD_SOCKET, BRICKYARD_SECRET, BRICKYARD_ENDPOINT,
BRICKYARD_CONCURRENCY, BRICKYARD_MEMORY_BYTES; MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import faulthandler
import hmac
import json
import os
import resource
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

SECRET_HEADER = b"x-brickyard-secret"
REQUEST_HEADER = b"x-request-id"
USER_TOKEN_HEADER = b"x-brickyard-user-token"
TIMEOUT = "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"
TIMEOUT_S = 297.0  # as on Databricks
WAITING = 1000  # requests, at most
AHEAD = 64  # chunks that a model may be ahead of who reads its stream
MEMORY_EVERY_S = 0.2
OUT_OF_MEMORY, ALL_STUCK = 137, 70
END = object()
USER_TOKEN: contextvars.ContextVar[str] = contextvars.ContextVar("user_token")


def main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path[:] = [path for path in sys.path if path != here]  # not for the model to import from
    folder, socket = os.environ["BRICKYARD_MODEL"], os.environ["BRICKYARD_SOCKET"]
    secret = os.environ.pop("BRICKYARD_SECRET")
    threading.Thread(target=_watch_memory, daemon=True).start()
    started = time.monotonic()
    os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = "true"
    import uvicorn
    from mlflow.pyfunc import scoring_server

    imported = time.monotonic()
    _offer_user_tokens()
    model = scoring_server.load_model_with_mlflow_config(folder)
    note = f"model loaded in {time.monotonic() - imported:.1f} s after {imported - started:.1f} s"
    print(f"{note} of imports", file=sys.stderr, flush=True)
    uvicorn.run(
        Scorer(model, secret),
        uds=socket,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=3600,  # the caller closes idle connections
    )


def _watch_memory() -> None:
    """End when too much is in use. One that asks for much at once gets a MemoryError instead."""
    limit = int(os.environ.get("BRICKYARD_MEMORY_BYTES") or 0)
    while limit:
        used = _memory_bytes()
        if used > limit:
            said = f"used {used >> 20} MiB of memory, more than its {limit >> 20} MiB: ending"
            print(said, file=sys.stderr, flush=True)
            os._exit(OUT_OF_MEMORY)
        time.sleep(MEMORY_EVERY_S)


def _memory_bytes() -> int:
    """What is in use now; where the platform does not say, the most there was."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


class Tag(NamedTuple):
    """What a request brings beside its body."""

    id: str
    user_token: str  # of who asked; empty unless the model acts on behalf of its callers


class Invoker(dict[str, Any]):
    """The main thread's attributes, where the SDK looks for the token of who asked.

    It looks under one name whatever thread it is in; each request finds its own caller's there, and
    code outside of any request finds none.
    """

    def __contains__(self, name: object) -> bool:
        if name == "invokers_token":
            return USER_TOKEN.get(None) is not None
        return super().__contains__(name)

    def __missing__(self, name: str) -> Any:
        if name == "invokers_token":
            return USER_TOKEN.get()
        raise KeyError(name)


def _offer_user_tokens() -> None:
    """Let `ModelServingUserCredentials` of the SDK find them, where the model asks for that."""
    folder = os.environ.get("SERVING_CREDENTIALS_DIR")
    if not folder:
        return
    thread = threading.main_thread()
    thread.__dict__ = Invoker(thread.__dict__)
    with contextlib.suppress(ImportError, AttributeError):
        # Versions of the SDK that know only the path of Databricks' own containers.
        from databricks.sdk import credentials_provider

        provider: Any = credentials_provider.ModelServingAuthProvider
        file = f"{folder}/model-dependencies-oauth-token"
        provider._MODEL_DEPENDENCY_OAUTH_TOKEN_FILE_PATH = file


class Busy(Exception):
    """Too many requests wait."""


class Workers:
    """The threads in which the model works. One that takes too long cannot be ended, only counted.

    When all are stuck the process ends; when even the event loop is, `faulthandler` ends it from
    outside the interpreter, after it has written where every thread is.
    """

    def __init__(self, threads: int, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "model")
        self._pending = 0
        self._stuck = 0
        self._pulse: asyncio.Task[None] | None = None

    def submit(self, work: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Raises Busy."""
        if self._pulse is None:
            self._pulse = asyncio.create_task(self._beat())
        if self._pending >= self._threads + WAITING:
            raise Busy
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        future.add_done_callback(self._done)
        return future

    def given_up(self, future: asyncio.Future[Any]) -> None:
        """Somebody has waited too long for this."""
        self._stuck += 1
        future.add_done_callback(self._unstuck)
        print(f"a request took more than {self.timeout_s:g} s", file=sys.stderr, flush=True)
        if self._stuck >= self._threads:
            print("every worker is stuck: ending", file=sys.stderr, flush=True)
            faulthandler.dump_traceback(all_threads=True)
            os._exit(ALL_STUCK)

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._pending -= 1
        if not future.cancelled():
            future.exception()  # looked at, so that asyncio does not complain

    def _unstuck(self, future: asyncio.Future[Any]) -> None:
        self._stuck -= 1

    async def _beat(self) -> None:
        while True:
            faulthandler.dump_traceback_later(self.timeout_s + 10, exit=True)
            await asyncio.sleep(2)


class Scorer:
    """The ASGI application."""

    def __init__(self, model: Any, secret: str) -> None:
        self._model = model
        self._schema = model.metadata.get_input_schema()
        self._secret = secret.encode()
        self._endpoint = os.environ.get("BRICKYARD_ENDPOINT", "")
        self._used = (time.monotonic(), time.process_time())
        self._traces = _is_true("ENABLE_MLFLOW_TRACING")
        self._tells_id = _is_true("RETURN_REQUEST_ID_IN_RESPONSE")
        threads = int(os.environ.get("BRICKYARD_CONCURRENCY") or 4)
        self._workers = Workers(threads, float(os.environ.get(TIMEOUT) or TIMEOUT_S))
        self._routes = {
            ("GET", "/ping"): self._ping,
            ("GET", "/about"): self._about,
            ("GET", "/usage"): self._usage,
            ("POST", "/invocations"): self._invoke,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        route = self._routes.get((scope["method"], scope["path"]))
        if not hmac.compare_digest(headers.get(SECRET_HEADER, b""), self._secret):
            await _answer(send, 403, b"{}")
        elif route is None:
            await _answer(send, 404, b"{}")
        else:
            await route(headers, receive, send)

    async def _ping(self, headers: Any, receive: Any, send: Any) -> None:
        await _answer(send, 200, b"{}")

    async def _about(self, headers: Any, receive: Any, send: Any) -> None:
        metadata = self._model.metadata
        about = {
            "signature": metadata.signature.to_dict() if metadata.signature else None,
            "task": (metadata.metadata or {}).get("task"),
        }
        await _answer(send, 200, json.dumps(about).encode())

    async def _usage(self, headers: Any, receive: Any, send: Any) -> None:
        """Since the last time it was asked for."""
        was, now = self._used, (time.monotonic(), time.process_time())
        self._used = now
        cpu = 100 * (now[1] - was[1]) / max(now[0] - was[0], 0.001)
        used = {"cpu": cpu, "memory_bytes": _memory_bytes()}
        await _answer(send, 200, json.dumps(used).encode())

    async def _invoke(self, headers: Any, receive: Any, send: Any) -> None:
        kind = headers.get(b"content-type", b"application/json").decode("latin-1")
        id = headers.get(REQUEST_HEADER, b"").decode("latin-1") or str(uuid.uuid4())
        tag = Tag(id, headers.get(USER_TOKEN_HEADER, b"").decode("latin-1"))
        body = await _body(receive)
        try:
            request, options = _read(body, kind)
            if request is not None and request.get("stream") is True:
                self._require_streams()
                await self._stream(request, options, tag, receive, send)
                return
            data = body if request is None or not options else json.dumps(request).encode()
            working = self._workers.submit(self._score, data, kind, options, tag)
            done, _ = await asyncio.wait({working}, timeout=self._workers.timeout_s)
            if not done:
                self._workers.given_up(working)
                raise TimeoutError
            status, text, mimetype = working.result()
            await _answer(send, status, text.encode(), mimetype)
        except Exception as fault:
            status, text = self._error(fault)
            await _answer(send, status, text.encode())

    def _require_streams(self) -> None:
        if getattr(self._model, "_predict_stream_fn", self) is None:
            raise ValueError("this model does not support streaming: it has no predict_stream")

    def _score(self, body: bytes, kind: str, options: Any, tag: Tag) -> tuple[int, str, str]:
        from mlflow.pyfunc.scoring_server import invocations

        with self._context(tag):
            done = invocations(body, kind, self._model, self._schema)
        more = self._more(options, tag.id)
        if done.status >= 400:
            fault = {"error_code": "BAD_REQUEST", "message": done.response}
            return done.status, json.dumps(fault), "application/json"
        if more and done.mimetype == "application/json":
            answer = json.loads(done.response)
            if isinstance(answer, dict):
                return done.status, json.dumps(answer | more, default=str), done.mimetype
        return done.status, done.response, done.mimetype

    async def _stream(self, request: Any, options: Any, tag: Tag, receive: Any, send: Any) -> None:
        """Each item that the model yields, as one event; then `[DONE]`.

        One thread draws all of them: the model's generator may hold context variables. It stops
        when the reader goes, and waits for one that is slow.
        """
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[Any] = asyncio.Queue()
        room = threading.Semaphore(AHEAD)
        gone = threading.Event()

        def put(item: Any) -> None:
            loop.call_soon_threadsafe(items.put_nowait, item)

        def draw() -> None:
            try:
                with contextlib.closing(self._items(request, options, tag)) as drawn:
                    for item in drawn:
                        put(item)
                        room.acquire()
                        if gone.is_set():
                            return
                put(END)
            except Exception as fault:
                put(fault)

        working = self._workers.submit(draw)
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            item = await self._next(items, working, leaving)
            if isinstance(item, Exception):
                raise item
            headers = [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-cache"),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while item is not END:
                if isinstance(item, Exception):
                    await _event(send, json.dumps({"error": json.loads(self._error(item)[1])}))
                    break
                await _event(send, json.dumps(item, default=str))
                room.release()
                item = await self._next(items, working, leaving)
            await _event(send, "[DONE]")
            await send({"type": "http.response.body", "body": b""})
        except ConnectionResetError:
            pass
        finally:
            gone.set()
            room.release()
            leaving.cancel()

    async def _next(self, items: Any, working: Any, leaving: asyncio.Task[None]) -> Any:
        """What the model yields next; a TimeoutError instead when that takes too long."""
        getting = asyncio.ensure_future(items.get())
        try:
            done, _ = await asyncio.wait(
                {getting, leaving},
                timeout=self._workers.timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if getting in done:
                return getting.result()
            if leaving in done:
                raise ConnectionResetError
            self._workers.given_up(working)
            return TimeoutError()
        finally:
            getting.cancel()

    def _items(self, request: dict[str, Any], options: Any, tag: Tag) -> Generator[Any, None, None]:
        """What the model yields. Who asks for its trace gets that with the last item."""
        from mlflow.pyfunc.scoring_server import _parse_json_data

        parsed = _parse_json_data(json.dumps(request), self._model.metadata, self._schema)
        with self._context(tag):
            drawn = iter(self._model.predict_stream(parsed.data, parsed.params))
            if options.get("return_trace"):
                yield from self._with_trace(drawn, options, tag.id)
            elif self._tells_id:
                for item in drawn:
                    yield item | _told(tag.id) if isinstance(item, dict) else item
            else:
                yield from drawn

    def _with_trace(
        self, drawn: Iterator[Any], options: Any, id: str
    ) -> Generator[Any, None, None]:
        """The trace is complete when nothing more comes: each item waits for the next."""
        item = next(drawn, END)
        for following in drawn:
            yield item
            item = following
        if item is not END:
            yield item | self._more(options, id) if isinstance(item, dict) else item

    @contextlib.contextmanager
    def _context(self, tag: Tag) -> Iterator[None]:
        """Ties traces to this request and to the endpoint, and the SDK to who asked."""
        from mlflow.pyfunc.context import Context, set_prediction_context

        told = USER_TOKEN.set(tag.user_token) if tag.user_token else None
        try:
            with set_prediction_context(Context(request_id=tag.id, endpoint_name=self._endpoint)):
                yield
        finally:
            if told is not None:
                USER_TOKEN.reset(told)

    def _more(self, options: dict[str, Any], id: str) -> dict[str, Any]:
        """What the answer carries beside the model's own."""
        trace = None
        if self._traces:
            from mlflow.tracing.export.inference_table import pop_trace

            trace = pop_trace(id)
        if options.get("return_trace") and trace is not None:
            return _told(id, trace=trace)
        return _told(id) if self._tells_id or options.get("return_trace") else {}

    def _error(self, fault: Exception) -> tuple[int, str]:
        from mlflow.exceptions import MlflowException

        if isinstance(fault, Busy):
            said = "Too many requests wait for this model; try again later"
            return 429, _as_error("REQUEST_LIMIT_EXCEEDED", said)
        if isinstance(fault, TimeoutError):
            said = f"The model did not answer within {self._workers.timeout_s:g} s"
            return 504, _as_error("DEADLINE_EXCEEDED", said)
        traceback.print_exception(fault)
        if isinstance(fault, MlflowException):
            return fault.get_http_status_code(), fault.serialize_as_json()
        return 400, _as_error("BAD_REQUEST", f"{type(fault).__name__}: {fault}")


def _read(body: bytes, kind: str) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The request as an object, and its options, when it is one that has to be looked into."""
    has_options = b'"databricks_options"' in body
    if not kind.startswith("application/json") or not (has_options or b'"stream"' in body):
        return None, {}
    try:
        request = json.loads(body)
    except ValueError:
        return None, {}
    if not isinstance(request, dict):
        return None, {}
    options = request.pop("databricks_options", None)
    return request, options if isinstance(options, dict) else {}


def _told(id: str, **more: Any) -> dict[str, Any]:
    return {"databricks_output": {"databricks_request_id": id, **more}}


def _is_true(name: str) -> bool:
    return os.environ.get(name, "").lower() == "true"


def _as_error(code: str, message: str) -> str:
    return json.dumps({"error_code": code, "message": message})


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _event(send: Any, data: str) -> None:
    body = f"data: {data}\n\n".encode()
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _answer(send: Any, status: int, body: bytes, kind: str = "application/json") -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Any) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


if __name__ == "__main__":
    main()
