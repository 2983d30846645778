"""All routes of model serving: managing endpoints and asking them."""

from __future__ import annotations

from brickyard.workspace.kernel import Route
from brickyard.workspace.serving import invocations, management

ROUTES: tuple[Route, ...] = (*management.ROUTES, *invocations.ROUTES)
