"""Sessions of browsers: who looks at the pages of the workspace, signed in with one of its tokens.

The cookie names the person and an end, is signed with a key of its own and good only in one
workspace, for routes that say they are for browsers, which lie under one path. Cookies of a host
name go to all its ports, and pages on other ports count as the same site: it is believed only where
the browser says that no other page caused the request, and its name begins as the cookies of apps
do, which their proxy passes on to no app.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brickyard.workspace.identity.keys import key_of
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine

LIFETIME_S: Final = 8 * 3600
PATH: Final = "/mlflow"  # of all pages that there are


class Sessions:
    def __init__(self, keys: Path, identity: IdentityEngine) -> None:
        self._key_file = keys / "sessions"
        self._identity = identity

    def visitor(self, headers: Mapping[str, str], workspace: WorkspaceInfo) -> Principal:
        """By token or by cookie. Raises UNAUTHENTICATED, or what a bad token raises."""
        if "authorization" in headers:
            return self._identity.authenticate(headers, workspace)
        cookie = _cookies(headers).get(name(workspace), "")
        if not cookie or not is_own_page(headers):
            raise ApiError("UNAUTHENTICATED", f"Sign in at {workspace.url}{PATH}/")
        return self._of_session(cookie, workspace)

    def begin(self, headers: Mapping[str, str], workspace: WorkspaceInfo, token: str) -> str:
        """The Set-Cookie of a new session. Raises for a token that is not good here."""
        if not is_own_page(headers):
            raise ApiError("PERMISSION_DENIED", "Only the page of this workspace may sign in")
        told = {"authorization": f"Bearer {token}"}
        visitor = self._identity.authenticate(told, workspace)
        until = int(time.time()) + LIFETIME_S
        signed = f"{visitor.id}.{until}.{self._signature(workspace, visitor.id, until)}"
        return _set(workspace, signed, LIFETIME_S)

    def end(self, workspace: WorkspaceInfo) -> str:
        """The Set-Cookie that takes the session away."""
        return _set(workspace, "", 0)

    def _of_session(self, cookie: str, workspace: WorkspaceInfo) -> Principal:
        who, _, rest = cookie.partition(".")
        until, _, signature = rest.partition(".")
        if who.isdecimal() and until.isdecimal() and len(who) < 19 and len(until) < 19:
            good = self._signature(workspace, int(who), int(until))
            is_good = hmac.compare_digest(signature.encode(errors="replace"), good.encode())
            if is_good and int(until) > time.time():
                return self._identity.member(int(who), workspace.name)
        raise ApiError("UNAUTHENTICATED", "The session has ended: sign in again")

    def _signature(self, workspace: WorkspaceInfo, who: int, until: int) -> str:
        text = f"{workspace.name}.{who}.{until}".encode()
        return hmac.new(key_of(self._key_file), text, hashlib.sha256).hexdigest()


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
    return f"{name(workspace)}={value}; Path={PATH}; Max-Age={age_s}; HttpOnly; SameSite=Strict"


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    parts = (one.strip().partition("=") for one in headers.get("cookie", "").split(";"))
    return {key: value for key, _, value in parts if key}
