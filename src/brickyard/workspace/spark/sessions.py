"""What the gateway knows of a Spark session: where unqualified names lead, and its temporary views.

Kept by user and session id as the client names them; the engine behind keeps the same by the same
id. A temporary view remembers what stands behind it, so that using it is checked and recorded too.
What a session set up is set up again when it goes on in another engine (setup.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from brickyard.workspace.kernel import Principal, WorkspaceInfo
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.setup import Setup

REMEMBERED: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who speaks, from which workspace, in which scope (a task, a warehouse, or their own)."""

    principal: Principal
    workspace: WorkspaceInfo
    scope: str
    token: str = field(repr=False)
    invoker: Principal | None = None  # who asked, where this runs with an owner's rights

    @property
    def asks(self) -> Principal:
        """Whose question it is."""
        return self.invoker or self.principal


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineKey:
    """One Sail process: never shared between principals."""

    workspace: str
    user_name: str
    scope: str
    limits: frozenset[str] | None = None  # of the caller's token: others see nothing of it


@dataclass(frozen=True, slots=True)
class Answered:
    """The responses to an operation, and whether the engine knows the operation as well."""

    responses: Sequence[bytes]
    in_engine: bool


@dataclass(slots=True, kw_only=True)
class Session:
    id: str
    catalog: str
    schema: str = "default"
    temp_views: dict[str, Touched] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)  # its own, in lower case
    remotes: set[str] = field(default_factory=set)  # those of the workspace that its engine knows
    engine: int = 0  # which start of the engine this session was set up in
    setup: Setup = field(default_factory=Setup)
    used_at: float = field(default_factory=time.monotonic)  # by its client
    kept_at: float = 0.0  # when the engine last heard of it on our behalf
    answered: dict[str, Answered] = field(default_factory=dict)  # by operation id
    lock: threading.RLock = field(default_factory=threading.RLock)

    def qualified(self, parts: tuple[str, ...]) -> str:
        """The full name of a table, in lower case."""
        if len(parts) == 1:
            parts = (self.catalog, self.schema, *parts)
        elif len(parts) == 2:
            parts = (self.catalog, *parts)
        return ".".join(parts).lower()

    def qualified_schema(self, parts: tuple[str, ...]) -> str:
        parts = (self.catalog, *parts) if len(parts) == 1 else parts
        return ".".join(parts).lower()


class Sessions:
    """All sessions of the gateway. Thread-safe."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[EngineKey, str], Session] = {}
        self._lock = threading.Lock()

    def get(self, key: EngineKey, session_id: str, catalog: str) -> Session:
        """The session that a client names; a new one begins in `catalog`."""
        with self._lock:
            found = self._sessions.pop((key, session_id), None)
            if found is None:
                found = Session(id=session_id, catalog=catalog)
            self._sessions[key, session_id] = found  # the last used stands last
            found.used_at = time.monotonic()
            return found

    def of(self, key: EngineKey) -> list[Session]:
        """All sessions of an engine."""
        with self._lock:
            return [session for (of, _), session in self._sessions.items() if of == key]

    def abandoned(self, after_s: float) -> list[tuple[EngineKey, str]]:
        """Those that no client used for so long, and the longest unused of too many."""
        oldest = time.monotonic() - after_s
        with self._lock:
            too_many = len(self._sessions) - REMEMBERED
            return [
                known
                for at, (known, session) in enumerate(self._sessions.items())
                if at < too_many or session.used_at < oldest
            ]

    def clone(self, key: EngineKey, session_id: str, new_id: str) -> None:
        with self._lock:
            if had := self._sessions.get((key, session_id)):
                self._sessions[key, new_id] = Session(
                    id=new_id,
                    catalog=had.catalog,
                    schema=had.schema,
                    temp_views=dict(had.temp_views),
                    functions=set(had.functions),
                    engine=had.engine,
                    setup=had.setup.copy(),
                )

    def forget(self, key: EngineKey, session_id: str = "") -> None:
        """One session, or all of an engine."""
        with self._lock:
            for known in [k for k in self._sessions if k[0] == key]:
                if not session_id or known[1] == session_id:
                    del self._sessions[known]
