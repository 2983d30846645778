"""The service principals that the workspace makes for its apps: one each, with its secrets.

Nobody asks for them by SCIM, and they go with their app.
"""

from __future__ import annotations

import uuid

from brickyard.workspace.identity import credentials, directory
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.identity.records import Kind, Person, new_id

SECRET_LIFETIME_S = 365 * 24 * 3600


def new_principal(display_name: str) -> Person:
    """Who it will be: nothing is kept yet, so that its ids can be noted first."""
    return Person(
        id=new_id(),
        kind=Kind.SERVICE_PRINCIPAL,
        user_name=str(uuid.uuid4()),
        display_name=display_name,
    )


def add_principal(identity: IdentityEngine, workspace: str, person: Person) -> None:
    """Keep it, in one workspace, without any right."""
    with identity.write() as tx:
        directory.add_person(tx, person)
        directory.assign(tx, person.id, workspace)


def drop_principal(identity: IdentityEngine, workspace: str, person_id: int) -> None:
    """Take it out of the workspace, with its tokens and secrets."""
    with identity.write() as tx:
        directory.unassign(tx, person_id, workspace)


def renew_secret(identity: IdentityEngine, person_id: int) -> str:
    """Another OAuth secret; its text. The one before stays good, for what still runs with it."""
    with identity.write() as tx:
        for old in credentials.secrets_of(tx, person_id)[:-1]:
            credentials.drop_secret(tx, old.id)
        return credentials.add_secret(tx, person_id, SECRET_LIFETIME_S)[1]
