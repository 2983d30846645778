"""Drift: what an environment is against what was released, by `brickyard drift`.

Four kinds: configuration (recorded against actual), data (quality monitors, distances to the data
of the release), evaluation (scores over time), code (what is live against its branch).
"""

from brickyard.release.drift.check import DriftReport, check_drift
from brickyard.release.drift.findings import Finding, State

__all__ = ["DriftReport", "Finding", "State", "check_drift"]
