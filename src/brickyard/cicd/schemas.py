"""The providers' published schemas, as the `check-jsonschema` package ships them, offline.

It is an extra (`pip install "brickyard[ci]"`), as only this check needs it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from brickyard.cicd.model import Provider
from brickyard.cicd.providers import PROVIDERS
from brickyard.values import Diagnostic, Location, error


def is_available() -> bool:
    return find_spec("check_jsonschema") is not None


def check_schema(provider: Provider, path: Path, file: str) -> tuple[Diagnostic, ...]:
    """Where the file breaks its provider's schema; `file` is what the findings call it."""
    words = [*PROVIDERS[provider].schema, "-o", "json", str(path)]
    ended = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == 0:
        return ()
    try:
        said: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        said = {}
    # An error of a whole file is long and says little; the deepest one says where.
    errors = [one.get("best_deep_match") or one for one in said.get("errors", ())]
    faults = [f"{one['path']}: {one['message']}" for one in errors]
    faults += [str(one) for one in said.get("parse_errors", ())]
    return tuple(
        error(
            "ci/schema",
            "a pipeline breaks its provider's schema",
            fault[:600],
            at=(Location(file, 1, 1),),
        )
        for fault in faults or [ended.stderr.strip()[-600:] or "check-jsonschema failed"]
    )
