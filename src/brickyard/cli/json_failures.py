"""With `-o json`, a command that fails says so in JSON too: one object on stdout.

    {"error": "dev has no release 7; it has 2", "exit_code": 1, "findings": []}

Only where the command printed nothing itself: a report that is complete and ends with exit code 1
stays as it is. The verbs of a bundle are left alone: scripts know from the official CLI that their
stdout is empty then. People read stderr, which has the same in words.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import pairwise
from typing import Any, Final

WORDS: Final = ("-o", "--output")
NAMES_JSON: Final = frozenset({"-ojson", "-o=json", "--output=json"})
VARIABLE: Final = "DATABRICKS_OUTPUT_FORMAT"
_errors: ContextVar[list[str] | None] = ContextVar("errors said", default=None)
_findings: ContextVar[list[dict[str, Any]] | None] = ContextVar("findings shown", default=None)


def hear_error(message: str) -> None:
    """What was said to people, for the object."""
    heard = _errors.get()
    if heard is not None:
        heard.append(message)


def hear_finding(found: dict[str, Any]) -> None:
    heard = _findings.get()
    if heard is not None and found not in heard:
        heard.append(found)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for JSON; what comes after `--` is somebody else's."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    asked = [after for word, after in pairwise(own) if word in WORDS]
    if asked:
        return asked[-1] == "json"
    return not NAMES_JSON.isdisjoint(own) or os.environ.get(VARIABLE) == "json"


def with_json_failures(work: Callable[[], int]) -> int:
    """Do the work, which returns an exit code and has said what went wrong."""
    errors: list[str] = []
    findings: list[dict[str, Any]] = []
    marks = _errors.set(errors), _findings.set(findings)
    real, watched = sys.stdout, _Watched(sys.stdout)
    sys.stdout = watched
    try:
        code = work()
    finally:
        sys.stdout = real
        _errors.reset(marks[0])
        _findings.reset(marks[1])
    if code and not watched.has_written:
        found = {"error": "\n".join(errors), "exit_code": code, "findings": findings}
        print(json.dumps(found, indent=2), flush=True)
    return code


class _Watched:
    """A stream that knows whether anything was written to it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.has_written = False

    def write(self, text: str) -> int:
        self.has_written = self.has_written or bool(text)
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
