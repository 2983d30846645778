"""`--debug` and `--log-level`, `--log-file`, `--log-format`: what is asked of the workspace.

Requests and answers are shown from level debug on, without headers. A value whose name sounds like
a secret is not shown, nor is any content of files. Options and variables are the official CLI's.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from brickyard.cli.failures import Refused

if TYPE_CHECKING:
    from brickyard.deploy.http import Exchange

LEVELS: Final = ("trace", "debug", "info", "warn", "error", "disabled")
FORMATS: Final = ("text", "json")
STREAMS: Final = ("stderr", "stdout")
REDACTED: Final = "**REDACTED**"
SECRET: Final = re.compile(
    r"token|secret|password|passwd|pwd|plaintext|private_?key|access_?key|api_?key|credential"
    r"|string_value|bytes_value|authorization|signature|connection_string",
    re.IGNORECASE,
)
# Names that only sound like it.
OPEN: Final = re.compile(r"(page_?token|_(scope|id|type|name|key_name)s?)$", re.IGNORECASE)
# What is written to and read from these is a user's own content.
CONTENT: Final = ("/workspace-files/", "/workspace/export", "/workspace/import", "/fs/files")
LONGEST: Final = 1000

_DEBUG = click.option("--debug", is_flag=True, help="Show requests and answers on stderr.")
_LEVEL = click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False), hidden=True)
_FILE = click.option("--log-file", hidden=True)
_FORMAT = click.option(
    "--log-format", type=click.Choice(FORMATS, case_sensitive=False), hidden=True
)
OPTIONS: Final = (_FORMAT, _FILE, _LEVEL, _DEBUG)


def start(
    *, debug: bool, log_level: str | None, log_file: str | None, log_format: str | None
) -> None:
    """Begin to log what the options ask for, or without them the environment."""
    level = "debug" if debug else log_level or _from_environment("LEVEL", LEVELS) or "warn"
    file = log_file or os.environ.get("DATABRICKS_LOG_FILE") or "stderr"
    if LEVELS.index(level) > LEVELS.index("debug"):
        if file.lower() not in STREAMS:
            _opened(file).close()  # it is made even if nothing is logged
        return
    from brickyard.deploy.http import LISTENERS

    format = log_format or _from_environment("FORMAT", FORMATS)
    log = Log(_opened(file), is_json=format == "json")
    LISTENERS[:] = [log.exchange]


def _from_environment(name: str, known: Sequence[str]) -> str | None:
    """A setting of the environment; an unknown word is ignored, as officially."""
    word = os.environ.get(f"DATABRICKS_LOG_{name}", "").lower()
    return word if word in known else None


@dataclass(slots=True)
class Log:
    """Writes exchanges to a stream, whole lines at a time."""

    stream: TextIO
    is_json: bool = False
    clock: Callable[[], datetime] = datetime.now
    lock: Any = None

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    def exchange(self, seen: Exchange) -> None:
        text = "\n".join(_lines(seen))
        now = self.clock()
        if self.is_json:
            line = {
                "time": now.astimezone().isoformat(),
                "level": "DEBUG",
                "msg": text,
                "pid": os.getpid(),
            }
            text = json.dumps(line, ensure_ascii=False)
        else:
            text = f"{now:%H:%M:%S} Debug: {text} pid={os.getpid()}"
        with self.lock:
            print(text, file=self.stream, flush=True)


def redacted(data: Any, *, all_values: bool = False) -> Any:
    """The same data without what sounds like a secret; `all_values`: nor anything called value."""
    if isinstance(data, Mapping):
        return {
            name: REDACTED
            if _is_secret(str(name), item, all_values=all_values)
            else redacted(item, all_values=all_values)
            for name, item in data.items()
        }
    if isinstance(data, list):
        return [redacted(item, all_values=all_values) for item in data]
    if isinstance(data, str) and len(data) > LONGEST:
        return f"{data[:LONGEST]}... ({len(data) - LONGEST} more characters)"
    return data


def _is_secret(name: str, item: object, *, all_values: bool) -> bool:
    if not isinstance(item, str | int | float) or isinstance(item, bool) or item == "":
        return False
    if all_values and name in ("value", "effective_value"):
        return True
    return SECRET.search(name) is not None and OPEN.search(name) is None


def _lines(seen: Exchange) -> list[str]:
    lines = [f"{seen.method} {seen.target}"]
    is_content = any(mark in seen.target for mark in CONTENT)
    is_secret = "secret" in seen.target
    lines += _body("> ", seen.sent, is_content=is_content, is_secret=is_secret)
    if seen.error:
        return [*lines, f"< {seen.error}"]
    reason = f"{seen.status} {seen.reason}".strip()
    lines.append(f"< HTTP/1.1 {reason} ({seen.seconds * 1000:.0f} ms)")
    return lines + _body("< ", seen.received, is_content=is_content, is_secret=is_secret)


def _body(mark: str, body: bytes | None, *, is_content: bool, is_secret: bool) -> list[str]:
    if not body:
        return []
    try:
        data = None if is_content else json.loads(body)
    except ValueError:
        data = None
    if data is None:
        return [f"{mark}({len(body)} bytes)"]
    text = json.dumps(redacted(data, all_values=is_secret), indent=2, ensure_ascii=False)
    return [f"{mark}{line}" for line in text.splitlines()]


def _opened(name: str) -> TextIO:
    if name.lower() in STREAMS:
        stream: TextIO = getattr(sys, name.lower())
        return stream
    try:
        return Path(name).open("a", encoding="utf-8")  # for the life of the process
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Refused(f"open {name}: {why}") from error
