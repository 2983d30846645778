"""How soon a command answers, against the least that a Python command line can do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.timing import Comparison, command, compare

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "data_quality_agent"
CLICK = [sys.executable, "-c", "import click"]
YAML = [sys.executable, "-c", "import click, yaml"]


def comparisons() -> Iterator[Comparison]:
    brickyard = [sys.executable, "-m", "brickyard"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DATABRICKS_")}
    yield compare(
        "brickyard --help", command([*brickyard, "--help"]), "import click", command(CLICK)
    )
    yield compare(
        "brickyard validate -t prod (example)",
        command([*brickyard, "validate", "-t", "prod"], cwd=EXAMPLE, env=environment),
        "import click, yaml",
        command(YAML),
    )
    yield compare(
        "brickyard policy check -t prod (example)",
        command([*brickyard, "policy", "check", "-t", "prod"], cwd=EXAMPLE, env=environment),
        "import click, yaml, sqlglot",
        command([sys.executable, "-c", "import click, yaml, sqlglot"]),
    )
