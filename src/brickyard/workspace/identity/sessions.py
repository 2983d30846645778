"""Sessions of browsers: who looks at the pages of the workspace, signed in with one of its tokens.

The cookie holds a ticket (`tickets.py`), good only in one workspace, for routes that say they are
for browsers. Cookies of a host name go to all its ports, and pages on other ports count as the same
site: it is believed only where the browser says that no other page caused the request, and its name
begins as the cookies of apps do, which their proxy passes on to no app.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.identity.tickets import LIFETIME_S, Tickets
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine


class Sessions:
    def __init__(self, keys: Path, identity: IdentityEngine) -> None:
        self._tickets = Tickets(keys / "sessions", identity)
        self._identity = identity

    def visitor(self, headers: Mapping[str, str], workspace: WorkspaceInfo) -> Principal:
        """By token or by cookie. Raises UNAUTHENTICATED, or what a bad token raises."""
        if "authorization" in headers:
            return self._identity.authenticate(headers, workspace)
        cookie = _cookies(headers).get(name(workspace), "")
        if not cookie or not is_own_page(headers):
            raise ApiError("UNAUTHENTICATED", f"Sign in at {workspace.url}/")
        return self._tickets.holder(workspace.name, workspace, cookie)

    def begin(self, headers: Mapping[str, str], workspace: WorkspaceInfo, token: str) -> str:
        """The Set-Cookie of a new session. Raises for a token that is not good here."""
        if not is_own_page(headers):
            raise ApiError("PERMISSION_DENIED", "Only the page of this workspace may sign in")
        _, ticket = self._tickets.issue(workspace.name, workspace, token)
        return _set(workspace, ticket, LIFETIME_S)

    def end(self, workspace: WorkspaceInfo) -> str:
        """The Set-Cookie that takes the session away."""
        return _set(workspace, "", 0)


def name(workspace: WorkspaceInfo) -> str:
    """Of the cookie."""
    return f"brickyard_app_pages_{workspace.name}"


def is_own_page(headers: Mapping[str, str]) -> bool:
    """Whether no page of another origin caused the request, as the browser tells."""
    origin = headers.get("origin", "")
    if origin and origin.partition("://")[2] != headers.get("host", ""):
        return False
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def _set(workspace: WorkspaceInfo, value: str, age_s: int) -> str:
    return f"{name(workspace)}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict"


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    parts = (one.strip().partition("=") for one in headers.get("cookie", "").split(";"))
    return {key: value for key, _, value in parts if key}
