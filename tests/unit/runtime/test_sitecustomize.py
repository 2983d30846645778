"""The SQL connector in a process of the workspace: where a host name leads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import brickyard

SITE = Path(brickyard.__file__).parent / "runtime" / "site"
CLIENT = """
class Connection:
    def __init__(self, server_hostname, http_path, access_token=None, **options):
        self.uri = options.get("_connection_uri")

def connect(*given, **options):
    return Connection(*given, **options)
"""
HOST = "http://127.0.0.1:8471"


def where(tmp_path: Path, call: str, host: str = HOST) -> str:
    """The address that a connection of a program goes to, beside a `sitecustomize` of its own."""
    folder = tmp_path / "packages"
    package = folder / "databricks" / "sql"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from databricks.sql.client import connect\n")
    (package / "client.py").write_text(CLIENT)
    (folder / "sitecustomize.py").write_text("print('own')\n")
    program = "import sys; assert not any(n.startswith('databricks') for n in sys.modules)\n"
    program += f"from databricks import sql; print(sql.connect({call}).uri)"
    search = os.pathsep.join((str(SITE), str(folder)))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": search, "DATABRICKS_HOST": host, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    own, uri = done.stdout.split()
    assert own == "own"
    return uri


@pytest.mark.parametrize(
    ("call", "uri"),
    [
        ("server_hostname='http://127.0.0.1:8471', http_path='/sql/1.0/w'", f"{HOST}/sql/1.0/w"),
        ("server_hostname='127.0.0.1:8471', http_path='sql/1.0/w'", f"{HOST}/sql/1.0/w"),
        ("'127.0.0.1', '/sql/1.0/w', 'token'", f"{HOST}/sql/1.0/w"),
        ("'https://127.0.0.1:8471/', '/w'", f"{HOST}/w"),
        ("'elsewhere.cloud.databricks.com', '/w'", "None"),
        ("'127.0.0.1', '/w', use_sea=True", "None"),
        ("'127.0.0.1', '/w', _connection_uri='mine'", "mine"),
    ],
)
def test_the_workspaces_host_is_found(tmp_path: Path, call: str, uri: str) -> None:
    assert where(tmp_path, call) == uri


def test_nothing_changes_on_databricks(tmp_path: Path) -> None:
    host = "https://one.cloud.databricks.com"
    assert where(tmp_path, "'one.cloud.databricks.com', '/w'", host) == "None"
