"""The GitHub actions that a workflow uses, each by the commit of its released version.

A tag can be moved, a commit cannot. The commits are those that the named tags pointed to in the
actions' public repositories in July 2026; a bot such as Dependabot keeps both up to date, as it
reads the version in the comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Action:
    repository: str
    version: str
    commit: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.commit}"


ACTIONS: Final = (
    Action("actions/checkout", "v7.0.1", "3d3c42e5aac5ba805825da76410c181273ba90b1"),
    Action("actions/setup-python", "v7.0.0", "5fda3b95a4ea91299a34e894583c3862153e4b97"),
    Action("actions/cache", "v5.0.5", "27d5ce7f107fe9357f9df03efb73ab90386fccae"),
    Action("actions/upload-artifact", "v7.0.0", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"),
)
USES: Final = re.compile(r"^(\s*(?:- )?uses: (\S+@\S+))$", re.MULTILINE)
PINNED: Final = re.compile(r"[^@\s]+@[0-9a-f]{40}")


def pinned(name: str) -> str:
    """The `uses` of an action, by the last part of its name."""
    return str(next(one for one in ACTIONS if one.repository.endswith(f"/{name}")))


def with_versions(text: str) -> str:
    """The text with the version behind every pin, as people and bots want to see it."""
    versions = {str(one): one.version for one in ACTIONS}
    return USES.sub(lambda found: f"{found[1]} # {versions[found[2]]}", text)
