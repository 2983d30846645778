"""CI/CD pipelines from one neutral model: written, checked, and run on this machine."""

from __future__ import annotations

from brickyard.cicd.checking import check
from brickyard.cicd.design import ProjectFacts, Rung, design
from brickyard.cicd.model import Event, Pipeline, Provider
from brickyard.cicd.providers import PROVIDERS, render_file
from brickyard.cicd.written import State, state_of

__all__ = [
    "PROVIDERS",
    "Event",
    "Pipeline",
    "ProjectFacts",
    "Provider",
    "Rung",
    "State",
    "check",
    "design",
    "render_file",
    "state_of",
]
