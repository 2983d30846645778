"""All routes of the gateway: asking endpoints, whatever is behind them."""

from __future__ import annotations

from brickyard.workspace.gateway import invocations
from brickyard.workspace.kernel import Route

ROUTES: tuple[Route, ...] = invocations.ROUTES
