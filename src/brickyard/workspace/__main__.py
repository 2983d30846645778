"""`python -m brickyard.workspace`: the server in the foreground, no command line around it.

Environment: `BRICKYARD_HOME`, `BRICKYARD_PORTS` (`dev,staging,prod`; 0 takes a free one), and
`BRICKYARD_TLS_PORTS`, the same for doors with TLS, of which there are none without it.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable


def main() -> int:
    gc.disable()  # what is imported stays; the server turns it on again
    from brickyard.workspace.kernel.columns import OtherVersion
    from brickyard.workspace.kernel.home import Home, default_root
    from brickyard.workspace.server import PORTS, AlreadyRunning, serve

    try:
        serve(
            Home(default_root()),
            ports=_ports("BRICKYARD_PORTS", PORTS) or PORTS,
            tls_ports=_ports("BRICKYARD_TLS_PORTS", PORTS),
        )
    except AlreadyRunning as other:
        print(f"a workspace already runs on {other}; `brickyard status` shows it", file=sys.stderr)
        return 1
    except OtherVersion as reasons:
        print(
            f"{default_root()} was written by another version of Brickyard ({reasons}). Nothing in"
            " it was changed: start it with that version, or set BRICKYARD_HOME to a new folder",
            file=sys.stderr,
        )
        return 1
    return 0


def _ports(variable: str, names: Iterable[str]) -> dict[str, int] | None:
    given = os.environ.get(variable)
    return dict(zip(names, map(int, given.split(",")), strict=True)) if given else None


if __name__ == "__main__":
    sys.exit(main())
