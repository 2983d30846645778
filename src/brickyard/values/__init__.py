"""Values that know where they were written, YAML reading, merging, paths and diagnostics."""

from __future__ import annotations

from brickyard.values.diagnostic import (
    Diagnostic,
    Severity,
    error,
    excerpt,
    has_errors,
    recommendation,
    refusal,
    warning,
)
from brickyard.values.location import Location
from brickyard.values.merge import merge
from brickyard.values.suggestion import did_you_mean, nearest
from brickyard.values.value import (
    Path,
    Plain,
    Timestamp,
    Value,
    kind_of,
    show,
    steps,
    value_of,
)
from brickyard.values.yaml import read_yaml

__all__ = [
    "Diagnostic",
    "Location",
    "Path",
    "Plain",
    "Severity",
    "Timestamp",
    "Value",
    "did_you_mean",
    "error",
    "excerpt",
    "has_errors",
    "kind_of",
    "merge",
    "nearest",
    "read_yaml",
    "recommendation",
    "refusal",
    "show",
    "steps",
    "value_of",
    "warning",
]
