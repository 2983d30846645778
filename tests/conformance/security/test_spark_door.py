"""Sail knows no authentication: nobody but the gateway may talk to an engine that runs."""

from __future__ import annotations

import re
import socket
import sys
from typing import Any

import pytest

HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
PORT = re.compile(r"Starting the Spark Connect server on 127\.0\.0\.1:(\d+)")


def greeted(port: int) -> bool:
    """Whether whoever listens there answers HTTP/2, which gRPC speaks."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(HELLO)
        sock.settimeout(1.5)
        try:
            return bool(sock.recv(1))
        except TimeoutError:
            return False


@pytest.mark.belief
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the door can be shut on Linux only")
def test_an_engine_of_prod_answers_no_process_that_found_its_port(workspace: Any) -> None:
    client = workspace.client("prod")
    warehouse = next(iter(client.warehouses.list())).id

    def ask() -> Any:
        done = client.statement_execution.execute_statement(
            warehouse_id=warehouse, statement="select 40 + 2", wait_timeout="30s"
        )
        return done.result.data_array

    assert ask() == [["42"]]
    logs = [path.read_text() for path in (workspace.home / "logs" / "spark").glob("prod-*.log")]
    ports = [int(found[1]) for log in logs if (found := PORT.search(log))]
    assert ports
    assert all("DOOR shut" in log for log in logs)
    assert not any(greeted(port) for port in ports)
    assert ask() == [["42"]]


@pytest.mark.belief
def test_the_probe_would_notice_an_open_door(workspace: Any) -> None:
    """The gateway itself greets everybody, and then asks for a token."""
    import json

    client = workspace.client("dev")
    warehouse = next(iter(client.warehouses.list())).id
    client.statement_execution.execute_statement(warehouse_id=warehouse, statement="select 1")
    address = json.loads((workspace.home / "run" / "spark-connect.json").read_text())
    assert greeted(address["port"])
