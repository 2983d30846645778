"""The bundle room starts without anything slow, and resolves large bundles quickly."""

from __future__ import annotations

import subprocess
import sys

SLOW = ("databricks", "mlflow", "sqlglot", "pandas", "aiohttp", "pathspec", "sqlalchemy", "socket")


def test_resolving_imports_nothing_slow() -> None:
    code = f"import sys, brickyard.bundle; print([n for n in {SLOW} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
