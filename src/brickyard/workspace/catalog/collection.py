"""What every kind of securable has in common: listed, looked up, changed, removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from brickyard.workspace.catalog import names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Principal, WorkspaceInfo


class Collection:
    """The securables of one kind that lie in one of the kind `ABOVE`."""

    KIND: ClassVar[str]
    ABOVE: ClassVar[str] = "schema"

    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, parent: str
    ) -> list[Securable]:
        """Those of a parent to show here, by name. Raises when the parent may not be seen."""
        self._access.authorize(principal, workspace, BROWSE, self.ABOVE, parent)
        with self._metastore.read() as tx:
            above = securables.need(tx, self.ABOVE, names.full(self.ABOVE, parent))
            found = securables.below(tx, above, self.KIND)
            return self._access.seen(tx, principal, workspace, found)

    def _found(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        """One, for somebody who may see it."""
        self._access.authorize(principal, workspace, BROWSE, self.KIND, full_name)
        with self._metastore.read() as tx:
            return securables.need(tx, self.KIND, names.full(self.KIND, full_name))

    def _changed(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        *,
        privilege: str = MANAGE,
        new_name: str | None = None,
        owner: str | None = None,
        comment: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Securable:
        """Set what is not None, and those details; the others stay."""
        self._access.authorize(principal, workspace, privilege, self.KIND, full_name)
        if owner is not None:
            self._metastore.check_principal(owner)
        by = principal.user_name
        given = {"owner": owner, "comment": comment}
        values: dict[str, Any] = {key: one for key, one in given.items() if one is not None}
        with self._metastore.begin() as tx:
            found = securables.need(tx, self.KIND, names.full(self.KIND, full_name))
            if details:
                values["details"] = {**found.details, **details}
            changed = securables.change(tx, found, by=by, **values)
            if new_name is not None:
                plain = names.normalised(new_name, self.KIND)
                renamed = f"{found.full_name.rpartition('.')[0]}.{plain}"
                changed = securables.rename(tx, changed, renamed, by=by)
        return changed

    def _removed(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        """The one that was there; its folder still is."""
        self._access.authorize(principal, workspace, MANAGE, self.KIND, full_name)
        with self._metastore.begin() as tx:
            found = securables.need(tx, self.KIND, names.full(self.KIND, full_name))
            securables.remove(tx, found)
        return found
