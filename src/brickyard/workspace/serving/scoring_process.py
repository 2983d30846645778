"""One served model: MLflow's scoring code behind a unix socket, in the model's own environment.

Run as a file, not as a module: nothing of Brickyard is imported here, only `mlflow` and `uvicorn`.
Input and output are those of MLflow's scoring server (`mlflow.pyfunc.scoring_server`), whose
functions do the work; on top come streaming (server-sent events for `"stream": true` when the model
has `predict_stream`), and a secret that every caller must know.

Environment: BRICKYARD_MODEL (folder), BRICKYARD_SOCKET, BRICKYARD_SECRET.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import sys
import threading
import time
import traceback
from typing import Any

SECRET_HEADER = b"x-brickyard-secret"
END = object()


def main() -> None:
    folder, socket = os.environ["BRICKYARD_MODEL"], os.environ["BRICKYARD_SOCKET"]
    secret = os.environ.pop("BRICKYARD_SECRET")
    started = time.monotonic()
    os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = "true"
    import uvicorn
    from mlflow.pyfunc import scoring_server

    imported = time.monotonic()
    _set_tracing()
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


def _set_tracing() -> None:
    """Traces go to the endpoint's experiment; with none named there is nowhere to put them."""
    import mlflow

    named = os.environ.get("MLFLOW_EXPERIMENT_ID") or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if not named or os.environ.get("ENABLE_MLFLOW_TRACING", "true").lower() == "false":
        mlflow.tracing.disable()


class Scorer:
    """The ASGI application."""

    def __init__(self, model: Any, secret: str) -> None:
        self._model = model
        self._schema = model.metadata.get_input_schema()
        self._secret = secret.encode()
        self._routes = {
            ("GET", "/ping"): self._ping,
            ("GET", "/about"): self._about,
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
            kind = headers.get(b"content-type", b"application/json").decode("latin-1")
            await route(await _body(receive), kind, send)

    async def _ping(self, body: bytes, kind: str, send: Any) -> None:
        await _answer(send, 200, b"{}")

    async def _about(self, body: bytes, kind: str, send: Any) -> None:
        metadata = self._model.metadata
        signature = metadata.signature.to_dict() if metadata.signature else None
        about = {"signature": signature, "task": (metadata.metadata or {}).get("task")}
        await _answer(send, 200, json.dumps(about).encode())

    async def _invoke(self, body: bytes, kind: str, send: Any) -> None:
        try:
            if (request := _stream_request(body, kind)) is not None:
                await self._stream(request, send)
                return
            status, text, mimetype = await asyncio.to_thread(self._score, body, kind)
            await _answer(send, status, text.encode(), mimetype)
        except Exception as fault:
            status, text = _error(fault)
            await _answer(send, status, text.encode())

    def _score(self, body: bytes, kind: str) -> tuple[int, str, str]:
        from mlflow.pyfunc.scoring_server import invocations

        done = invocations(body, kind, self._model, self._schema)
        if done.status >= 400:
            fault = {"error_code": "BAD_REQUEST", "message": done.response}
            return done.status, json.dumps(fault), "application/json"
        return done.status, done.response, done.mimetype

    async def _stream(self, request: dict[str, Any], send: Any) -> None:
        """Each item that the model yields, as one event; then `[DONE]`.

        One thread draws all of them: the model's generator may hold context variables.
        """
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[Any] = asyncio.Queue()
        gone = threading.Event()

        def put(item: Any) -> None:
            loop.call_soon_threadsafe(items.put_nowait, item)

        def draw() -> None:
            try:
                for item in self._items(request):
                    put(item)
                    if gone.is_set():
                        return
                put(END)
            except Exception as fault:
                put(fault)

        threading.Thread(target=draw, daemon=True).start()
        item = await items.get()
        if isinstance(item, Exception):
            raise item
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            while item is not END:
                if isinstance(item, Exception):
                    await _event(send, json.dumps({"error": json.loads(_error(item)[1])}))
                    break
                await _event(send, json.dumps(item, default=str))
                item = await items.get()
            await _event(send, "[DONE]")
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.set()

    def _items(self, request: dict[str, Any]) -> Any:
        from mlflow.pyfunc.scoring_server import _parse_json_data

        parsed = _parse_json_data(json.dumps(request), self._model.metadata, self._schema)
        return self._model.predict_stream(parsed.data, parsed.params)


def _stream_request(body: bytes, kind: str) -> dict[str, Any] | None:
    """The request as an object when it asks for a stream, else None."""
    if not kind.startswith("application/json") or b'"stream"' not in body:
        return None
    try:
        request = json.loads(body)
    except ValueError:
        return None
    return request if isinstance(request, dict) and request.get("stream") is True else None


def _error(fault: Exception) -> tuple[int, str]:
    from mlflow.exceptions import MlflowException

    traceback.print_exc()
    if isinstance(fault, MlflowException):
        return fault.get_http_status_code(), fault.serialize_as_json()
    message = f"{type(fault).__name__}: {fault}"
    return 400, json.dumps({"error_code": "BAD_REQUEST", "message": message})


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
