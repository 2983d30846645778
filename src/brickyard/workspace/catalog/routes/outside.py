"""What reaches outside the metastore as a cloud's identity: service credentials.

There are none here, so lists are empty and creating one is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from brickyard.workspace.kernel import ApiError, Call, Fidelity, Json, Route, not_found

BASE = "/api/2.1/unity-catalog"
KINDS = {
    "credentials": "Credential",
}


def browse(call: Call) -> Json:
    return {}


def _missing(title: str) -> Callable[[Call], NoReturn]:
    code = f"{title.upper().replace(' ', '_')}_DOES_NOT_EXIST"

    def handler(call: Call) -> NoReturn:
        raise not_found(f"{title} '{call.path['name']}' does not exist.", code)

    return handler


def _refuse(title: str) -> Callable[[Call], NoReturn]:
    def handler(call: Call) -> NoReturn:
        raise ApiError(
            "FEATURE_DISABLED",
            f"{title}s are not available in the embedded workspace: all data lies in its own "
            "folders. Use managed tables and volumes, or copy the files into a volume.",
        )

    return handler


ROUTES = tuple(
    route
    for path, title in KINDS.items()
    for route in (
        Route("GET", f"{BASE}/{path}", browse),
        Route("POST", f"{BASE}/{path}", _refuse(title), Fidelity.REFUSED, note="no cloud here"),
        Route("GET", f"{BASE}/{path}/{{name}}", _missing(title)),
        Route("PATCH", f"{BASE}/{path}/{{name}}", _missing(title)),
        Route("DELETE", f"{BASE}/{path}/{{name}}", _missing(title)),
    )
)
