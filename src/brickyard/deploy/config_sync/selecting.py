"""`--select-ids TYPE:ID`: changes narrowed to resources by their ids in the workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from brickyard.deploy.config_sync.changes import Changes
from brickyard.deploy.state import State

LISTED: Final = 10


class NotDeployed(Exception):
    """No selector is of something deployed, or one is not of the form."""


def selected(changes: Changes, state: State, selectors: Sequence[str]) -> Changes:
    """The changes of these resources. Who is not deployed is passed over, if another one is.

    Raises `NotDeployed`.
    """
    ids = {f"{_type(a)}:{entry.id}": a for a, entry in state.entries.items() if entry.id}
    for selector in selectors:
        kind, mark, id = selector.partition(":")
        if not (kind and mark and id):
            raise NotDeployed(
                f'invalid --select-ids value "{selector}", expected <type>:<id>'
                " (e.g. jobs:123456789)"
            )
    known = [ids[selector] for selector in selectors if selector in ids]
    if not known:
        kind, _, id = selectors[0].partition(":")
        raise NotDeployed(f"no deployed {kind} resource with id {id}; {_described(ids, kind)}")
    return {
        address: fields
        for address, fields in changes.items()
        if any(f"{address}.".startswith(f"{one}.") for one in known)
    }


def _type(address: str) -> str:
    return address.split(".")[1]


def _described(ids: Mapping[str, str], kind: str) -> str:
    """What the state does hold: a stale id, another bundle's and an empty state look alike else."""
    held = [selector for selector, address in ids.items() if address.count(".") == 2]
    if not held:
        return (
            "the deployment state contains no resources with ids (the bundle may not be deployed,"
            " or its resource state is missing)"
        )
    of_kind = sorted(one.partition(":")[2] for one in held if one.partition(":")[0] == kind)
    if not of_kind:
        counted = Counter(one.partition(":")[0] for one in held)
        told = ", ".join(sorted(f"{name}={count}" for name, count in counted.items()))
        return (
            f"the deployment state contains no {kind} resources (deployed resources by type:"
            f" {told})"
        )
    more = f" (and {len(of_kind) - LISTED} more)" if len(of_kind) > LISTED else ""
    return f"deployed {kind} ids in state: {', '.join(of_kind[:LISTED])}{more}"
