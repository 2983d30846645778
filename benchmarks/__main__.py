"""`make bench [ONLY=commands|engine|server]`: what has to be quick, against a named alternative."""

from __future__ import annotations

import sys

from benchmarks import commands, engine, server

SUITES = {"commands": commands, "engine": engine, "server": server}


def main() -> None:
    chosen = sys.argv[1:] or list(SUITES)
    for name in chosen:
        for comparison in SUITES[name].comparisons():
            print(comparison, flush=True)


if __name__ == "__main__":
    main()
