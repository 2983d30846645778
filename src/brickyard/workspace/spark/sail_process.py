"""One Sail engine that nobody but the gateway can talk to.

Run as a file: only `pysail` is imported here, and the file beside it for remote functions. Sail's
Spark Connect server knows no authentication, and its loopback port is open to every process of the
machine: code in a dev task that found the port of a prod engine could write through it. So the door
is shut behind the gateway: as soon as its one connection stands, this process gives up the right to
accept another on that socket (seccomp(2), which needs no privilege; Sail is told that nobody is
waiting). Whoever was quicker is noticed by the gateway, which counts the connections. The engine
ends when its one does.

Linux on x86-64 and ARM64 only; elsewhere the door stays open, and a line in the log says so.
"""

from __future__ import annotations

import ctypes
import errno
import importlib.util
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path

# machine: (its number in audit records, the system calls seccomp, accept, accept4)
MACHINES = {"x86_64": (0xC000003E, 317, 43, 288), "aarch64": (0xC00000B7, 277, 202, 242)}
PR_SET_NO_NEW_PRIVS = 38
SET_MODE_FILTER, ALL_THREADS = 1, 1
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # classic BPF: load a word, jump if equal, return
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
CALL_AT, MACHINE_AT, FIRST_ARGUMENT_AT = 0, 4, 16  # in seccomp_data, little-endian
ESTABLISHED = "01"
NOT_ACCEPTED = "0"  # has no inode yet
POLL_S = 0.005
WATCH_S = 2.0
CONNECT_S = 60.0


def main() -> None:
    threading.Thread(target=_guard, daemon=True).start()
    _know_remote_functions()
    from pysail.cli import main as serve

    sys.argv = [sys.argv[0], "spark", "server", "--ip", "127.0.0.1", "--port", "0"]
    serve()


def _know_remote_functions() -> None:
    """The module that functions run by the workspace refer to (functions/remote.py)."""
    place = Path(__file__).with_name("remote_calls.py")
    spec = importlib.util.spec_from_file_location("brickyard_remote", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[spec.name] = module


def _guard() -> None:
    """Shut the door behind the first connection; end with it."""
    try:
        fd, port = _listener()
        _wait_for_connection(port)
        _shut(fd)
    except Exception as fault:
        print(f"DOOR open: {fault or type(fault).__name__}", flush=True)
        return
    print("DOOR shut", flush=True)
    while connections(port):
        time.sleep(WATCH_S)
    os._exit(0)


def _listener() -> tuple[int, int]:
    """The descriptor that Sail listens on, and the port."""
    if not sys.platform.startswith("linux"):
        raise OSError(f"not available on {sys.platform}")
    deadline = time.monotonic() + CONNECT_S
    while time.monotonic() < deadline:
        for fd in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208
            if (port := _listening_port(fd)) is not None:
                return fd, port
        time.sleep(POLL_S)
    raise OSError("Sail does not listen")


def _listening_port(fd: int) -> int | None:
    try:
        copy = os.dup(fd)
    except OSError:
        return None
    try:
        found = socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return None
    with found:
        is_tcp = (found.family, found.type) == (socket.AF_INET, socket.SOCK_STREAM)
        if is_tcp and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return int(found.getsockname()[1])
    return None


def _wait_for_connection(port: int) -> None:
    deadline = time.monotonic() + CONNECT_S
    while not connections(port):
        if time.monotonic() > deadline:
            raise OSError("nobody connected")
        time.sleep(POLL_S)


def _shut(fd: int) -> None:
    """No thread of this process accepts on this descriptor again: there is nobody, it is told."""
    if os.uname().machine not in MACHINES:
        raise OSError(f"not available on {os.uname().machine}")
    machine, seccomp, accept, accept4 = MACHINES[os.uname().machine]
    program = (
        (LOAD, 0, 0, MACHINE_AT),
        (EQUAL, 0, 5, machine),
        (LOAD, 0, 0, CALL_AT),
        (EQUAL, 1, 0, accept),
        (EQUAL, 0, 2, accept4),
        (LOAD, 0, 0, FIRST_ARGUMENT_AT),
        (EQUAL, 1, 0, fd),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE | errno.EAGAIN),
    )
    steps = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    whole = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(steps)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.syscall(ctypes.c_long(seccomp), SET_MODE_FILTER, ALL_THREADS, whole) != 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def connections(port: int) -> int:
    """How many connections to this loopback port were accepted and stand."""
    with open("/proc/self/net/tcp") as table:  # noqa: PTH123
        rows = [line.split() for line in table.readlines()[1:]]
    here = [row for row in rows if row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED]
    return sum(row[9] != NOT_ACCEPTED for row in here)


if __name__ == "__main__":
    main()
