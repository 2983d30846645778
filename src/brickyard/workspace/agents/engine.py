"""What `databricks-agents` keeps beside models and endpoints: deployments and review apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.agents.deployments import Deployments
from brickyard.workspace.agents.reviews import Reviews
from brickyard.workspace.kernel import Store

if TYPE_CHECKING:
    from brickyard.workspace.serving.engine import ServingEngine


class AgentsEngine:
    def __init__(self, store: Store, *, serving: ServingEngine) -> None:
        self.deployments = Deployments(store, serving)
        self.reviews = Reviews(store)

    def start(self) -> None:
        """Nothing: everything is at rest."""

    def stop(self) -> None:
        """Nothing."""
