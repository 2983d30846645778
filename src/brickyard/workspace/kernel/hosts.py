"""Which requests a browser may have been tricked into: by the names they carry.

The server listens on loopback. A page of the internet can still make a browser send it requests:
under a name of its own that it lets point to 127.0.0.1 (DNS rebinding), which `Host` gives away, or
across origins, which `Origin` does. Both must name this machine; other programs send no `Origin`.
`BRICKYARD_ALLOWED_HOSTS` (names by commas) admits more, for a proxy in front or a container.
"""

from __future__ import annotations

import functools
import ipaddress
import os
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from brickyard.workspace.kernel.errors import ApiError

VARIABLE = "BRICKYARD_ALLOWED_HOSTS"


def allowed_hosts() -> frozenset[str]:
    """The names that are admitted beside those of loopback."""
    given = os.environ.get(VARIABLE, "").split(",")
    return frozenset(name.strip().lower() for name in given if name.strip())


def require_known_host(headers: Mapping[str, str], also: Collection[str] = ()) -> None:
    """Raise PERMISSION_DENIED for a request that some other site caused."""
    host = headers.get("host", "")
    names = frozenset(also)
    if host and not _is_known(f"//{host}", names):
        raise ApiError(
            "PERMISSION_DENIED",
            f"This workspace is not called {host[:100]!r}. If it should be, start it with"
            f" {VARIABLE} naming that host",
        )
    origin = headers.get("origin", "")
    if origin and not _is_known(origin, names):
        raise ApiError("PERMISSION_DENIED", f"Pages of {origin[:100]!r} may not use this workspace")


@functools.lru_cache(maxsize=64)
def _is_known(address: str, also: frozenset[str]) -> bool:
    try:
        name = (urlsplit(address).hostname or "").removesuffix(".")
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost") or name in also:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
