"""The identities of a new data directory, the same on every machine.

The person who runs the workspace is `<login>@localhost`, administrator of all three workspaces;
staging and prod are deployed to by a service principal each, administrator of its own only.
"""

from __future__ import annotations

import getpass
import uuid

from sqlalchemy import Connection

from brickyard.workspace.identity import directory
from brickyard.workspace.identity.records import ADMINS, USERS, Group, Kind, Person, fixed_id

PERSONAL = "dev"  # the workspace that the person deploys to


def person_name() -> str:
    return f"{getpass.getuser()}@localhost"


def deployer_name(workspace: str) -> str:
    """The user name of who deploys to the workspace."""
    if workspace == PERSONAL:
        return person_name()
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"deployer.{workspace}.brickyard.localhost"))


def put_in_place(tx: Connection, workspaces: tuple[str, ...]) -> None:
    """Add what is missing; nothing that exists is changed, except that the person is let in."""
    person = _ensure(tx, person_name(), getpass.getuser(), Kind.USER)
    for workspace in workspaces:
        admins = _ensure_group(tx, ADMINS, workspace)
        _ensure_group(tx, USERS, workspace)
        wanted = {person.id}
        directory.assign(tx, person.id, workspace)
        if workspace != PERSONAL:
            name = deployer_name(workspace)
            robot = _ensure(tx, name, f"deployer-{workspace}", Kind.SERVICE_PRINCIPAL)
            directory.assign(tx, robot.id, workspace)
            wanted.add(robot.id)
        now = set(directory.members_of(tx, admins.id))
        if not wanted <= now:
            directory.set_members(tx, admins.id, now | wanted)


def _ensure(tx: Connection, user_name: str, display_name: str, kind: Kind) -> Person:
    found = directory.person_named(tx, user_name)
    if found is None:
        found = Person(
            id=fixed_id(user_name), kind=kind, user_name=user_name, display_name=display_name
        )
        directory.add_person(tx, found)
    return found


def _ensure_group(tx: Connection, name: str, workspace: str) -> Group:
    found = directory.group_named(tx, name, workspace)
    if found is None:
        found = Group(
            id=fixed_id(f"{name}/{workspace}"),
            display_name=name,
            workspace=workspace,
            is_local=True,
        )
        directory.add_group(tx, found)
    return found
