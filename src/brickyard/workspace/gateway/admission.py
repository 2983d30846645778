"""Who may ask which endpoint, remembered until anything in the database changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from brickyard.workspace.kernel import Principal, Store, WorkspaceInfo
from brickyard.workspace.serving.records import Endpoint

if TYPE_CHECKING:
    from brickyard.workspace.serving.engine import ServingEngine

REMEMBERED: Final = 4096
Key = tuple[str, str, str, Principal]


class Admission:
    """Used in the event loop only."""

    def __init__(self, store: Store, serving: ServingEngine) -> None:
        self._store = store
        self._serving = serving
        self._age = -1
        self._known: dict[Key, Endpoint] = {}

    async def admit(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, level: str
    ) -> Endpoint:
        """Raises RESOURCE_DOES_NOT_EXIST and PERMISSION_DENIED."""
        age = self._store.age
        if age != self._age or len(self._known) >= REMEMBERED:
            self._known.clear()
            self._age = age
        key = (workspace.name, name, level, principal)
        found = self._known.get(key)
        if found is None:
            found = await asyncio.to_thread(self._serving.find, principal, workspace, name, level)
            if age == self._age:
                self._known[key] = found
        return found
