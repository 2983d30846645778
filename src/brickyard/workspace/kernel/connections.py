"""Connections that are kept to other servers, and requests over them (`exchange.py`).

TCP and TLS by address, a proxy where the environment names one, or one unix socket. Redirects are
not followed, cookies not kept.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from brickyard.workspace.kernel.exchange import BrokenOff, Connection, Response

KEEP_S: Final = 60.0
NEXT_ADDRESS_S: Final = 0.25  # after which another address of the same name is tried, too
PROXY_HEAD_BYTES: Final = 16 * 1024
REMEMBERED: Final = 256  # heads of requests


class Unreachable(Exception):
    """Nothing was sent: there is no connection."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests of one kind go."""

    host: str
    port: int
    is_secure: bool
    proxy: str = ""

    @property
    def is_relayed(self) -> bool:
        """Whether a proxy reads the requests, and passes them on."""
        return bool(self.proxy) and not self.is_secure


class Connections:
    """Belongs to one event loop."""

    def __init__(self, socket_path: Path | None = None, *, agent: str = "brickyard") -> None:
        self._socket_path = socket_path
        self._agent = agent
        self._prepared = functools.lru_cache(maxsize=REMEMBERED)(self._prepare)
        self._idle: dict[Place, list[Connection]] = {}

    def close(self) -> None:
        """End those that nobody uses."""
        idle, self._idle = self._idle, {}
        for kept in idle.values():
            for one in kept:
                one.end()

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        connect_s: float,
        read_s: float,
        total_s: float | None = None,
        again: bool = False,
    ) -> Response:
        """The answer, as soon as its head is there.

        With `again` a request goes out once more when a kept connection ends without a byte of an
        answer: a server may close one that it thinks idle just then. Raises Unreachable, BrokenOff,
        TimeoutError, and ValueError for an address or a header that HTTP cannot carry.
        """
        place, head = self._prepared(method, url, tuple(headers.items()))
        until = time.monotonic() + total_s if total_s is not None else None
        request = b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        kept = self._kept(place)
        if kept is not None:
            try:
                return await kept.ask(request, read_s, until)
            except BrokenOff as fault:
                if fault.has_begun or not again:
                    raise
        fresh = await self._open(place, connect_s)
        return await fresh.ask(request, read_s, until)

    def _prepare(
        self, method: str, url: str, headers: tuple[tuple[str, str], ...]
    ) -> tuple[Place, bytes]:
        """Where a request goes, and its head but for its length."""
        place, target, named = _address(url)
        if place.is_relayed:
            headers += tuple(_login(place.proxy).items())
        lines = [f"{method} {target} HTTP/1.1", f"Host: {named}", f"User-Agent: {self._agent}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = "".join(f"{line}\r\n" for line in lines)
        if not head.count("\n") == head.count("\r") == len(lines):
            raise ValueError("a header or an address has a line break")
        return place, head.encode("latin-1")

    def _kept(self, place: Place) -> Connection | None:
        idle = self._idle.get(place)
        while idle:
            one = idle.pop()
            if not one.is_open or one.transport.is_closing():
                continue
            if time.monotonic() - one.idle_since < KEEP_S:
                return one
            one.end()
        return None

    async def _open(self, place: Place, connect_s: float) -> Connection:
        free = functools.partial(self._free, place)
        try:
            async with asyncio.timeout(connect_s):
                return await self._connected(place, lambda: Connection(free))
        except TimeoutError:
            raise Unreachable(f"no connection within {connect_s:g} s") from None
        except (OSError, RuntimeError) as fault:
            raise Unreachable(str(fault)) from None

    async def _connected(self, place: Place, make: Callable[[], Connection]) -> Connection:
        loop = asyncio.get_running_loop()
        if self._socket_path is not None:
            _, found = await loop.create_unix_connection(make, str(self._socket_path))
            return found
        options: dict[str, Any] = {}
        if place.is_secure:
            options = {"ssl": _trusted(), "server_hostname": place.host}
        sock = await (_through(place) if place.proxy else _to(place.host, place.port))
        _, found = await loop.create_connection(make, sock=sock, **options)
        return found

    def _free(self, place: Place, one: Connection) -> None:
        idle = self._idle.setdefault(place, [])
        if idle and one.idle_since - idle[0].idle_since > KEEP_S:
            idle.pop(0).end()
        idle.append(one)


def _address(url: str) -> tuple[Place, str, str]:
    """Where a request goes, what it asks for there, and the name it gives the place."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a server")
    is_secure = parts.scheme == "https"
    port = parts.port or (443 if is_secure else 80)
    place = Place(parts.hostname, port, is_secure, _proxy(parts))
    named = parts.netloc.rpartition("@")[2]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if place.is_relayed:
        target = f"http://{named}{target}"
    return place, target.replace(" ", "%20"), named


def _proxy(parts: SplitResult) -> str:
    """The proxy for an address, as the environment of this process says."""
    found = getproxies_environment().get(parts.scheme, "")
    if not found or proxy_bypass_environment(parts.hostname or ""):
        return ""
    return found if "//" in found else f"http://{found}"


def _login(proxy: str) -> dict[str, str]:
    """The header with a proxy's user and password, where its address has them."""
    parts = urlsplit(proxy)
    if not parts.username:
        return {}
    known = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(known).decode()}"}


@functools.cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _to(host: str, port: int) -> socket.socket:
    """A connected socket: to the first of the host's addresses that answers."""
    import aiohappyeyeballs

    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    sock = await aiohappyeyeballs.start_connection(
        found, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1, loop=loop
    )
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


async def _through(place: Place) -> socket.socket:
    """A socket to the place's proxy; a tunnel through it for TLS."""
    proxy = urlsplit(place.proxy)
    sock = await _to(proxy.hostname or "", proxy.port or 80)
    if not place.is_secure:
        return sock
    where = f"{place.host}:{place.port}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    lines += [f"{name}: {value}" for name, value in _login(place.proxy).items()]
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(sock, "\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            more = await loop.sock_recv(sock, 1)  # not a byte of what comes after the head
            if not more or len(head) > PROXY_HEAD_BYTES:
                raise OSError("the proxy ended the connection")
            head += more
        status = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        if len(status) < 2 or status[1] != "200":
            raise OSError(f"the proxy answered {' '.join(status[1:])}")
    except BaseException:
        sock.close()
        raise
    return sock
