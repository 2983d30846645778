"""From files and facts to one resolved bundle: includes, targets, variables, presets, paths."""

from __future__ import annotations

from brickyard.bundle.code_source_checks import CODE_SNAPSHOTS
from brickyard.bundle.facts import UNKNOWN_USER, CurrentUser, Facts, GitFacts
from brickyard.bundle.files import BundleFiles
from brickyard.bundle.nodes import nodes
from brickyard.bundle.output import resolved_json, resolved_plain
from brickyard.bundle.path_fields import tasks_of
from brickyard.bundle.path_texts import is_local as is_local_path
from brickyard.bundle.references import Reference, references
from brickyard.bundle.resolve import OF_DEPLOYS, as_written, resolve, resolve_target
from brickyard.bundle.resolved import Declared, Library, PythonAnswer, Question, Resolved, SyncPlan
from brickyard.bundle.targets import environment_of
from brickyard.bundle.variables import parse_assignments
from brickyard.bundle.wheel_names import WheelName, newest_wheel_names, wheel_name

__all__ = [
    "CODE_SNAPSHOTS",
    "OF_DEPLOYS",
    "UNKNOWN_USER",
    "BundleFiles",
    "CurrentUser",
    "Declared",
    "Facts",
    "GitFacts",
    "Library",
    "PythonAnswer",
    "Question",
    "Reference",
    "Resolved",
    "SyncPlan",
    "WheelName",
    "as_written",
    "environment_of",
    "is_local_path",
    "newest_wheel_names",
    "nodes",
    "parse_assignments",
    "references",
    "resolve",
    "resolve_target",
    "resolved_json",
    "resolved_plain",
    "tasks_of",
    "wheel_name",
]
