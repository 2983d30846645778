"""The doors of the apps: a loopback port each, with one event loop behind all of them.

An app has a port of its own because most frameworks cannot live below a path. Ports are opened at
once and quickly; what serves them is imported in its own thread, when the first one is open.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from brickyard.workspace.kernel.loopback import listen

Serve = Callable[[str, Any], Awaitable[Any]]  # (key, aiohttp request) -> aiohttp response
STOP_WAIT_S = 5.0


class Front:
    """Thread-safe. `serve` answers the requests of every door, in the front's own event loop."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runners: dict[str, Any] = {}
        self._sockets: dict[str, socket.socket] = {}
        self.closing: list[Callable[[], Awaitable[None]]] = []  # awaited when the loop ends

    def open(self, key: str, port: int) -> int:
        """Open a door on `port`, or on another one when that is taken; which one it is."""
        sock = listen(port)
        with self._lock:
            self._sockets[key] = sock
            loop = self._running_loop()
        asyncio.run_coroutine_threadsafe(self._put_up(key, sock), loop)
        return int(sock.getsockname()[1])

    def close(self, key: str) -> None:
        """Nobody answers there afterwards."""
        with self._lock:
            loop, sock = self._loop, self._sockets.pop(key, None)
        if loop is not None and sock is not None:
            self._wait(asyncio.run_coroutine_threadsafe(self._take_down(key), loop))
            sock.close()

    def stop(self) -> None:
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = None
        if loop is None or thread is None:
            return
        self._wait(asyncio.run_coroutine_threadsafe(self._take_all_down(), loop))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_WAIT_S)
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_run, args=(loop,), name="apps", daemon=True)
            self._thread.start()
        return self._loop

    async def _put_up(self, key: str, sock: socket.socket) -> None:
        from aiohttp import web

        async def answer(request: web.Request) -> web.StreamResponse:
            response: web.StreamResponse = await self._serve(key, request)
            return response

        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1,
            handler_cancellation=True,
        )
        await runner.setup()
        if self._sockets.get(key) is not sock:
            return  # closed meanwhile
        self._runners[key] = runner
        await web.SockSite(runner, sock).start()

    async def _take_down(self, key: str) -> None:
        runner = self._runners.pop(key, None)
        if runner is not None:
            await runner.cleanup()

    async def _take_all_down(self) -> None:
        await asyncio.gather(*(self._take_down(key) for key in tuple(self._runners)))
        for close in self.closing:
            await close()

    @staticmethod
    def _wait(done: Any) -> None:
        try:
            done.result(STOP_WAIT_S)
        except TimeoutError:
            pass


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()
