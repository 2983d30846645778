"""Listening on this machine only."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A listening loopback socket on `port`, or on a free one when that is taken."""
    # With the protocol named, asyncio switches off Nagle's algorithm on what is accepted: an answer
    # written in two parts would wait 40 ms for the client's delayed acknowledgement otherwise.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.bind((LOOPBACK, 0))
    sock.listen(512)
    sock.set_inheritable(False)
    return sock


def free_port() -> int:
    """A port that nobody listens on now; another program may take it before its user does."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
