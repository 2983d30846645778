"""Lists of permissions that the service refuses: two owners, an owner that cannot own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from brickyard.values import Diagnostic, Path, Value, refusal, show

# Types whose objects have an owner, and of these the ones that a group may not own.
OWNED: Final = ("jobs", "pipelines", "sql_warehouses")
NOT_BY_GROUPS: Final = ("jobs", "pipelines")
PRINCIPALS: Final = ("user_name", "service_principal_name", "group_name")

Found: TypeAlias = Iterator[Diagnostic]


def check_permissions(kind: str, resource: Value, at: Path) -> Found:
    """Exactly one owner where there is one, and who it may be. Reads the merged list."""
    permissions = resource.child("permissions")
    where = (*at, "permissions")
    owners = [
        (index, entry)
        for index, entry in enumerate(permissions.elements if permissions is not None else ())
        if (level := entry.child("level")) is not None and level.data == "IS_OWNER"
    ]
    if owners and kind not in OWNED:
        yield refusal(
            "bundle/owner",
            "permission level IS_OWNER does not exist here",
            f"Objects under `{kind}` have no owner in their permissions. Write CAN_MANAGE.",
            path=show((*where, owners[0][0], "level")),
            at=owners[0][1].locations,
        )
        return
    if len(owners) > 1:
        names = [_principal(entry) for _, entry in owners]
        yield refusal(
            "bundle/owner",
            "permissions name more than one owner",
            f"There can be one, and these are {', '.join(names)}. Keep IS_OWNER for the one, and"
            " give the others CAN_MANAGE. Lists of the targets add up with this one.",
            path=show(where),
            at=[place for _, entry in owners for place in entry.locations],
        )
    for index, entry in owners:
        group = entry.child("group_name")
        if group is not None and group.data and kind in NOT_BY_GROUPS:
            yield refusal(
                "bundle/owner",
                "a group cannot be the owner",
                f"Give {group.plain()} CAN_MANAGE, and IS_OWNER to a user or service principal.",
                path=show((*where, index)),
                at=entry.locations,
            )


def _principal(entry: Value) -> str:
    for name in PRINCIPALS:
        part = entry.child(name)
        if part is not None and part.data:
            return str(part.data)
    return "nobody"
