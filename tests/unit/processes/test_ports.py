"""Children with ports of their own: the same number twice on one machine."""

from __future__ import annotations

import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest

from brickyard.workspace.kernel.loopback import free_port
from brickyard.workspace.processes import Child, Launch, Mounts, has_own_ports, start

pytestmark = pytest.mark.skipif(not has_own_ports(), reason="the kernel gives no such view")
SERVER = """
import http.server, sys
class Say(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(sys.argv[1].encode())
http.server.ThreadingHTTPServer((sys.argv[2], 8000), Say).serve_forever()
"""


def launched(folder: Path, code: str, *words: str, port: int, sandboxed: bool = True) -> Child:
    (folder / "home").mkdir(parents=True, exist_ok=True)
    return start(
        Launch(
            command=[sys.executable, "-I", "-S", "-c", textwrap.dedent(code), *words],
            cwd=folder,
            environment={},
            log=folder / "log",
            mounts=Mounts(home=folder / "home") if sandboxed else None,
            ports={8000: port},
        )
    )


def read(port: int) -> str:
    give_up_at = time.monotonic() + 60
    while True:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30).read().decode()
        except OSError:
            assert time.monotonic() < give_up_at
            time.sleep(0.05)


@pytest.mark.parametrize("sandboxed", [True, False])
def test_two_children_have_port_8000_at_once(tmp_path: Path, sandboxed: bool) -> None:
    ports = {"one": free_port(), "two": free_port()}
    children = []
    for (name, port), host in zip(ports.items(), ("0.0.0.0", ""), strict=True):
        folder = tmp_path / name
        folder.mkdir()
        child = launched(folder, SERVER, name, host, port=port, sandboxed=sandboxed)
        children.append(child)
    try:
        assert {name: read(port) for name, port in ports.items()} == {"one": "one", "two": "two"}
    finally:
        for child in children:
            child.kill()
            child.wait(60)


def test_a_child_reaches_its_own_ports_by_their_numbers(tmp_path: Path) -> None:
    code = """
    import asyncio, os, socket, subprocess, sys

    served = {}
    async def greet(reader, writer):
        writer.write(b"hello"); await writer.drain(); writer.close()
    async def ask(host, port):
        reader, writer = await asyncio.open_connection(host, port)
        data = await reader.read(); writer.close()
        return data
    async def main():
        for host, port in (("0.0.0.0", 8000), ("127.0.0.1", 3000), ("::1", 3001), (None, 3002)):
            await asyncio.start_server(greet, host, port)
        for host, port in (
            ("127.0.0.1", 8000), ("localhost", 8000), ("localhost", 3000), ("::1", 3001),
            ("127.0.0.1", 3002), ("localhost", 3002),
        ):
            assert await ask(host, port) == b"hello", (host, port)
        below = "import socket; print(socket.create_connection(('127.0.0.1', 3000), 60).recv(9))"
        one = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", below, stdout=subprocess.PIPE)
        assert (await one.communicate())[0].strip() == b"b'hello'"
        dual = socket.create_server(("", 3003), family=socket.AF_INET6, dualstack_ipv6=True)
        assert socket.create_connection(("127.0.0.1", 3003), 60)
        assert socket.create_connection(("::1", 3003), 60)
        try:
            socket.create_server(("127.0.0.1", 3000))
        except OSError as fault:
            print("taken", fault.errno)
        try:
            socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
        except OSError as fault:
            print("refused", fault.errno)
        free = socket.create_server(("127.0.0.1", 0))
        assert socket.create_connection(free.getsockname(), 60)
        datagrams = socket.socket(type=socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", int(sys.argv[1])))
        assert datagrams.getsockname()[1] == int(sys.argv[1])
    asyncio.run(main())
    print("done")
    """
    child = launched(tmp_path, code, str(free_port()), port=free_port())
    try:
        code_of_end = child.wait(120)
        log = (tmp_path / "log").read_text()
        assert code_of_end == 0, log
    finally:
        child.kill()
        child.wait(60)
    lines = log.splitlines()
    assert lines[-3:] == ["taken 98", "refused 111", "done"]
    assert sum(line.startswith("[brickyard] port 3000 of this process is ") for line in lines) == 1
    assert not any("port 8000" in line for line in lines)


def test_a_caller_that_is_killed_while_it_waits_stops_nobody_else(tmp_path: Path) -> None:
    code = """
    import socket, subprocess, sys

    hurry = "import socket\\nwhile True: socket.socket().connect_ex(('127.0.0.1', 8000))"
    server = socket.create_server(("127.0.0.1", 8000))
    for _ in range(20):
        one = subprocess.Popen([sys.executable, "-I", "-S", "-c", hurry])
        server.accept()
        one.kill()
        one.wait()
    assert socket.create_connection(("127.0.0.1", 8000), 60)
    """
    child = launched(tmp_path, code, port=free_port())
    try:
        assert child.wait(120) == 0, (tmp_path / "log").read_text()
    finally:
        child.kill()
        child.wait(60)
