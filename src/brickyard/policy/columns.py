"""The exact column of an access whose line is known: where its name is written in that line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from brickyard.policy.accesses import Access, Securable


def placed(accesses: Iterable[Access], files: Mapping[str, bytes]) -> Iterator[Access]:
    """The accesses with their exact columns."""
    lines: dict[str, list[str]] = {}
    for one in accesses:
        if one.file not in lines:
            content = files.get(one.file, b"")
            lines[one.file] = content.decode("utf-8", errors="replace").splitlines()
        known = lines[one.file]
        yield exact(one, known[one.line - 1]) if 0 < one.line <= len(known) else one


def exact(access: Access, line: str) -> Access:
    """The access at its name, where the line has it written out; of several, at the nearest."""
    name = access.full_name
    if "?" in name:
        return access
    if access.securable in {Securable.VOLUME, Securable.PATH}:
        in_volume = access.securable is Securable.VOLUME
        written = re.escape(name.replace(".", "/") if in_volume else name)
        pattern = rf"(?:dbfs:)?/Volumes/{written}" if in_volume else written
    else:
        pattern = r"\s*\.\s*".join(rf"`?{re.escape(part)}`?" for part in name.split("."))
    places = [found.start() + 1 for found in re.finditer(pattern, line, re.IGNORECASE)]
    if not places:
        return access
    return replace(access, column=min(places, key=lambda one: abs(one - access.column)))
