"""Runs one module of probes inside a client's environment: `runner.py PROBE RESULTS [FUNCTION]`.

Standard library only. A line of JSON for each function goes to RESULTS, as soon as it is known: a
process that dies loses only what it was at.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
PREFIX = "probe_"
DETAIL_CHARS = 3000


def main(path: str, results: str, only: str = "") -> None:
    sys.path.insert(0, str(HERE))
    spec = importlib.util.spec_from_file_location("probes_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with open(results, "a", buffering=1) as out:  # noqa: PTH123
        for name, function in list(vars(module).items()):
            if name.startswith(PREFIX) and only in ("", name):
                out.write(json.dumps(tried(name, function)) + "\n")


def tried(name: str, function: object) -> dict[str, object]:
    told = (getattr(function, "__doc__", None) or name.removeprefix(PREFIX)).splitlines()[0]
    at, detail = time.monotonic(), ""
    try:
        function()  # type: ignore[operator]
    except Exception:
        detail = traceback.format_exc()[-DETAIL_CHARS:]
    return {
        "function": name,
        "feature": told.rstrip("."),
        "works": not detail,
        "detail": detail,
        "seconds": round(time.monotonic() - at, 2),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
