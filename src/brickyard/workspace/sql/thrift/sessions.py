"""Sessions of SQL clients, and operations of the Thrift service: what their handles stand for.

They live in memory: a client whose workspace started anew is told that its handle is not known, as
after any restart of a warehouse. Statements themselves are kept like all others.
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow

IDLE_S: Final = 8 * 3600
MOST: Final = 5_000


class UnknownHandle(Exception):
    """A handle that is nobody's, or somebody else's."""


@dataclass(slots=True, kw_only=True)
class Operation:
    """A statement, by its id, or the rows of a question about the catalog."""

    id: bytes
    session: bytes
    kind: int
    statement: str = ""
    table: pyarrow.Table | None = None
    types: Sequence[str] = ()
    arrow: bool = True
    lz4: bool = False
    position: int = 0
    number: int = 0  # of rows that statements changed
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True, kw_only=True)
class Session:
    id: bytes
    secret: bytes
    user_name: str
    workspace: str
    warehouse: str
    spark: str  # the session of the engine
    used_at: float = 0.0
    operations: dict[bytes, Operation] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The id as the Statement Execution API gives it."""
        return str(uuid.UUID(bytes=self.id))


class Sessions:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[bytes, Session] = {}

    def open(self, user_name: str, workspace: str, warehouse: str) -> Session:
        made = Session(
            id=uuid.uuid4().bytes,
            secret=secrets.token_bytes(16),
            user_name=user_name,
            workspace=workspace,
            warehouse=warehouse,
            spark=str(uuid.uuid4()),
            used_at=time.monotonic(),
        )
        with self._lock:
            self._forget_idle()
            self._sessions[made.id] = made
        return made

    def close(self, found: Session) -> None:
        with self._lock:
            self._sessions.pop(found.id, None)

    def find(self, handle: Any, user_name: str, workspace: str) -> Session:
        """Of a TSessionHandle. Raises UnknownHandle."""
        identifier = _identifier(handle)
        with self._lock:
            found = self._sessions.get(identifier.get(1, b""))
        if found is None or (found.user_name, found.workspace) != (user_name, workspace):
            raise UnknownHandle("Invalid SessionHandle: the session is closed or unknown")
        if not secrets.compare_digest(identifier.get(2, b""), found.secret):
            raise UnknownHandle("Invalid SessionHandle: the session is closed or unknown")
        found.used_at = time.monotonic()
        return found

    def named(self, id: str, user_name: str, workspace: str) -> Session:
        """By the id that the Statement Execution API gives. Raises UnknownHandle."""
        try:
            key = uuid.UUID(id).bytes
        except ValueError:
            key = b""
        with self._lock:
            found = self._sessions.get(key)
        if found is None or (found.user_name, found.workspace) != (user_name, workspace):
            raise UnknownHandle(f"The session {id} is closed or unknown")
        found.used_at = time.monotonic()
        return found

    def operation(self, handle: Any, user_name: str, workspace: str) -> tuple[Session, Operation]:
        """Of a TOperationHandle. Raises UnknownHandle."""
        id = _identifier(handle).get(1, b"")
        with self._lock:
            found = next((s for s in self._sessions.values() if id in s.operations), None)
        if found is None or (found.user_name, found.workspace) != (user_name, workspace):
            raise UnknownHandle("Invalid OperationHandle: the operation is closed or unknown")
        found.used_at = time.monotonic()
        return found, found.operations[id]

    def _forget_idle(self) -> None:
        oldest = time.monotonic() - IDLE_S
        known = sorted(self._sessions.values(), key=lambda one: one.used_at)
        for at, one in enumerate(known):
            if one.used_at < oldest or at < len(known) - MOST:
                self._sessions.pop(one.id, None)


def _identifier(handle: Any) -> dict[int, bytes]:
    """The THandleIdentifier of a handle."""
    inner = handle.get(1) if isinstance(handle, dict) else None
    if not isinstance(inner, dict) or not all(isinstance(one, bytes) for one in inner.values()):
        raise UnknownHandle("Invalid handle")
    return inner
