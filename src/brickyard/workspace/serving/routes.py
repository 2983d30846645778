"""All routes of model serving: managing endpoints. Asking them is the gateway's."""

from __future__ import annotations

from brickyard.workspace.kernel import Route
from brickyard.workspace.serving import management

ROUTES: tuple[Route, ...] = management.ROUTES
