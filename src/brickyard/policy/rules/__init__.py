"""Rules of the project, beside those that judge accesses: one module each, in the order shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from brickyard.policy import rule_names as names
from brickyard.policy.rules import (
    branches,
    personal_owners,
    personal_paths,
    pinned,
    read_only,
    run_as,
    secrets,
)
from brickyard.policy.rules.subject import Finding, Git, Subject

PROJECT_RULES: Final[Mapping[str, Callable[[Subject], Iterator[Finding]]]] = {
    names.BRANCHES: branches.check,
    names.PERSONAL_PATHS: personal_paths.check,
    names.PERSONAL_OWNERS: personal_owners.check,
    names.RUN_AS: run_as.check,
    names.PINNED: pinned.check,
    names.SECRETS: secrets.check,
    names.READ_ONLY: read_only.check,
}

__all__ = ["PROJECT_RULES", "Finding", "Git", "Subject"]
