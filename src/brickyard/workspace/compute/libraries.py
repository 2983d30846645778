"""Libraries of a cluster: asked for and kept, never installed, and shown as skipped for that.

SKIPPED is where clients stop waiting without taking it for success or failure. Follows the
Libraries API 2.0: a library of a running cluster goes with the next restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from brickyard.workspace.kernel import invalid

KINDS: Final = ("cran", "egg", "jar", "maven", "pypi", "requirements", "whl")
REQUIRED: Final = {"cran": "package", "maven": "coordinates", "pypi": "package"}
SKIPPED, LEAVING = "SKIPPED", "UNINSTALL_ON_RESTART"
NOTHING_RUNS: Final = (
    "Kept, not installed: nothing runs behind a cluster of the embedded workspace. A task installs"
    " the libraries that its job names."
)
Kept = Mapping[str, Any]


def installed(now: Iterable[Kept], libraries: list[Any]) -> list[Kept]:
    """The list with these libraries; one that was to leave stays."""
    check(libraries)
    others = [one for one in now if one["library"] not in libraries]
    return [*others, *({"library": one, "status": SKIPPED} for one in _distinct(libraries))]


def uninstalled(now: Iterable[Kept], libraries: list[Any], *, runs: bool) -> list[Kept]:
    """The list without these, or with these marked when the cluster runs."""
    check(libraries)
    if not runs:
        return [one for one in now if one["library"] not in libraries]
    return [{**one, "status": LEAVING} if one["library"] in libraries else one for one in now]


def on_restart(now: Iterable[Kept]) -> list[Kept]:
    return [one for one in now if one["status"] != LEAVING]


def check(libraries: list[Any]) -> None:
    """Each is of one kind. Raises INVALID_PARAMETER_VALUE."""
    for at, one in enumerate(libraries):
        kinds = [kind for kind in KINDS if isinstance(one, dict) and one.get(kind)]
        if len(kinds) != 1:
            raise invalid(f"libraries[{at}] needs exactly one of {', '.join(KINDS)}")
        field = REQUIRED.get(kinds[0])
        if field and not (isinstance(one[kinds[0]], dict) and one[kinds[0]].get(field)):
            raise invalid(f"libraries[{at}].{kinds[0]}.{field} is required")


def show(one: Kept) -> dict[str, Any]:
    return {
        "library": one["library"],
        "status": one["status"],
        "messages": [NOTHING_RUNS],
        "is_library_for_all_clusters": False,
    }


def _distinct(libraries: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one in libraries:
        if one not in found:
            found.append(one)
    return found
