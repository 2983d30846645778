"""Signed tickets: what a browser keeps, as a cookie, of the token that it signed in with.

A ticket names the token by its digest, has an end, and is signed for one place with a key of its
own. It is good for as long as the token is: revoked or expired, all it began is over.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brickyard.workspace.identity.keys import key_of
from brickyard.workspace.identity.records import hashed
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine

LIFETIME_S: Final = 8 * 3600
LONGEST: Final = 200  # characters of a ticket


class Tickets:
    """Thread-safe. A place is what a ticket is good for: an app, the pages of a workspace."""

    def __init__(self, key_file: Path, identity: IdentityEngine) -> None:
        self._key_file = key_file
        self._identity = identity

    def issue(self, place: str, workspace: WorkspaceInfo, token: str) -> tuple[Principal, str]:
        """Whose token it is, and a ticket. Raises for a token that is not good here."""
        digest = hashed(token)
        holder = self._identity.bearer(digest, workspace)
        until = int(time.time()) + LIFETIME_S
        return holder, f"{digest}.{until}.{self._signature(place, digest, until)}"

    def holder(self, place: str, workspace: WorkspaceInfo, ticket: str) -> Principal:
        """Whose ticket it is. Raises UNAUTHENTICATED, also where the token is good no more."""
        digest, _, rest = ticket.partition(".")
        until, _, signature = rest.partition(".")
        if ticket.isascii() and len(ticket) < LONGEST and until.isdecimal():
            good = self._signature(place, digest, int(until))
            if hmac.compare_digest(signature, good) and int(until) > time.time():
                try:
                    return self._identity.bearer(digest, workspace)
                except ApiError as refused:
                    if refused.code != "PERMISSION_DENIED":
                        raise
        raise ApiError("UNAUTHENTICATED", "The session has ended: sign in again")

    def _signature(self, place: str, digest: str, until: int) -> str:
        text = f"{place}.{digest}.{until}".encode()
        return hmac.new(key_of(self._key_file), text, hashlib.sha256).hexdigest()
