"""Names of wheels: their parts, and which of several is the newest.

Follows `libs/patchwheel` of the official CLI, which compares versions simpler than PEP 440 does.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

TOKEN: Final = re.compile(r"\d+|\D+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelName:
    """`distribution-version(-build)-python-abi-platform.whl`."""

    distribution: str
    version: str
    tags: tuple[str, ...]


def wheel_name(file: str) -> WheelName | None:
    """The parts of a wheel's name; None for anything else."""
    name = posixpath.basename(file)
    parts = name.removesuffix(".whl").split("-")
    if not name.endswith(".whl") or len(parts) not in {5, 6}:
        return None
    return WheelName(distribution=parts[0], version=parts[1], tags=tuple(parts[2:]))


def newest_wheel_names(files: Iterable[str]) -> tuple[str, ...]:
    """Of several wheels of one distribution only the highest version stays; others all do."""
    best: dict[str, tuple[str, str]] = {}
    for file in files:
        name = wheel_name(file)
        key, version = (name.distribution, name.version) if name else (f"/{file}", "")
        if key not in best or compare_versions(version, best[key][1]) > 0:
            best[key] = (file, version)
    return tuple(file for file, _ in best.values())


def compare_versions(left: str, right: str) -> int:
    """Below, at or above zero. Runs of digits count as numbers; not what PEP 440 says of `rc`."""
    for one, other in zip_longest(TOKEN.findall(left), TOKEN.findall(right)):
        if one is None or other is None:
            return -1 if one is None else 1
        if one.isdigit() and other.isdigit():
            if int(one) != int(other):
                return 1 if int(one) > int(other) else -1
        elif one != other:
            return 1 if one > other else -1
    return 0
