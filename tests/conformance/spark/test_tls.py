"""The door with TLS: the API and Spark Connect behind one port, for clients that insist on it."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

pytestmark = pytest.mark.slow

SPARK = """
import sys
from pyspark.sql.connect.session import SparkSession

spark = SparkSession.builder.remote(sys.argv[1]).create()
print(spark.sql("SELECT 6 * 7 AS answer").collect()[0].answer)
"""


@pytest.fixture
def host(workspace: Any) -> str:
    return str(workspace.addresses["dev"]["tls_host"])


@pytest.fixture
def authority(workspace: Any) -> Path:
    return Path(workspace.home, "run", "tls-ca.pem")


@pytest.mark.belief
def test_the_api_answers_who_trusts_its_certificate(
    workspace: Any, host: str, authority: Path
) -> None:
    headers = {"Authorization": f"Bearer {workspace.token('dev')}"}
    me = "/api/2.0/preview/scim/v2/Me"
    for name in (host, host.replace("localhost", "127.0.0.1")):
        found = requests.get(name + me, headers=headers, verify=str(authority), timeout=60)
        assert found.json()["userName"] == workspace.user("dev")
    assert requests.get(host + me, verify=str(authority), timeout=60).status_code == 401
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(host + me, headers=headers, verify=True, timeout=60)
    bundle = authority.with_name("tls-bundle.pem").read_bytes()
    assert bundle.endswith(authority.read_bytes())
    assert (workspace.home / "keys" / "tls.pem").stat().st_mode & 0o077 == 0


@pytest.mark.belief
@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["h2", "http/1.1"], "http/1.1"), (["h2"], "h2"), (["http/1.1"], "http/1.1"), ([], None)],
)
def test_only_a_client_without_http_1_is_taken_for_spark(
    host: str, authority: Path, offered: list[str], chosen: str | None
) -> None:
    context = ssl.create_default_context(cafile=authority)
    if offered:
        context.set_alpn_protocols(offered)
    place = (urlsplit(host).hostname, urlsplit(host).port)
    with (
        socket.create_connection(place, timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        assert wrapped.selected_alpn_protocol() == chosen


@pytest.mark.belief
def test_spark_connect_answers_at_the_same_port(
    workspace: Any, host: str, authority: Path, tmp_path: Path
) -> None:
    at = urlsplit(host).netloc
    program = tmp_path / "program.py"
    program.write_text(SPARK)
    variables = {
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authority),
        "SPARK_HOME": sys.prefix,  # the client looks for one; any will do
    }

    def asked(token: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(program), f"sc://{at}/;use_ssl=true;token={token}"],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    done = asked(workspace.token("dev"))
    assert done.stdout.split() == ["42"], done.stderr[-2000:]
    assert "UNAUTHENTICATED" in asked("dapi0123").stderr
