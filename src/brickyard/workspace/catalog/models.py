"""Registered models: named, described, tagged, aliased. Their versions are in `versions.py`.

Both registries of the clients, `models` of Unity Catalog and the one of MLflow, see this state.
details: `tags`, `last_version` (numbers are never used twice), `deployment_job_id`. Artifacts lie
in `models/<id>/<version>/`: by id, so that a rename moves nothing and a new model of an old name
starts empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Integer, String, Table, select

from brickyard.workspace.catalog import folders, names, securables
from brickyard.workspace.catalog.collection import Collection
from brickyard.workspace.catalog.privileges import BROWSE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import METADATA, Principal, WorkspaceInfo, invalid, not_found

ALIASES = Table(
    "catalog_model_aliases",
    METADATA,
    Column("model_id", ForeignKey("catalog_securables.id", ondelete="CASCADE"), primary_key=True),
    Column("alias", String, primary_key=True),
    Column("version", Integer, nullable=False),
)


class Models(Collection):
    KIND = "model"

    def everywhere(self, principal: Principal, workspace: WorkspaceInfo) -> list[Securable]:
        """Every model of the metastore to show here, by name."""
        with self._metastore.read() as tx:
            found = securables.of_kind(tx, "model")
        return [
            one
            for one in found
            if self._access.can(principal, workspace, BROWSE, "model", one.full_name)
        ]

    def get(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        return self._found(principal, workspace, full_name)

    def aliases(self, found: Securable) -> Mapping[str, int]:
        """Alias -> version of one model."""
        with self._metastore.read() as tx:
            return aliases_of(tx, found)

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        *,
        comment: str | None = None,
        tags: Mapping[str, str] | None = None,
        deployment_job_id: str | None = None,
    ) -> Securable:
        """An empty model. Who may only add versions to an existing one hears that it exists."""
        full_name = names.full("model", full_name)
        schema, _, name = full_name.rpartition(".")
        names.normalised(name, "model")
        if self._access.can(principal, workspace, "CREATE_MODEL_VERSION", "model", full_name):
            raise names.taken("model", full_name)
        self._access.authorize(principal, workspace, "CREATE_MODEL", "schema", schema)
        details: dict[str, Any] = {"tags": dict(tags or {}), "last_version": 0}
        if deployment_job_id:
            details["deployment_job_id"] = deployment_job_id
        with self._metastore.begin() as tx:
            parent = securables.need(tx, "schema", schema)
            made = securables.new(
                "model",
                full_name,
                parent=parent,
                by=principal.user_name,
                comment=comment,
                details=details,
            )
            securables.add(tx, made)
            folder = self._metastore.home.models / made.id
            folder.mkdir(parents=True)
            return securables.change(
                tx, made, by=principal.user_name, location=self._metastore.relative(folder)
            )

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        *,
        new_name: str | None = None,
        owner: str | None = None,
        comment: str | None = None,
        deployment_job_id: str | None = None,
    ) -> Securable:
        """Set what is not None."""
        details = None
        if deployment_job_id is not None:
            details = {"deployment_job_id": deployment_job_id}
        return self._changed(
            principal,
            workspace,
            full_name,
            new_name=new_name.rpartition(".")[2] if new_name is not None else None,
            owner=owner,
            comment=comment,
            details=details,
        )

    def drop(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> None:
        """Remove a model with all its versions."""
        gone = self._removed(principal, workspace, full_name)
        folders.remove([self._metastore.path(gone)])

    def set_tag(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        key: str,
        value: str | None,
    ) -> None:
        """Set a tag, or take it away with None."""
        self._access.authorize(principal, workspace, "APPLY_TAG", "model", full_name)
        with self._metastore.begin() as tx:
            found = securables.need(tx, "model", names.full("model", full_name))
            tags = tagged(found.details.get("tags") or {}, key, value)
            details = {**found.details, "tags": tags}
            securables.change(tx, found, by=principal.user_name, details=details)


def aliases_of(tx: Connection, found: Securable) -> Mapping[str, int]:
    query = (
        select(ALIASES.c.alias, ALIASES.c.version)
        .where(ALIASES.c.model_id == found.id)
        .order_by(ALIASES.c.alias)
    )
    return {row.alias: row.version for row in tx.execute(query)}


def aliased(tx: Connection, found: Securable, alias: str) -> int:
    """The version an alias points at. Raises RESOURCE_DOES_NOT_EXIST."""
    version = aliases_of(tx, found).get(alias)
    if version is None:
        raise not_found(f"Alias '{alias}' does not exist on model '{found.full_name}'.")
    return version


def tagged(tags: Mapping[str, str], key: str, value: str | None) -> dict[str, str]:
    """The tags with one set, or taken away."""
    if not key:
        raise invalid("A tag needs a key")
    rest = {name: held for name, held in tags.items() if name != key}
    return rest if value is None else {**rest, key: value}
