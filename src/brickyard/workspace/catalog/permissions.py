"""Who was granted what: shown, changed, and with what is inherited.

Granting takes MANAGE on the securable (its owner has it). Only principals that exist can be granted
anything: a typing error would otherwise look like success.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from brickyard.workspace.catalog import grants, names, privileges, securables
from brickyard.workspace.catalog.access import Access, kind_of
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Principal, WorkspaceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    principal: str
    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    clears: bool = False  # takes away whatever is granted directly, first


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    principal: str
    privilege: str
    inherited_from: Securable | None  # None when granted directly


class Permissions:
    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access

    def assignments(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        securable_type: str,
        full_name: str,
        *,
        only: str = "",
    ) -> Mapping[str, frozenset[str]]:
        """Principal -> privileges granted directly, of all or `only` one principal."""
        with self._metastore.read() as tx:
            chain = self._chain(tx, principal, workspace, securable_type, full_name)
            held = grants.direct(tx, [chain[-1].id])[chain[-1].id]
        return {who: what for who, what in held.items() if only in ("", who)}

    def effective(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        securable_type: str,
        full_name: str,
        *,
        only: str = "",
    ) -> list[Effective]:
        """Everything that holds on a securable, granted on it or on what contains it."""
        with self._metastore.read() as tx:
            chain = self._chain(tx, principal, workspace, securable_type, full_name)
            held = grants.direct(tx, [one.id for one in chain])
        target = chain[-1]
        found = []
        for one in reversed(chain):
            for who, what in sorted(held[one.id].items()):
                found += [
                    Effective(
                        principal=who,
                        privilege=privilege,
                        inherited_from=None if one is target else one,
                    )
                    for privilege in sorted(what & privileges.GRANTABLE[target.kind])
                    if only in ("", who)
                ]
        return found

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        securable_type: str,
        full_name: str,
        changes: Iterable[Change],
    ) -> Mapping[str, frozenset[str]]:
        """Grant and revoke; what is granted directly afterwards. Adding wins over removing."""
        kind = kind_of(securable_type)
        self._access.authorize(principal, workspace, MANAGE, kind, full_name)
        wanted = list(changes)
        for one in wanted:
            if one.add:
                self._metastore.check_principal(one.principal)
        with self._metastore.begin() as tx:
            found = _need(tx, kind, full_name)
            for one in wanted:
                removed = [privileges.normalised(name, found.kind) for name in one.remove]
                added = [privileges.normalised(name, found.kind) for name in one.add]
                if one.clears:
                    removed = list(grants.direct(tx, [found.id])[found.id].get(one.principal, ()))
                grants.take(tx, found, one.principal, removed)
                grants.give(tx, found, one.principal, added)
            return grants.direct(tx, [found.id])[found.id]

    def _chain(
        self,
        tx: Connection,
        principal: Principal,
        workspace: WorkspaceInfo,
        securable_type: str,
        full_name: str,
    ) -> list[Securable]:
        """From the catalog to a securable that the principal may see."""
        kind = kind_of(securable_type)
        if kind == "metastore":
            return [securables.need(tx, "metastore", "")]
        self._access.authorize(principal, workspace, BROWSE, kind, full_name)
        found = _need(tx, kind, full_name)
        chain = [found]
        while chain[0].parent_id is not None:
            parent = securables.by_id(tx, chain[0].parent_id)
            if parent is None or parent.kind == "metastore":
                break
            chain.insert(0, parent)
        return chain


def _need(tx: Connection, kind: str, full_name: str) -> Securable:
    """A securable; a model is found as a function too, as the API names it."""
    if kind == "metastore":
        return securables.need(tx, "metastore", "")
    name = names.full(kind, full_name)
    found = securables.find(tx, kind, name)
    if found is None:
        raise names.missing(kind, name)
    return found
