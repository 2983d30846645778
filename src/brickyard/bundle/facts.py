"""What resolving needs to know of the outside world, handed in by the edge."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.values import Diagnostic

UNKNOWN_USER: Final = "unknown@offline"  # stands where no workspace was asked
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentUser:
    """Who deploys, as SCIM Me tells it. A service principal's user name is its application id."""

    user_name: str
    display_name: str = ""
    id: str = ""
    groups: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)  # all of SCIM Me, once it was asked

    @property
    def is_unknown(self) -> bool:
        return self.user_name == UNKNOWN_USER

    @property
    def is_service_principal(self) -> bool:
        """A user name that is a UUID belongs to a service principal."""
        return UUID.fullmatch(self.user_name) is not None

    @property
    def short_name(self) -> str:
        """The name up to `@`, in lower case, everything but letters and digits as `_`."""
        name = self.user_name
        if self.is_service_principal and self.display_name:
            name = self.display_name
        return normalise_name(name.split("@")[0])

    @property
    def domain_friendly_name(self) -> str:
        """The name fit for a host name: no accents, everything else as `-`."""
        flat = unicodedata.normalize("NFD", self.short_name)
        letters = "".join(letter for letter in flat if not unicodedata.combining(letter))
        return re.sub(r"[^A-Za-z0-9]", "-", letters).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class GitFacts:
    """What git says of the bundle's folder."""

    branch: str = ""
    commit: str = ""
    origin_url: str = ""
    bundle_root_path: str = ""  # relative to the worktree
    worktree: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything from outside the bundle's files."""

    user: CurrentUser
    git: GitFacts | None = None
    root: str = (
        "/bundle"  # the bundle's folder, absolute and posix; matters when files lie above it
    )
    auth_problem: Diagnostic | None = None  # with the profile that was chosen
    profile: str = ""  # the one chosen on the command line or in the environment
    bad_assignment: str = ""  # why a `--var` is none
    overrides_problem: Diagnostic | None = None  # with variable-overrides.json
    host: str | None = None  # of the chosen profile or environment; the target's own host wins
    environment: Mapping[str, str] = field(default_factory=dict)
    cloud: str = "aws"
    overrides: Mapping[str, Any] | None = None  # variable-overrides.json, read
    answers: Mapping[str, str] = field(default_factory=dict)  # Question.id -> id
    cli_version: str = "1.14.0"  # the official CLI this engine follows
    cluster_id: str = ""  # --cluster-id


def normalise_name(name: str) -> str:
    """Lower case; everything that is neither letter nor digit becomes one `_`, none at the ends."""
    return re.sub(r"_+", "_", re.sub(r"[\W_]", "_", name.strip().lower())).strip("_")
