"""`python -m brickyard.workspace`: the server in the foreground, no command line around it.

Environment: `BRICKYARD_HOME`, `BRICKYARD_PORTS` (`dev,staging,prod`; 0 takes a free one).
"""

from __future__ import annotations

import os
import sys

from brickyard.workspace.kernel.home import Home, default_root
from brickyard.workspace.server import PORTS, AlreadyRunning, serve


def main() -> int:
    ports = PORTS
    if given := os.environ.get("BRICKYARD_PORTS"):
        ports = dict(zip(PORTS, map(int, given.split(",")), strict=True))
    try:
        serve(Home(default_root()), ports=ports)
    except AlreadyRunning as other:
        print(f"a workspace already runs on {other}; `brickyard status` shows it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
