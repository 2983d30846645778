"""From files and facts to one resolved bundle: includes, targets, variables, presets, paths."""

from __future__ import annotations

from brickyard.bundle.facts import CurrentUser, Facts, GitFacts
from brickyard.bundle.resolved import Declared, Library, Question, Resolved, SyncPlan

__all__ = [
    "CurrentUser",
    "Declared",
    "Facts",
    "GitFacts",
    "Library",
    "Question",
    "Resolved",
    "SyncPlan",
]
