"""A pipeline as every CI provider understands it: stages with steps, when they run, and as whom.

`design.py` makes one from a project; `github.py`, `azure.py` and `gitlab.py` write it as a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

NIGHTLY: Final = "23 3 * * *"  # not on the hour, when everybody's jobs start
OUTPUT: Final = ".databricks/ci"  # plans and records; a bundle's sync leaves `.databricks` out


class Event(StrEnum):
    """What a commit does when a stage runs; `SCHEDULE`: nothing, it is night."""

    PULL_REQUEST = "pull-request"
    MAIN = "main"
    TAG = "tag"
    SCHEDULE = "schedule"


class Provider(StrEnum):
    GITHUB = "github"
    AZURE = "azure"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Lines of bash, run in the bundle's folder. `always`: also after a step that failed.

    `summary` is a Markdown file that this step leaves, for the provider to show: on the run's page,
    and where it can at the pull request.
    """

    name: str
    script: tuple[str, ...]
    always: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom a stage calls Databricks: by federation, never with a stored secret.

    `environment` is the provider's environment, which holds the address and the approvals; empty
    where a pull request is planned, which must wait for nobody.
    """

    environment: str = ""
    suffix: str = ""  # of variables, where a provider has none for an environment: "_STAGING"
    needs_approval: bool = False
    only_reads: bool = False  # changes nothing: no deployment for the provider, no turn to wait for


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    key: str
    title: str
    events: frozenset[Event]
    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()
    identity: Identity | None = None
    is_embedded: bool = False  # has an embedded workspace of its own, which ends with the stage
    artifact: str = ""  # name under which `OUTPUT` is kept; empty: nothing is
    minutes: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    name: str
    folder: str  # the bundle's, within the repository; empty: its root
    main: str
    tags: str
    python: str
    requirement: str
    stages: tuple[Stage, ...]

    def stage(self, key: str) -> Stage:
        return next(one for one in self.stages if one.key == key)
