"""Tokens of visitors for what acts on their behalf: an app, a served model.

Each has one for most of its life, and its scopes are those that it asks for, as far as the
visitor's own token has them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from brickyard.workspace.identity.scopes import shared
from brickyard.workspace.kernel import Principal, WorkspaceInfo

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine

TOKEN_S: Final = 3600
RENEWED_BEFORE_S: Final = 600

_Key = tuple[str, int, frozenset[str]]


class OnBehalf:
    """Thread-safe."""

    def __init__(self, identity: IdentityEngine) -> None:
        self._identity = identity
        self._lock = threading.Lock()
        self._tokens: dict[_Key, tuple[str, float]] = {}

    def known(self, id: str, visitor: Principal, scopes: Iterable[str]) -> str | None:
        """The token, where it has been made and lasts. Quick."""
        with self._lock:
            text, until = self._tokens.get(_key(id, visitor, scopes), ("", 0.0))
        return text if until - time.monotonic() > RENEWED_BEFORE_S else None

    def token(
        self,
        id: str,
        title: str,
        visitor: Principal,
        workspace: WorkspaceInfo,
        scopes: Iterable[str],
    ) -> str:
        """A token of the visitor for what has this id."""
        if text := self.known(id, visitor, scopes):
            return text
        key, now = _key(id, visitor, scopes), time.monotonic()
        text = self._identity.issue_token(
            visitor,
            workspace.name,
            lifetime_s=TOKEN_S,
            comment=f"{title}, for its visitor",
            limits=key[2],
        )
        with self._lock:
            self._tokens = {one: kept for one, kept in self._tokens.items() if kept[1] > now}
            self._tokens[key] = (text, now + TOKEN_S)
        return text


def _key(id: str, visitor: Principal, scopes: Iterable[str]) -> _Key:
    return (id, visitor.id, shared(visitor, scopes))
