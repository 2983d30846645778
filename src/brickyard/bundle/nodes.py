"""The resources of a bundle as the planner takes them: each one, its permissions, its grants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.resolved import Declared, Resolved

PARTS: Final = ("permissions", "grants")


def nodes(resolved: Resolved) -> tuple[Declared, ...]:
    """Everything that is deployed by itself, a resource before its parts, empty lists left out."""
    return tuple(_nodes(resolved))


def _nodes(resolved: Resolved) -> Iterator[Declared]:
    for resource in resolved.resources:
        yield resource
        for part in PARTS:
            value = resource.value.child(part)
            if value is not None and value.elements:
                yield Declared(
                    address=f"{resource.address}.{part}",
                    type=resource.type,
                    key=resource.key,
                    value=value,
                    part=part,
                )
