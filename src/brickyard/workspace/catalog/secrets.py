"""Secrets of Unity Catalog: securables of a schema, their values sealed beside them.

details: `expire_time`, as given; it is shown and has no effect. A value leaves only through
`value`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    LargeBinary,
    Table,
    delete,
    insert,
    select,
)

from brickyard.workspace.catalog import names, securables
from brickyard.workspace.catalog.access import Access, identities
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import METADATA, Principal, WorkspaceInfo, denied, invalid
from brickyard.workspace.secrets.sealing import Seal

VALUES = Table(
    "catalog_secret_values",
    METADATA,
    Column(
        "securable_id", ForeignKey("catalog_securables.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("sealed", LargeBinary, nullable=False),
)
KIND: Final = "secret"
LARGEST_VALUE: Final = 60 * 1024


class Secrets:
    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access
        self._seal = Seal(metastore.home)

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, schema: str = ""
    ) -> list[Securable]:
        """The secrets of a schema, or of all, that somebody may see here."""
        with self._metastore.read() as tx:
            if not schema:
                found = securables.of_kind(tx, KIND)
            else:
                self._access.authorize(principal, workspace, "USE_SCHEMA", "schema", schema)
                parent = securables.need(tx, "schema", names.full("schema", schema))
                found = securables.below(tx, parent, KIND)
        can = self._access.can
        return [one for one in found if can(principal, workspace, BROWSE, KIND, one.full_name)]

    def get(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        self._access.authorize(principal, workspace, BROWSE, KIND, full_name)
        with self._metastore.read() as tx:
            return securables.need(tx, KIND, names.full(KIND, full_name))

    def value(self, principal: Principal, workspace: WorkspaceInfo, found: Securable) -> str | None:
        """The value; None for somebody without READ_SECRET."""
        if not self._access.can(principal, workspace, "READ_SECRET", KIND, found.full_name):
            return None
        with self._metastore.read() as tx:
            query = select(VALUES.c.sealed).where(VALUES.c.securable_id == found.id)
            sealed = tx.execute(query).scalar_one()
        return self._seal.open(sealed, *_bound(found)).decode()

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        value: str,
        *,
        owner: str = "",
        comment: str | None = None,
        expire_time: str | None = None,
    ) -> Securable:
        full_name = names.full(KIND, full_name)
        schema, _, name = full_name.rpartition(".")
        names.normalised(name, KIND)
        self._access.authorize(principal, workspace, "CREATE_SECRET", "schema", schema)
        if owner:
            self._metastore.check_principal(owner)
        with self._metastore.begin() as tx:
            made = securables.new(
                KIND,
                full_name,
                parent=securables.need(tx, "schema", schema),
                by=principal.user_name,
                owner=owner,
                comment=comment,
                details={"expire_time": expire_time} if expire_time else {},
            )
            securables.add(tx, made)
            self._keep(tx, made, value)
        return made

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        given: Mapping[str, Any],
    ) -> Securable:
        """Set what is given: `value`, `comment`, `owner`, `expire_time`.

        Whoever administers the metastore without owning the secret may change its owner alone.
        """
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        if owner := given.get("owner"):
            self._metastore.check_principal(owner)
        with self._metastore.begin() as tx:
            found = securables.need(tx, KIND, names.full(KIND, full_name))
            if set(given) - {"owner"} and found.owner not in identities(principal):
                raise denied(f"Only the owner of {found} may change more than its owner.")
            columns = {key: given[key] for key in ("owner", "comment") if key in given}
            if "expire_time" in given:
                columns["details"] = {**found.details, "expire_time": given["expire_time"]}
            if "value" in given:
                self._keep(tx, found, given["value"])
            return securables.change(tx, found, by=principal.user_name, **columns)

    def drop(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> None:
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        with self._metastore.begin() as tx:
            securables.remove(tx, securables.need(tx, KIND, names.full(KIND, full_name)))

    def _keep(self, tx: Connection, of: Securable, value: str) -> None:
        plain = value.encode()
        if not plain:
            raise invalid("A secret needs a value")
        if len(plain) > LARGEST_VALUE:
            raise invalid("A secret's value may have up to 60 KiB")
        tx.execute(delete(VALUES).where(VALUES.c.securable_id == of.id))
        sealed = self._seal.close(plain, *_bound(of))
        tx.execute(insert(VALUES).values(securable_id=of.id, sealed=sealed))


def _bound(secret: Securable) -> tuple[str, str]:
    return "unity-catalog", secret.id
