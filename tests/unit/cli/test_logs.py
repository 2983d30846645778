"""What `--debug` shows of an exchange, and what it must not; options in front of the verb."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from brickyard.cli.commands import options_behind
from brickyard.cli.failures import Refused
from brickyard.cli.logs import REDACTED, Log, redacted, start
from brickyard.deploy import http
from brickyard.deploy.http import Exchange


def shown(**exchange: Any) -> str:
    stream = io.StringIO()
    Log(stream, clock=lambda: datetime(2026, 1, 2, 3, 4, 5)).exchange(Exchange(**exchange))
    return stream.getvalue()


def test_request_and_answer_are_shown_with_time_and_status() -> None:
    text = shown(
        method="POST",
        target="/api/2.2/jobs/create",
        sent=b'{"name": "x"}',
        status=200,
        reason="OK",
        received=b'{"job_id": 1}',
        seconds=0.012,
    )
    assert text.startswith('03:04:05 Debug: POST /api/2.2/jobs/create\n> {\n>   "name": "x"\n> }\n')
    assert '< HTTP/1.1 200 OK (12 ms)\n< {\n<   "job_id": 1\n< } pid=' in text


@pytest.mark.parametrize(
    "name",
    [
        "token_value",
        "access_token",
        "client_secret",
        "openai_api_key_plaintext",
        "aws_secret_access_key",
        "string_value",
        "password",
        "connection_string",
    ],
)
def test_what_sounds_like_a_secret_is_not_shown(name: str) -> None:
    text = shown(method="POST", target="/x", sent=json.dumps({"a": [{name: "hunter2"}]}).encode())
    assert "hunter2" not in text
    assert REDACTED in text


def test_names_that_only_sound_like_secrets_are_shown() -> None:
    data = {"next_page_token": "p", "secret_scope": "s", "token_id": "1", "is_secret": True}
    assert redacted(data) == data


def test_values_of_secrets_and_contents_of_files_are_not_shown() -> None:
    put = shown(
        method="POST", target="/api/2.1/unity-catalog/secrets", sent=b'{"value": "hunter2"}'
    )
    assert "hunter2" not in put
    for target in (
        "/api/2.0/workspace-files/import-file/a.json?overwrite=true",
        "/api/2.0/workspace/export?path=/a",
        "/api/2.0/fs/files/Volumes/a",
    ):
        text = shown(method="POST", target=target, sent=b'{"k": "mine"}', received=b'{"k": "mine"}')
        assert "mine" not in text
        assert "> (13 bytes)" in text


def test_a_cut_connection_is_shown_too() -> None:
    assert "< connection refused" in shown(
        method="GET", target="/x", sent=None, error="connection refused"
    )


def test_the_environment_may_ask_for_a_log_and_cannot_break_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LISTENERS", [])
    options: dict[str, Any] = {"log_level": None, "log_file": None, "log_format": None}
    monkeypatch.setenv("DATABRICKS_LOG_LEVEL", "loud")
    start(debug=False, **options)
    assert http.LISTENERS == []
    monkeypatch.setenv("DATABRICKS_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("DATABRICKS_LOG_FORMAT", "JSON")
    monkeypatch.setenv("DATABRICKS_LOG_FILE", str(tmp_path / "log"))
    start(debug=False, **options)
    http.LISTENERS[0](Exchange(method="GET", target="/x", sent=None, status=200))
    http.LISTENERS[0].__self__.stream.close()  # type: ignore[attr-defined]
    line = json.loads((tmp_path / "log").read_text())
    assert (line["level"], line["msg"]) == ("DEBUG", "GET /x\n< HTTP/1.1 200 (0 ms)")
    with pytest.raises(Refused, match="log: no such file or directory"):
        start(debug=True, **(options | {"log_file": str(tmp_path / "no" / "log")}))


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (["-t", "dev", "deploy", "--force"], ["deploy", "-t", "dev", "--force"]),
        (["--target=dev", "--debug", "plan"], ["plan", "--target=dev", "--debug"]),
        (["deploy", "-t", "dev"], ["deploy", "-t", "dev"]),
        (["--help", "deploy"], ["--help", "deploy"]),
        (["-t", "dev"], ["-t", "dev"]),
        ([], []),
    ],
)
def test_shared_options_may_stand_before_the_verb(given: list[str], taken: list[str]) -> None:
    assert options_behind(given, own={"-h", "--help"}) == taken
