"""External locations and storage credentials: securables of the metastore with nothing behind them.

They are kept, owned, granted and found by bundles as on Databricks; no data of the embedded
workspace lies there, and nothing is read from or written to a cloud's storage. What a credential
would sign in with is not kept.

details of a storage_credential: `settings`, the identity without its secrets.
details of an external_location: `settings`, as the API has them, with `url` and `credential_name`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from brickyard.workspace.catalog import names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo, invalid

CREDENTIAL: Final = "storage_credential"
LOCATION: Final = "external_location"
CREATING: Final[Mapping[str, str]] = {
    CREDENTIAL: "CREATE_STORAGE_CREDENTIAL",
    LOCATION: "CREATE_EXTERNAL_LOCATION",
}
URL: Final = re.compile(r"(s3|s3a|gs|r2|abfs|abfss|wasbs|adl)://[^/\s]+(/\S*)?")


class Outside:
    """One kind of the two: `CREDENTIAL` or `LOCATION`."""

    def __init__(self, metastore: Metastore, access: Access, kind: str) -> None:
        self._metastore = metastore
        self._access = access
        self._kind = kind

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Securable]:
        with self._metastore.read() as tx:
            found = securables.of_kind(tx, self._kind)
            return self._access.seen(tx, principal, workspace, found)

    def get(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> Securable:
        self._access.authorize(principal, workspace, BROWSE, self._kind, name)
        with self._metastore.read() as tx:
            return securables.need(tx, self._kind, names.full(self._kind, name))

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        settings: Mapping[str, Any],
        *,
        comment: str | None = None,
    ) -> Securable:
        """Keep a new one. A location takes the right to create one on its credential, too."""
        privilege = CREATING[self._kind]
        self._access.authorize(principal, workspace, privilege, "metastore", "")
        if self._kind == LOCATION:
            credential = str(settings["credential_name"])
            self._access.authorize(principal, workspace, privilege, CREDENTIAL, credential)
        made = securables.new(
            self._kind,
            names.normalised(name, names.SPELLED[self._kind].lower()),
            parent=self._metastore.root(),
            by=principal.user_name,
            comment=comment,
            details={"settings": dict(settings)},
        )
        with self._metastore.begin() as tx:
            if self._kind == LOCATION:
                _check_url(tx, made)
            securables.add(tx, made)
        return made

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        settings: Mapping[str, Any],
        *,
        new_name: str | None = None,
        owner: str | None = None,
        comment: str | None = None,
    ) -> Securable:
        """Set what is not None and the settings given; the others stay."""
        self._access.authorize(principal, workspace, MANAGE, self._kind, name)
        if "credential_name" in settings:
            credential = str(settings["credential_name"])
            privilege = CREATING[LOCATION]
            self._access.authorize(principal, workspace, privilege, CREDENTIAL, credential)
        if owner is not None:
            self._metastore.check_principal(owner)
        by = principal.user_name
        values = {"owner": owner, "comment": comment}
        with self._metastore.begin() as tx:
            found = securables.need(tx, self._kind, names.full(self._kind, name))
            changed = securables.change(
                tx,
                found,
                by=by,
                details={"settings": {**found.details["settings"], **settings}},
                **{key: value for key, value in values.items() if value is not None},
            )
            if self._kind == LOCATION:
                _check_url(tx, changed)
            if new_name is not None:
                plain = names.normalised(new_name, names.SPELLED[self._kind].lower())
                changed = securables.rename(tx, changed, plain, by=by)
                if self._kind == CREDENTIAL:
                    _follow(tx, found.full_name, plain, by)
        return changed

    def drop(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, *, force: bool
    ) -> None:
        """Remove one. A credential in use is refused unless by `force`."""
        self._access.authorize(principal, workspace, MANAGE, self._kind, name)
        with self._metastore.begin() as tx:
            found = securables.need(tx, self._kind, names.full(self._kind, name))
            users = [one.name for one in _using(tx, found)]
            if users and not force:
                raise ApiError(
                    "INVALID_STATE",
                    f"{found} is used by external location '{users[0]}': delete that first, or"
                    " use force",
                )
            securables.remove(tx, found)


def _using(tx: Connection, credential: Securable) -> list[Securable]:
    if credential.kind != CREDENTIAL:
        return []
    return [
        one
        for one in securables.of_kind(tx, LOCATION)
        if str(one.details["settings"]["credential_name"]).lower() == credential.full_name
    ]


def _follow(tx: Connection, before: str, after: str, by: str) -> None:
    """Locations keep their credential when it gets another name."""
    for one in securables.of_kind(tx, LOCATION):
        settings = one.details["settings"]
        if str(settings["credential_name"]).lower() == before:
            settings = {**settings, "credential_name": after}
            securables.change(tx, one, by=by, details={"settings": settings})


def _check_url(tx: Connection, wanted: Securable) -> None:
    """Refuse what is no cloud storage URL, or lies within another location or around it."""
    url = str(wanted.details["settings"]["url"])
    if not URL.fullmatch(url):
        raise invalid(f"url {url!r} is not a cloud storage URL, as s3://bucket/path")
    mine = url.rstrip("/") + "/"
    for one in securables.of_kind(tx, LOCATION):
        theirs = str(one.details["settings"]["url"]).rstrip("/") + "/"
        if one.id != wanted.id and (mine.startswith(theirs) or theirs.startswith(mine)):
            raise invalid(
                f"Input path url '{url}' overlaps with an existing external location: {one.name}"
            )
