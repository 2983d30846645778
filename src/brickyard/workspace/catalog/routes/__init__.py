"""Every route of Unity Catalog, one module per noun."""

from __future__ import annotations

from brickyard.workspace.kernel import Route

ROUTES: tuple[Route, ...] = ()
