"""What of a deployed bundle can be run, and finding it by its key.

A type that can be run has its row here and one in `RUNS` of the command line, which knows how to
show it; what running it means is a module of its own (`running`, `app_runs`, `pipeline_runs`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from brickyard.deploy.project import Project

# Type under `resources` -> what messages call one of it.
RUNNABLE: Final[Mapping[str, str]] = {"jobs": "job", "apps": "app", "pipelines": "pipeline"}

NOT_DEPLOYED: Final = (
    "resource not found or not yet deployed. Did you forget to run 'brickyard bundle deploy'?"
)


class RunRefused(Exception):
    """What was named cannot be run as asked."""


class RunLost(Exception):
    """The workspace went away while a run was followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runnable:
    """Something deployed that can be run: its type and key in the bundle, its id."""

    kind: str
    name: str
    id: str

    @property
    def address(self) -> str:
        return f"resources.{self.kind}.{self.name}"


def find_runnable(project: Project, key: str, kinds: Collection[str] = tuple(RUNNABLE)) -> Runnable:
    """What `key` or `<type>.key` names among these types.

    Raises `RunRefused` when there is nothing of that name, more than one, or it is not deployed.
    """
    entries = project.store.pull().state.entries
    named = key.removeprefix("resources.")
    typed, _, rest = named.partition(".")
    asked = [(typed, rest)] if typed in kinds and rest else [(kind, named) for kind in kinds]
    known = [
        (kind, name)
        for kind, name in asked
        if f"resources.{kind}.{name}" in entries
        or project.resolved.tree.get(f"resources.{kind}.{name}") is not None
    ]
    if len(known) > 1:
        ways = " or ".join(f"{kind}.{name}" for kind, name in known)
        raise RunRefused(f"{named} is the key of several resources: name {ways}")
    target = project.resolved.target
    if not known and not entries:
        raise RunRefused(f"{NOT_DEPLOYED}\nNothing is deployed to {target}, nor declared as {key}.")
    if not known:
        there = ", ".join(sorted(_deployed(entries, kinds))) or "nothing that runs"
        raise RunRefused(f'resource with key "{key}" not found\nTarget {target} has {there}.')
    kind, name = known[0]
    entry = entries.get(f"resources.{kind}.{name}")
    if entry is None:
        raise RunRefused(f"{NOT_DEPLOYED}\n{RUNNABLE[kind]} {name} is not deployed to {target}.")
    return Runnable(kind=kind, name=name, id=entry.id)


def _deployed(addresses: Collection[str], kinds: Collection[str]) -> set[str]:
    parts = [address.split(".") for address in addresses]
    return {one[2] for one in parts if len(one) == 3 and one[1] in kinds}
