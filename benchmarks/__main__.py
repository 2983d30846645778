"""`make bench [ONLY="engine gateway"]`: what has to be quick, against a named alternative.
All of it takes about ten minutes; names of suites narrow it down. With `--write`, the table goes to
docs/benchmarks.md as well.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks import commands, engine, gateway, official, server, serving, vector_search
from benchmarks.timing import Comparison

SUITES = {
    "commands": commands,
    "engine": engine,
    "server": server,
    "gateway": gateway,
    "serving": serving,
    "vector_search": vector_search,
    "official": official,
}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Written by `make bench ONLY=--write`, with a `databricks` binary on PATH;
{machine}. Machines drift, so the ratio to an
alternative of the same run is what counts; below 1 is better. The official CLI sends 15 requests a
second at most, as it does for its users, but for the files: 5,000 of them go up without that limit.

| What | Time | Against | Its time | Ratio |
|---|---|---|---|---|
"""


def main() -> None:
    writes = "--write" in sys.argv
    chosen = [name for name in sys.argv[1:] if name != "--write"] or list(SUITES)
    measured: list[Comparison] = []
    for name in chosen:
        for comparison in SUITES[name].comparisons():
            print(comparison, flush=True)
            measured.append(comparison)
    if writes:
        PAGE.write_text(_page(measured))


def _page(measured: Iterable[Comparison]) -> str:
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    return HEAD.format(machine=machine) + "".join(
        f"| {one.what} | {one.shown(one.ours_s)} | {one.against} | {one.shown(one.theirs_s)} |"
        f" {one.ratio:.{3 if one.ratio < 0.1 else 2}f} |\n"
        for one in measured
    )


if __name__ == "__main__":
    main()
