"""The resources of a bundle as the planner takes them: each one, its permissions, its grants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.resolved import Declared, Resolved
from brickyard.resources import TYPES
from brickyard.values import Diagnostic, error

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


def undeployable(resolved: Resolved) -> tuple[Diagnostic, ...]:
    """An error for every resource whose type cannot be deployed yet."""
    return tuple(
        error(
            "bundle/type-not-deployable",
            f"{resource.type} cannot be deployed yet",
            f"Brickyard deploys {', '.join(TYPES)}. Deploy this resource with the official CLI, or"
            " leave it out of this target.",
            path=resource.address,
            at=resource.value.key_locations,
        )
        for resource in resolved.resources
        if resource.type not in TYPES
    )
