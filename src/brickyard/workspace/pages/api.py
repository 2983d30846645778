"""What pages ask: the workspace's own API, in this process, as the person who looks.

So every permission holds on a page as it does for a program, and a page can show nothing that the
API would not.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.kernel import ApiError, Call
from brickyard.workspace.kernel.routing import Router

HIDDEN: Final = frozenset({"PERMISSION_DENIED", "UNAUTHENTICATED"})


class Api:
    """The API for one look at a page."""

    def __init__(self, router: Router, call: Call) -> None:
        self._router = router
        self._call = call
        self.who = call.principal
        self.workspace = call.workspace

    def query(self, name: str) -> str:
        """What the page's own address says."""
        return self._call.query(name)

    async def get(self, path: str, /, **query: Any) -> Mapping[str, Any]:
        """The JSON that `GET path` answers. Raises ApiError."""
        return await self._ask("GET", path, query, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON that `POST path` answers. Raises ApiError."""
        return await self._ask("POST", path, {}, body)

    async def seen(self, path: str, /, **query: Any) -> Mapping[str, Any]:
        """As `get`; nothing where something is not there or not to be seen."""
        try:
            return await self.get(path, **query)
        except ApiError as refused:
            if refused.code in HIDDEN or refused.status in (404, 501):
                return {}
            raise

    async def _ask(
        self, method: str, path: str, query: Mapping[str, Any], body: Mapping[str, Any] | None
    ) -> Mapping[str, Any]:
        found = self._router.find(method, path)
        if found is None:
            raise ApiError("ENDPOINT_NOT_FOUND", f"No API found for '{method} {path}'")
        route, values = found
        if self.who.scopes is not None:
            self._call.engines.identity.require_reach(self.who, method, route.path)
        inner = Call(
            method=method,
            raw_path=path,
            path=values,
            query_items=[(name, _text(value)) for name, value in query.items()],
            headers={"content-type": "application/json"},
            body=json.dumps(body).encode() if body is not None else b"",
            principal=self.who,
            workspace=self.workspace,
            engines=self._call.engines,
        )
        if inspect.iscoroutinefunction(route.handler):
            answer = await route.handler(inner)
        else:
            answer = await asyncio.to_thread(route.handler, inner)
        told = answer.json if hasattr(answer, "status") else answer
        return told if isinstance(told, Mapping) else {}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
