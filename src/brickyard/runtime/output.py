"""Standard output of a task: streamed line by line, with secret values replaced.

A value read through `dbutils.secrets` never reaches the log, the error or the result as it is.
Values shorter than four characters are left alone: replacing them would hide half the output.
"""

from __future__ import annotations

import html
import io
import re
import sys
from typing import Any, TextIO

REDACTED = "[REDACTED]"
SHORTEST = 4
SHOWN_ROWS = 100

_secrets: set[str] = set()


def remember_secret(value: str) -> None:
    for part in (value, value.strip()):
        if len(part) >= SHORTEST:
            _secrets.add(part)


def redacted(text: str) -> str:
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


class RedactingStream(io.TextIOBase):
    """Text goes out when its line is complete, so that no secret slips through in two halves."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._pending = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._out.encoding

    def fileno(self) -> int:
        return self._out.fileno()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._pending += text
        complete, newline, rest = self._pending.rpartition("\n")
        if newline:
            self._pending = rest
            self._out.write(redacted(complete) + newline)
            self._out.flush()
        return len(text)

    def flush(self) -> None:
        """Unfinished lines go out too, unless a secret could be cut in two."""
        if self._pending and not _secrets:
            self._out.write(self._pending)
            self._pending = ""
        self._out.flush()

    def finish(self) -> None:
        self._out.write(redacted(self._pending))
        self._pending = ""
        self._out.flush()


def install() -> None:
    sys.stdout = RedactingStream(sys.stdout)
    sys.stderr = RedactingStream(sys.stderr)


def finish() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, RedactingStream):
            stream.finish()


def display(value: Any = None, *_more: Any, **_options: Any) -> None:
    """Show a table, figure or value as text in the task's log."""
    kind = type(value)
    if kind.__module__.startswith("pyspark.") and hasattr(value, "toPandas"):
        value = value.limit(SHOWN_ROWS).toPandas()
    elif kind.__name__ == "Row" or (
        isinstance(value, list) and value and hasattr(value[0], "asDict")
    ):
        value = [row.asDict() for row in (value if isinstance(value, list) else [value])]
    if type(value).__module__.startswith("pandas.") and hasattr(value, "to_string"):
        print(value.head(SHOWN_ROWS).to_string())
    elif type(value).__module__.startswith("matplotlib."):
        print(f"<{type(value).__name__}: figures are not drawn in the log>")
    elif type(value).__module__ == "builtins" or not hasattr(value, "_repr_html_"):
        print(value if isinstance(value, str) else repr(value))
    else:
        display_html(value._repr_html_())


def display_html(text: str) -> None:
    """HTML as its text: the log has no browser."""
    bare = re.sub(r"(?is)<(script|style).*?</\1>", "", str(text))
    bare = html.unescape(re.sub(r"<[^>]+>", " ", bare))
    print(re.sub(r"[ \t]*\n\s*", "\n", re.sub(r"[ \t]+", " ", bare)).strip())
