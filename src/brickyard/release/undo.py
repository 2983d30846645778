"""What a release moved and how it was before, as data: written down before anything is moved.

A release that fails, or that was killed and is given up, leaves the environment serving what it
served: every entry is put back, the last first. An entry is remembered once; what a step finds when
it is done again after a kill is its own work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from brickyard.deploy import Project
from brickyard.release.endpoints import serve
from brickyard.release.versions import set_alias, set_prompt_alias

Entry = Mapping[str, Any]


def _alias(project: Project, entry: Entry) -> None:
    set_alias(project, str(entry["name"]), str(entry["alias"]), str(entry["version"]))


def _prompt_alias(project: Project, entry: Entry) -> None:
    set_prompt_alias(project, str(entry["name"]), str(entry["alias"]), str(entry["version"]))


def _endpoint(project: Project, entry: Entry) -> None:
    serve(project, str(entry["name"]), dict(entry["config"]))


WAYS_BACK: Final[Mapping[str, Callable[[Project, Entry], None]]] = {
    "alias": _alias,
    "prompt_alias": _prompt_alias,
    "endpoint": _endpoint,
}


def put_back(project: Project, entry: Entry) -> None:
    """Make one thing what it was. Raises the errors of the deploy room, and `StepFailed`."""
    WAYS_BACK[str(entry["what"])](project, entry)


def same_thing(one: Entry, other: Entry) -> bool:
    return all(one.get(key) == other.get(key) for key in ("what", "name", "alias"))


def title(entry: Entry) -> str:
    if entry["what"] == "endpoint":
        return f"endpoint {entry['name']}"
    return f"alias {entry['alias']} of {entry['name']}"
