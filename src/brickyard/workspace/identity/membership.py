"""Changes to the directory, as SCIM asks for them: every rule about who may be what.

A workspace adds people to the account and to itself; removing one takes it out of that workspace.
Groups made in a workspace are the account's and stay managed from there.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from brickyard.workspace.identity import directory, scim
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.identity.records import (
    ADMINS,
    BUILT_IN,
    USERS,
    Group,
    Kind,
    Person,
    new_id,
)
from brickyard.workspace.identity.scim_patch import BadPatch, patched
from brickyard.workspace.kernel import Principal

LONGEST_NAME: Final = 200  # bytes


class Membership:
    """The directory as one workspace sees and changes it."""

    def __init__(self, identity: IdentityEngine, workspace: str, caller: Principal) -> None:
        self._caller = caller
        self._identity = identity
        self._workspace = workspace

    # -- users and service principals --------------------------------------------------------

    def people(self, kind: Kind) -> list[dict[str, Any]]:
        with self._identity.look() as tx:
            return [self._person(tx, one) for one in directory.people_of(tx, self._workspace, kind)]

    def person(self, person_id: str, kind: Kind) -> dict[str, Any]:
        with self._identity.look() as tx:
            return self._person(tx, self._find(tx, person_id, kind))

    def add_person(self, document: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
        with self._identity.write() as tx:
            name = _user_name(document, kind)
            found = directory.person_named(tx, name)
            if found is not None and found.kind is not kind:
                raise scim.fault(409, f"{name} is taken by another kind of identity", "uniqueness")
            if found and self._workspace in directory.workspaces_of(tx, found.id):
                raise scim.fault(
                    409, f"{_word(kind)} with name {name} already exists", "uniqueness"
                )
            if found is None:
                found = _read_person(
                    document, Person(id=new_id(), kind=kind, user_name=name, display_name="")
                )
                directory.add_person(tx, found)
            directory.assign(tx, found.id, self._workspace)
            self._join(tx, found, document)
            return self._person(tx, found)

    def save_person(
        self, person_id: str, kind: Kind, document: Mapping[str, Any]
    ) -> dict[str, Any]:
        with self._identity.write() as tx:
            return self._save(tx, self._find(tx, person_id, kind), document)

    def patch_person(self, person_id: str, kind: Kind, operations: Any) -> dict[str, Any]:
        with self._identity.write() as tx:
            found = self._find(tx, person_id, kind)
            return self._save(tx, found, _patched(self._person(tx, found), operations))

    def drop_person(self, person_id: str, kind: Kind) -> None:
        with self._identity.write() as tx:
            found = self._find(tx, person_id, kind)
            admins = directory.group_named(tx, ADMINS, self._workspace)
            if admins and directory.members_of(tx, admins.id) == [found.id]:
                raise scim.fault(400, "The last administrator of a workspace cannot be removed")
            directory.unassign(tx, found.id, self._workspace)

    def _save(self, tx: Connection, found: Person, document: Mapping[str, Any]) -> dict[str, Any]:
        name = _user_name({"applicationId": found.user_name, **document}, found.kind)
        if name != found.user_name:
            raise scim.fault(400, "The user name of an identity cannot change", "mutability")
        saved = _read_person(document, found)
        if saved != found and not directory.administers(tx, self._caller.id, found.id):
            raise scim.fault(
                403,
                f"{found.display_name} belongs to other workspaces too: only an administrator of"
                " all of them may change it",
            )
        directory.save_person(tx, saved)
        return self._person(tx, saved)

    def _join(self, tx: Connection, person: Person, document: Mapping[str, Any]) -> None:
        given = document.get("groups") or []
        if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
            raise scim.fault(400, "groups must be a list of objects", "invalidSyntax")
        for item in given:
            group = self._own(tx, str(item.get("value", "")))
            members = directory.members_of(tx, group.id)
            directory.set_members(tx, group.id, [*members, person.id])

    def _find(self, tx: Connection, person_id: str, kind: Kind) -> Person:
        found = directory.person_by_id(tx, _number(person_id))
        here = found and self._workspace in directory.workspaces_of(tx, found.id)
        if found is None or not here or found.kind is not kind:
            raise scim.fault(404, f"{_word(kind)} with id {person_id} not found.")
        return found

    def _person(self, tx: Connection, person: Person) -> dict[str, Any]:
        groups = directory.direct_groups(tx, person.id, self._workspace)
        return scim.person_document(person, groups)

    # -- groups ------------------------------------------------------------------------------

    def groups(self) -> list[dict[str, Any]]:
        with self._identity.look() as tx:
            return [self._shown(tx, one) for one in directory.groups_of(tx, self._workspace)]

    def group(self, group_id: str) -> dict[str, Any]:
        with self._identity.look() as tx:
            return self._shown(tx, self._group(tx, group_id))

    def add_group(self, document: Mapping[str, Any]) -> dict[str, Any]:
        with self._identity.write() as tx:
            group = Group(
                id=new_id(),
                display_name=self._free_name(tx, document),
                workspace=self._workspace,
                details=scim.kept(document),
            )
            directory.add_group(tx, group)
            self._set_members(tx, group, document)
            return self._shown(tx, group)

    def save_group(self, group_id: str, document: Mapping[str, Any]) -> dict[str, Any]:
        with self._identity.write() as tx:
            return self._save_group(tx, self._own(tx, group_id), document)

    def patch_group(self, group_id: str, operations: Any) -> dict[str, Any]:
        with self._identity.write() as tx:
            found = self._own(tx, group_id)
            return self._save_group(tx, found, _patched(self._shown(tx, found), operations))

    def drop_group(self, group_id: str) -> None:
        with self._identity.write() as tx:
            found = self._own(tx, group_id)
            if found.display_name in BUILT_IN:
                raise scim.fault(400, f"The group {found.display_name!r} cannot be removed")
            directory.drop_group(tx, found.id)

    def _save_group(
        self, tx: Connection, found: Group, document: Mapping[str, Any]
    ) -> dict[str, Any]:
        name = str(document.get("displayName") or found.display_name)
        if name != found.display_name:
            if found.display_name in BUILT_IN:
                raise scim.fault(400, f"The group {found.display_name!r} cannot be renamed")
            name = self._free_name(tx, document)
        saved = replace(found, display_name=name, details=scim.kept(document))
        directory.save_group(tx, saved)
        self._set_members(tx, saved, document)
        return self._shown(tx, saved)

    def _set_members(self, tx: Connection, group: Group, document: Mapping[str, Any]) -> None:
        if group.display_name == USERS:
            return  # everybody who is assigned to the workspace
        wanted = [self._member(tx, str(item.get("value"))) for item in _items(document, "members")]
        if directory.would_circle(tx, group.id, wanted):
            raise scim.fault(400, "A group cannot contain itself", "invalidValue")
        if group.display_name == ADMINS and not wanted:
            raise scim.fault(400, "A workspace keeps at least one administrator", "invalidValue")
        directory.set_members(tx, group.id, wanted)

    def _member(self, tx: Connection, member_id: str) -> int:
        number = _number(member_id)
        if directory.person_by_id(tx, number) or directory.group_by_id(tx, number, self._workspace):
            return number
        raise scim.fault(404, f"There is no identity with id {member_id}")

    def _free_name(self, tx: Connection, document: Mapping[str, Any]) -> str:
        name = document.get("displayName")
        if not isinstance(name, str) or not name.strip():
            raise scim.fault(400, "displayName is required", "invalidValue")
        if name in BUILT_IN or directory.group_named(tx, name, self._workspace):
            raise scim.fault(409, f"Group with name {name} already exists.", "uniqueness")
        if directory.person_named(tx, name):
            raise scim.fault(409, f"{name} is the name of a user", "uniqueness")
        return name

    def _group(self, tx: Connection, group_id: str) -> Group:
        found = directory.group_by_id(tx, _number(group_id), self._workspace)
        if found is None:
            raise scim.fault(404, f"Group with id {group_id} not found.")
        return found

    def _own(self, tx: Connection, group_id: str) -> Group:
        found = self._group(tx, group_id)
        if found.workspace != self._workspace:
            raise scim.fault(
                403,
                f"The group {found.display_name!r} is managed from the workspace"
                f" {found.workspace!r}; change it there.",
            )
        return found

    def _shown(self, tx: Connection, group: Group) -> dict[str, Any]:
        members: list[Person | Group] = []
        if group.display_name == USERS:
            members.extend(directory.people_in(tx, self._workspace))
        for one in directory.members_of(tx, group.id):
            member = directory.person_by_id(tx, one) or directory.group_by_id(
                tx, one, self._workspace
            )
            if member is not None:
                members.append(member)
        return scim.group_document(group, members)


def _patched(document: Mapping[str, Any], operations: Any) -> dict[str, Any]:
    try:
        return patched(document, operations)
    except BadPatch as fault:
        raise scim.fault(400, str(fault), "invalidSyntax") from None


def _user_name(document: Mapping[str, Any], kind: Kind) -> str:
    """A name that its folder, `/Users/<name>`, can have, too."""
    if kind is Kind.SERVICE_PRINCIPAL:
        return _name_of("applicationId", str(document.get("applicationId") or uuid.uuid4()))
    name = document.get("userName")
    if not isinstance(name, str) or not name.strip():
        raise scim.fault(400, "userName is required", "invalidValue")
    return _name_of("userName", name.strip().lower())


def _name_of(field: str, name: str) -> str:
    is_long = len(name.encode(errors="replace")) > LONGEST_NAME
    if is_long or name in (".", "..") or "/" in name or not name.isprintable():
        rule = f"up to {LONGEST_NAME} bytes, printable, without '/'"
        raise scim.fault(400, f"{field} cannot be {name[:40]!r}: {rule}", "invalidValue")
    return name


def _read_person(document: Mapping[str, Any], was: Person) -> Person:
    active = document.get("active", was.active)
    if isinstance(active, str):  # some identity providers send text
        active = active.lower() == "true"
    fallback = was.display_name or was.user_name
    return replace(
        was,
        display_name=str(document.get("displayName") or fallback),
        active=bool(active),
        details=scim.kept(document),
    )


def _items(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    items = document.get(name) or []
    if not isinstance(items, list) or not all(isinstance(one, Mapping) for one in items):
        raise scim.fault(400, f"{name} must be a list of objects", "invalidValue")
    return items


def _word(kind: Kind) -> str:
    return "User" if kind is Kind.USER else "Service principal"


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else -1
