"""Who may enter an app, and what the app is told of them.

A program sends a token of the workspace as `Authorization: Bearer`; a browser signs in once with
such a token and gets a cookie that is good for this one app and nothing else. Cookies of a host
name go to all its ports and requests of pages on other ports count as the same site, so a cookie
is believed only where no `Origin` is sent or it is the app's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brickyard.workspace.identity.on_behalf import OnBehalf
from brickyard.workspace.identity.scopes import require_all_apis
from brickyard.workspace.identity.tickets import Tickets
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo
from brickyard.workspace.kernel.hosts import allowed_hosts, require_known_host

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND: Final = "apps"
USE, MANAGE = "CAN_USE", "CAN_MANAGE"
# What every app may do with the token of its visitor.
ALWAYS_SCOPES: Final = ("iam.access-control:read", "iam.current-user:read")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDoor:
    """What the gate needs to know of one app."""

    id: str
    name: str
    workspace: WorkspaceInfo
    scopes: tuple[str, ...]  # what its visitors' tokens are for; none: it gets no token
    forwards: bool


class Gate:
    """Thread-safe."""

    def __init__(
        self, keys: Path, *, identity: IdentityEngine, permissions: PermissionsEngine
    ) -> None:
        self._tickets = Tickets(keys / "apps", identity)
        self._identity = identity
        self._permissions = permissions
        self._hosts = allowed_hosts()
        self._on_behalf = OnBehalf(identity)

    def admit(
        self, app: AppDoor, headers: Mapping[str, str], cookie: str, level: str = USE
    ) -> Principal:
        """The visitor. `headers` have lower-case names. Raises UNAUTHENTICATED and others."""
        require_known_host(headers, self._hosts)
        if headers.get("authorization", "").lower().startswith("bearer "):
            visitor = self._identity.authenticate(headers, app.workspace)
        elif cookie and is_own_page(headers):
            visitor = self._tickets.holder(app.id, app.workspace, cookie)
        else:
            raise ApiError(
                "UNAUTHENTICATED",
                f"App {app.name} needs a token of workspace {app.workspace.name}: send"
                " 'Authorization: Bearer <token>', or sign in with a browser",
                headers={"WWW-Authenticate": 'Bearer realm="brickyard"'},
            )
        require_all_apis(visitor, f"entering app {app.name}")
        self._permissions.require(visitor, app.workspace, KIND, app.name, level)
        return visitor

    def sign_in(self, app: AppDoor, headers: Mapping[str, str], token: str) -> str:
        """The cookie of a new session. Raises for a bad token and for who may not use the app."""
        require_known_host(headers, self._hosts)
        if not is_own_page(headers):
            raise ApiError("PERMISSION_DENIED", "Only the app's own page may sign in")
        visitor, ticket = self._tickets.issue(app.id, app.workspace, token)
        require_all_apis(visitor, f"entering app {app.name}")
        self._permissions.require(visitor, app.workspace, KIND, app.name, USE)
        return ticket

    def told(self, app: AppDoor, visitor: Principal) -> dict[str, str]:
        """The headers that say who is there, as Databricks' proxy sends them."""
        headers = {
            "X-Forwarded-User": f"{visitor.id}@{app.workspace.id}",
            "X-Forwarded-Email": visitor.user_name,
            "X-Forwarded-Preferred-Username": visitor.display_name or visitor.user_name,
        }
        if app.forwards and app.scopes:
            headers["X-Forwarded-Access-Token"] = self._on_behalf.token(
                app.id, f"app {app.name}", visitor, app.workspace, (*ALWAYS_SCOPES, *app.scopes)
            )
        return {name: _printable(text) for name, text in headers.items()}


def is_own_page(headers: Mapping[str, str]) -> bool:
    """Whether no page of another origin caused the request."""
    origin = headers.get("origin", "")
    return not origin or origin.partition("://")[2] == headers.get("host", "")


def _printable(text: str) -> str:
    """Fit for a header: names may have letters that none can carry."""
    return text.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")
