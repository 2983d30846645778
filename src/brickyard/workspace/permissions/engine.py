"""Object permissions: who may view, run, edit or manage a job, an experiment, a folder.

Entries are direct; an object may inherit from others (a notebook from its folders), which the
caller names. Admins of a workspace inherit the highest level on everything in it, as on Databricks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Connection, String, Table, delete, insert, select

from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.kernel import (
    METADATA,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    invalid,
)
from brickyard.workspace.permissions.levels import (
    canonical,
    highest_manageable,
    is_owned,
    levels_of,
    rank,
)

ENTRIES = Table(
    "permissions_entries",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("object_type", String, primary_key=True),
    Column("object_id", String, primary_key=True),
    Column("kind", String, primary_key=True),  # user_name | group_name | service_principal_name
    Column("name", String, primary_key=True),
    Column("level", String, nullable=False),
)
KINDS = ("user_name", "group_name", "service_principal_name")
ADMINS = "admins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One grant of a level; `kind` is the API's field for the principal."""

    kind: str
    name: str
    level: str

    def covers(self, principal: Principal) -> bool:
        if self.kind == "group_name":
            return self.name in principal.groups
        return self.name == principal.user_name


@dataclass(frozen=True, slots=True)
class Subject:
    """An object that has permissions."""

    type: str
    id: str


class PermissionsEngine:
    """Entries of every workspace, and the decision whether somebody may do something."""

    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
    ) -> None:
        self._store = store
        self._workspaces = workspaces
        self._identity = identity

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def entries(self, workspace: WorkspaceInfo, subject: Subject) -> tuple[Entry, ...]:
        """The direct entries of one object, highest level first."""
        with self._store.read() as tx:
            found = _entries(tx, workspace.name, subject)
        return tuple(sorted(found, key=lambda e: (-rank(subject.type, e.level), e.kind, e.name)))

    def level(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        object_type: str,
        object_id: str,
        parents: Sequence[Subject] = (),
    ) -> str:
        """The highest level somebody has, by themself, a group or a parent; '' for none."""
        kind = canonical(object_type)
        if principal.is_admin:
            return highest_manageable(kind)
        best = -1
        with self._store.read() as tx:
            for subject in (Subject(kind, object_id), *parents):
                for entry in _entries(tx, workspace.name, subject):
                    if entry.covers(principal):
                        best = max(best, rank(kind, entry.level))
        return levels_of(kind)[best] if best >= 0 else ""

    def held(
        self, principal: Principal, workspace: WorkspaceInfo, object_type: str
    ) -> dict[str, str]:
        """Object id to the highest level that entries of the object itself give somebody."""
        kind = canonical(object_type)
        chosen = (ENTRIES.c.workspace == workspace.name, ENTRIES.c.object_type == kind)
        best: dict[str, str] = {}
        with self._store.read() as tx:
            for row in tx.execute(select(ENTRIES).where(*chosen)):
                entry = Entry(kind=row.kind, name=row.name, level=row.level)
                before = best.get(row.object_id, "")
                if entry.covers(principal) and rank(kind, entry.level) > rank(kind, before):
                    best[row.object_id] = entry.level
        return best

    def can(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        object_type: str,
        object_id: str,
        level: str,
        parents: Sequence[Subject] = (),
    ) -> bool:
        """Whether somebody has at least `level`."""
        has = self.level(principal, workspace, object_type, object_id, parents)
        return rank(object_type, has) >= rank(object_type, level) >= 0

    def require(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        object_type: str,
        object_id: str,
        level: str,
        parents: Sequence[Subject] = (),
    ) -> None:
        """Raises PERMISSION_DENIED unless somebody has at least `level`."""
        if not self.can(principal, workspace, object_type, object_id, level, parents):
            raise denied(
                f"{principal.user_name} does not have {level} permission on"
                f" {canonical(object_type)} {object_id}"
            )

    def require_admin(self, principal: Principal, doing: str) -> None:
        """Raises PERMISSION_DENIED unless an administrator asks; `doing` as in "pin clusters"."""
        if not principal.is_admin:
            raise denied(f"Only workspace administrators may {doing}")

    def grant_owner(
        self, principal: Principal, workspace: WorkspaceInfo, object_type: str, object_id: str
    ) -> None:
        """Make the creator of a new object its owner or manager."""
        kind = canonical(object_type)
        entry = Entry(
            kind=_kind(principal), name=principal.user_name, level=highest_manageable(kind)
        )
        with self._store.begin() as tx:
            _put(tx, workspace.name, Subject(kind, object_id), [entry])

    def replace(
        self,
        workspace: WorkspaceInfo,
        subject: Subject,
        entries: Iterable[Entry],
        caller: Principal,
    ) -> None:
        """Set the direct entries. The owner, or the caller, keeps access as on Databricks."""
        wanted = self._checked(workspace, subject, entries)
        if is_owned(subject.type) and not any(entry.level == "IS_OWNER" for entry in wanted):
            raise invalid("The permissions must have exactly one owner (IS_OWNER).")
        with self._store.begin() as tx:
            if not is_owned(subject.type) and not wanted:
                level = highest_manageable(subject.type)
                wanted = [Entry(kind=_kind(caller), name=caller.user_name, level=level)]
            _require_owner_stays(_entries(tx, workspace.name, subject), wanted, caller)
            tx.execute(delete(ENTRIES).where(*_where(workspace.name, subject)))
            _put(tx, workspace.name, subject, wanted)

    def merge(
        self,
        workspace: WorkspaceInfo,
        subject: Subject,
        entries: Iterable[Entry],
        caller: Principal | None = None,
    ) -> None:
        """Add or change entries, principal by principal. A new owner takes the old one's place.

        `caller` is who asks for it; none when the workspace itself does.
        """
        wanted = self._checked(workspace, subject, entries)
        new_owner = next((entry for entry in wanted if entry.level == "IS_OWNER"), None)
        with self._store.begin() as tx:
            before = _entries(tx, workspace.name, subject)
            if caller is not None:
                _require_owner_stays(before, wanted, caller)
            if new_owner is not None:
                old = [entry for entry in before if entry.level == "IS_OWNER"]
                for entry in old:
                    tx.execute(delete(ENTRIES).where(*_whose(workspace.name, subject, entry)))
            elif any(e.level == "IS_OWNER" and _same(e, w) for e in before for w in wanted):
                raise invalid("The owner's permission can't be lowered; name another owner first.")
            _put(tx, workspace.name, subject, wanted)

    def withdraw(self, workspace: WorkspaceInfo, subject: Subject, entry: Entry) -> None:
        """Take one entry away, if it still is as given. The workspace itself asks for it."""
        with self._store.begin() as tx:
            where = (*_whose(workspace.name, subject, entry), ENTRIES.c.level == entry.level)
            tx.execute(delete(ENTRIES).where(*where))

    def forget(self, workspace: WorkspaceInfo, object_type: str, object_id: str) -> None:
        """Drop the entries of an object that is gone."""
        subject = Subject(canonical(object_type), object_id)
        with self._store.begin() as tx:
            tx.execute(delete(ENTRIES).where(*_where(workspace.name, subject)))

    def _checked(
        self, workspace: WorkspaceInfo, subject: Subject, entries: Iterable[Entry]
    ) -> list[Entry]:
        """The entries, one a principal, highest level; raises for unknown levels and principals."""
        best: dict[tuple[str, str], Entry] = {}
        owners = 0
        for entry in entries:
            if rank(subject.type, entry.level) < 0:
                allowed = ", ".join(levels_of(subject.type))
                raise invalid(
                    f"{entry.level or 'an empty level'} is not a permission level of"
                    f" {subject.type}; it has {allowed}"
                )
            if not self._knows(entry, workspace):
                raise invalid(f"Principal {entry.name} does not exist in this workspace")
            owners += entry.level == "IS_OWNER"
            if entry.level == "IS_OWNER" and entry.kind == "group_name":
                raise invalid("A group can't be the owner (IS_OWNER).")
            key = (entry.kind, entry.name)
            if key not in best or rank(subject.type, entry.level) > rank(
                subject.type, best[key].level
            ):
                best[key] = entry
        if owners > 1:
            raise invalid("The permissions must have exactly one owner (IS_OWNER).")
        return list(best.values())

    def _knows(self, entry: Entry, workspace: WorkspaceInfo) -> bool:
        if entry.kind == "group_name":
            return self._identity.is_group(entry.name, workspace.name)
        if entry.kind == "service_principal_name":
            return self._identity.is_service_principal(entry.name)
        return self._identity.is_user(entry.name)


def _require_owner_stays(
    before: Iterable[Entry], wanted: Iterable[Entry], caller: Principal
) -> None:
    """Raise PERMISSION_DENIED when somebody else than an administrator makes another the owner.

    A job runs as its owner: whoever could name one could act as anybody.
    """
    owners = {(one.kind, one.name) for one in before if one.level == "IS_OWNER"}
    for entry in wanted:
        if entry.level != "IS_OWNER" or (entry.kind, entry.name) in owners or caller.is_admin:
            continue
        raise denied(f"Only workspace administrators may make {entry.name} the owner (IS_OWNER)")


def _entries(tx: Connection, workspace: str, subject: Subject) -> list[Entry]:
    rows = tx.execute(select(ENTRIES).where(*_where(workspace, subject)))
    return [Entry(kind=row.kind, name=row.name, level=row.level) for row in rows]


def _put(tx: Connection, workspace: str, subject: Subject, entries: Iterable[Entry]) -> None:
    for entry in entries:
        tx.execute(delete(ENTRIES).where(*_whose(workspace, subject, entry)))
        tx.execute(
            insert(ENTRIES).values(
                workspace=workspace,
                object_type=subject.type,
                object_id=subject.id,
                kind=entry.kind,
                name=entry.name,
                level=entry.level,
            )
        )


def _where(workspace: str, subject: Subject) -> tuple[ColumnElement[bool], ...]:
    return (
        ENTRIES.c.workspace == workspace,
        ENTRIES.c.object_type == subject.type,
        ENTRIES.c.object_id == subject.id,
    )


def _whose(workspace: str, subject: Subject, entry: Entry) -> tuple[ColumnElement[bool], ...]:
    whose = (ENTRIES.c.kind == entry.kind, ENTRIES.c.name == entry.name)
    return (*_where(workspace, subject), *whose)


def _kind(principal: Principal) -> str:
    return "service_principal_name" if principal.is_service_principal else "user_name"


def _same(one: Entry, other: Entry) -> bool:
    return (one.kind, one.name) == (other.kind, other.name)
