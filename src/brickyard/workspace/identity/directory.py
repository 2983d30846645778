"""The account's directory: users, service principals, groups, and who belongs to what.

Nobody is listed as member of a workspace's `users` or of `account users`: everybody who is assigned
is one.
Every function takes the open transaction; the engine decides where one begins and ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from brickyard.workspace.identity.records import (
    ACCOUNT_USERS,
    ADMINS,
    USERS,
    Group,
    Kind,
    Person,
)
from brickyard.workspace.identity.tables import (
    ASSIGNMENTS,
    GROUPS,
    MEMBERS,
    OAUTH_SECRETS,
    PRINCIPALS,
    TOKENS,
)


def person_named(tx: Connection, user_name: str) -> Person | None:
    row = tx.execute(select(PRINCIPALS).where(PRINCIPALS.c.user_name == user_name)).first()
    return _person(row) if row else None


def person_by_id(tx: Connection, person_id: int) -> Person | None:
    row = tx.execute(select(PRINCIPALS).where(PRINCIPALS.c.id == person_id)).first()
    return _person(row) if row else None


def people_of(tx: Connection, workspace: str, kind: Kind) -> list[Person]:
    """Everybody of a kind who is assigned to the workspace, by user name."""
    rows = tx.execute(
        select(PRINCIPALS)
        .join(ASSIGNMENTS, ASSIGNMENTS.c.principal_id == PRINCIPALS.c.id)
        .where(ASSIGNMENTS.c.workspace == workspace, PRINCIPALS.c.kind == kind.value)
        .order_by(PRINCIPALS.c.user_name)
    )
    return [_person(row) for row in rows]


def workspaces_of(tx: Connection, person_id: int) -> frozenset[str]:
    chosen = select(ASSIGNMENTS.c.workspace).where(ASSIGNMENTS.c.principal_id == person_id)
    return frozenset(tx.execute(chosen).scalars())


def add_person(tx: Connection, person: Person) -> None:
    tx.execute(insert(PRINCIPALS).values(_person_row(person)))


def save_person(tx: Connection, person: Person) -> None:
    changed = update(PRINCIPALS).where(PRINCIPALS.c.id == person.id)
    tx.execute(changed.values(_person_row(person)))


def assign(tx: Connection, person_id: int, workspace: str) -> None:
    if workspace not in workspaces_of(tx, person_id):
        tx.execute(insert(ASSIGNMENTS).values(principal_id=person_id, workspace=workspace))


def unassign(tx: Connection, person_id: int, workspace: str) -> None:
    """Take a person out of one workspace; out of the account with the last one."""
    here = and_(ASSIGNMENTS.c.principal_id == person_id, ASSIGNMENTS.c.workspace == workspace)
    tx.execute(delete(ASSIGNMENTS).where(here))
    mine = and_(TOKENS.c.principal_id == person_id, TOKENS.c.workspace == workspace)
    tx.execute(delete(TOKENS).where(mine))
    local = select(GROUPS.c.id).where(GROUPS.c.is_local, GROUPS.c.workspace == workspace)
    left = and_(MEMBERS.c.member_id == person_id, MEMBERS.c.group_id.in_(local))
    tx.execute(delete(MEMBERS).where(left))
    if not workspaces_of(tx, person_id):
        tx.execute(delete(PRINCIPALS).where(PRINCIPALS.c.id == person_id))
        tx.execute(delete(MEMBERS).where(MEMBERS.c.member_id == person_id))
        tx.execute(delete(OAUTH_SECRETS).where(OAUTH_SECRETS.c.principal_id == person_id))


def groups_of(tx: Connection, workspace: str) -> list[Group]:
    """The groups that the workspace sees: its own and the account's."""
    seen = or_(~GROUPS.c.is_local, GROUPS.c.workspace == workspace)
    rows = tx.execute(select(GROUPS).where(seen).order_by(GROUPS.c.display_name))
    return [_group(row) for row in rows]


def group_by_id(tx: Connection, group_id: int, workspace: str) -> Group | None:
    return next((one for one in groups_of(tx, workspace) if one.id == group_id), None)


def group_named(tx: Connection, name: str, workspace: str) -> Group | None:
    return next((one for one in groups_of(tx, workspace) if one.display_name == name), None)


def add_group(tx: Connection, group: Group) -> None:
    tx.execute(insert(GROUPS).values(_group_row(group)))


def save_group(tx: Connection, group: Group) -> None:
    tx.execute(update(GROUPS).where(GROUPS.c.id == group.id).values(_group_row(group)))


def drop_group(tx: Connection, group_id: int) -> None:
    tx.execute(delete(GROUPS).where(GROUPS.c.id == group_id))
    touched = or_(MEMBERS.c.group_id == group_id, MEMBERS.c.member_id == group_id)
    tx.execute(delete(MEMBERS).where(touched))


def people_in(tx: Connection, workspace: str) -> list[Person]:
    """Everybody assigned to the workspace: the members of its `users`."""
    return [one for kind in Kind for one in people_of(tx, workspace, kind)]


def members_of(tx: Connection, group_id: int) -> list[int]:
    chosen = select(MEMBERS.c.member_id).where(MEMBERS.c.group_id == group_id)
    return list(tx.execute(chosen.order_by(MEMBERS.c.member_id)).scalars())


def set_members(tx: Connection, group_id: int, members: Iterable[int]) -> None:
    tx.execute(delete(MEMBERS).where(MEMBERS.c.group_id == group_id))
    rows = [{"group_id": group_id, "member_id": one} for one in sorted(set(members))]
    if rows:
        tx.execute(insert(MEMBERS), rows)


def direct_groups(tx: Connection, member_id: int, workspace: str) -> list[Group]:
    """The groups visible in the workspace that have this member itself."""
    chosen = select(MEMBERS.c.group_id).where(MEMBERS.c.member_id == member_id)
    ids = set(tx.execute(chosen).scalars())
    here = workspace in workspaces_of(tx, member_id)
    return [
        group
        for group in groups_of(tx, workspace)
        if group.id in ids or (here and group.display_name == USERS)
    ]


def group_names(tx: Connection, member_id: int, workspace: str) -> frozenset[str]:
    """Every group the member is in, through other groups too, with the built-in ones."""
    visible = {group.id: group.display_name for group in groups_of(tx, workspace)}
    pairs = tx.execute(select(MEMBERS.c.member_id, MEMBERS.c.group_id)).all()
    parents: dict[int, list[int]] = {}
    for member, group in pairs:
        if group in visible:
            parents.setdefault(member, []).append(group)
    found: set[int] = set()
    here = workspace in workspaces_of(tx, member_id)
    waiting = [member_id, *(one for one, name in visible.items() if here and name == USERS)]
    while waiting:
        fresh = [one for one in parents.get(waiting.pop(), ()) if one not in found]
        found.update(fresh)
        waiting.extend(fresh)
    names = {visible[one] for one in found} | {ACCOUNT_USERS}
    if here:
        return frozenset(names | {USERS})
    return frozenset(names - {ADMINS})


def administers(tx: Connection, caller_id: int, person_id: int) -> bool:
    """Whether the caller is an administrator wherever the person belongs.

    What an identity is and which secrets it has counts in all its workspaces: an administrator of
    one must not become another's through it.
    """
    homes = workspaces_of(tx, person_id)
    return all(ADMINS in group_names(tx, caller_id, one) for one in homes)


def would_circle(tx: Connection, group_id: int, members: Iterable[int]) -> bool:
    """Whether the group would come to contain itself."""
    waiting, seen = list(members), set[int]()
    while waiting:
        one = waiting.pop()
        if one == group_id:
            return True
        if one not in seen:
            seen.add(one)
            waiting.extend(members_of(tx, one))
    return False


def _person(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        kind=Kind(row.kind),
        user_name=row.user_name,
        display_name=row.display_name,
        active=bool(row.active),
        details=json.loads(row.details),
    )


def _person_row(person: Person) -> Mapping[str, Any]:
    return {
        "id": person.id,
        "kind": person.kind.value,
        "user_name": person.user_name,
        "display_name": person.display_name,
        "active": person.active,
        "details": json.dumps(dict(person.details)),
    }


def _group(row: Row[Any]) -> Group:
    return Group(
        id=row.id,
        display_name=row.display_name,
        workspace=row.workspace,
        is_local=bool(row.is_local),
        details=json.loads(row.details),
    )


def _group_row(group: Group) -> Mapping[str, Any]:
    return {
        "id": group.id,
        "display_name": group.display_name,
        "workspace": group.workspace,
        "is_local": group.is_local,
        "details": json.dumps(dict(group.details)),
    }
