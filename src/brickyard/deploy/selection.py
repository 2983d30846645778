"""`--select NAME | TYPE.NAME`: a plan narrowed to some resources and what they need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from brickyard.deploy.plan import Plan, PlanFault
from brickyard.deploy.references import CHILDREN


def selected_addresses(names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The addresses that selectors name, among known ones. Raises `PlanFault`.

    One selector may hold several, separated by commas. A name alone must be of one resource.
    """
    resources = [address for address in known if address.count(".") == 2]
    found: dict[str, None] = {}
    for name in (part.strip() for text in names for part in text.split(",") if part.strip()):
        wanted = name.removeprefix("resources.")
        fits = sorted(
            address
            for address in resources
            if wanted in (address.removeprefix("resources."), address.rsplit(".", 1)[-1])
        )
        if not fits:
            raise PlanFault(f"no such resource: {name}")
        if len(fits) > 1:
            kinds = ", ".join(address.removeprefix("resources.") for address in fits)
            raise PlanFault(
                f"ambiguous resource: {name} (can resolve to {kinds}); use a qualified name to"
                " disambiguate"
            )
        found[fits[0]] = None
    return tuple(found)


def addresses_of(resources: Mapping[str, Any]) -> list[str]:
    """The addresses of a bundle's resources."""
    return [f"resources.{kind}.{key}" for kind in resources for key in resources[kind] or {}]


def narrowed(plan: Plan, addresses: Iterable[str]) -> Plan:
    """The plan with these nodes, their permissions and grants, and all that they depend on."""
    waiting = [
        name
        for address in addresses
        for name in (address, *(f"{address}.{part}" for part in CHILDREN))
        if name in plan.nodes
    ]
    kept: dict[str, None] = {}
    while waiting:
        name = waiting.pop()
        if name not in kept and name in plan.nodes:
            kept[name] = None
            waiting += [dependency.node for dependency in plan.nodes[name].depends_on]
    nodes = {name: node for name, node in plan.nodes.items() if name in kept}
    return replace(plan, nodes=nodes, not_selected=len(plan.nodes) - len(nodes))
