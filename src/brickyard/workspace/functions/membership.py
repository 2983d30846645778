"""`is_account_group_member()` and `is_member()` of SQL: whether whoever asks is in a group.

In a view or function that runs with its owner's rights it is still about who asked.
"""

from __future__ import annotations

from brickyard.workspace.functions.offers import Bound, Offer


def offers() -> tuple[Offer, ...]:
    return tuple(_offer(name) for name in ("is_account_group_member", "is_member"))


def _offer(name: str) -> Offer:
    return Offer(
        name=name,
        parameters=("group",),
        required=1,
        constants=frozenset({"group"}),
        write=_written,
    )


def _written(bound: Bound) -> str:
    return "true" if bound.constants["group"] in bound.asked.caller.asks.groups else "false"
