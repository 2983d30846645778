"""Names of what is in a project: `projects/shop/branches/main/endpoints/primary`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from brickyard.workspace.kernel import ApiError, invalid, not_found
from brickyard.workspace.lakebase.specs import BRANCH, KINDS, PROJECT, Kind

SHAPE: Final = re.compile(
    r"projects/(?P<project>[^/]+)"
    r"(?P<below>(?:/branches/[^/]+(?:/(?:endpoints|databases|roles)/[^/]+)?)?)"
)
ID: Final = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
LONGEST_ID: Final = 63
SHORTEST: Final = {"databases": 4, "roles": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    project: str
    below: str = ""  # "" for the project itself, else as `branches/main/roles/app`

    @property
    def kind(self) -> Kind:
        return KINDS[self.below.split("/")[-2]] if self.below else PROJECT

    @property
    def id(self) -> str:
        return self.below.rsplit("/", 1)[-1] if self.below else self.project

    @property
    def branch(self) -> str:
        """The branch that this is or is in, as `branches/main`."""
        return "/".join(self.below.split("/")[:2])

    @property
    def parent(self) -> str:
        return str(self).rsplit("/", 2)[0]

    def child(self, collection: str, id: str) -> Name:
        below = f"{self.below}/{collection}/{id}".lstrip("/")
        return Name(project=self.project, below=below)

    def __str__(self) -> str:
        return f"projects/{self.project}" + (f"/{self.below}" if self.below else "")


def read_name(text: str) -> Name:
    found = SHAPE.fullmatch(text)
    if found is None:
        raise not_found(f"There is nothing of the name {text!r}", "NOT_FOUND")
    return Name(project=found["project"], below=found["below"].lstrip("/"))


def read_parent(text: str, collection: str) -> Name:
    """The name of what a collection is in: branches are in a project, the rest is in a branch."""
    name = read_name(text)
    wanted = PROJECT if collection == "branches" else BRANCH
    if name.kind is not wanted:
        raise invalid(f"The parent of {collection} is a {wanted.word}, not {text!r}")
    return name


def check_id(collection: str, id: str) -> None:
    kind = KINDS[collection]
    if not id:
        raise invalid(
            f"Field '{kind.id_field}' is required, expected non-default value (not \"\")!"
        )
    shortest = SHORTEST.get(collection, 1)
    if not shortest <= len(id) <= LONGEST_ID or not ID.fullmatch(id):
        raise invalid(
            f"Field '{kind.id_field}' is not valid: {id!r} must have {shortest} to {LONGEST_ID}"
            " lowercase letters, digits and hyphens, with a letter first and no hyphen last"
        )


def missing(kind: Kind) -> ApiError:
    return not_found(f"{kind.word} id not found", "NOT_FOUND")
