"""The front door of Unity Catalog for the other domains; every noun does its own work.

`catalogs`, `schemas`, `tables` and so on ask for a principal and a workspace and authorize. The
methods here are what other engines agreed on; those without a principal ask nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.catalog import defaults, folders, lineage, samples, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.catalogs import Catalogs
from brickyard.workspace.catalog.connections import Connections
from brickyard.workspace.catalog.functions import Functions
from brickyard.workspace.catalog.lineage import AccessMode, RecordedAccess
from brickyard.workspace.catalog.locations import CREDENTIAL, LOCATION, Outside
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.models import Models
from brickyard.workspace.catalog.mounts import CatalogMount, mounts
from brickyard.workspace.catalog.permissions import Permissions
from brickyard.workspace.catalog.prompts import Prompts
from brickyard.workspace.catalog.schemas import Schemas
from brickyard.workspace.catalog.secrets import Secrets
from brickyard.workspace.catalog.tables import TableInfo, Tables
from brickyard.workspace.catalog.tags import Tags
from brickyard.workspace.catalog.vector_indexes import VectorIndexes
from brickyard.workspace.catalog.versions import ModelVersion, Versions
from brickyard.workspace.catalog.volumes import Volumes
from brickyard.workspace.kernel import Home, Principal, Store, WorkspaceInfo

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine


class CatalogEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
    ) -> None:
        self._identity = identity
        self.metastore = Metastore(store, home, workspaces)
        self.access = Access(self.metastore)
        self.catalogs = Catalogs(self.metastore, self.access)
        self.schemas = Schemas(self.metastore, self.access)
        self.tables = Tables(self.metastore, self.access)
        self.vector_indexes = VectorIndexes(self.metastore, self.access)
        self.volumes = Volumes(self.metastore, self.access)
        self.secrets = Secrets(self.metastore, self.access)
        self.functions = Functions(self.metastore, self.access)
        self.models = Models(self.metastore, self.access)
        self.versions = Versions(self.metastore, self.access)
        self.prompts = Prompts(self.metastore, self.access)
        self.tags = Tags(self.metastore, self.access)
        self.storage_credentials = Outside(self.metastore, self.access, CREDENTIAL)
        self.external_locations = Outside(self.metastore, self.access, LOCATION)
        self.connections = Connections(self.metastore, self.access)
        self.permissions = Permissions(self.metastore, self.access)
        self._samples: threading.Timer | None = None

    def start(self) -> None:
        """Put defaults in place and remove what a kill left behind. Quick."""
        self.ensure_defaults()
        self._samples = samples.make_later(self.metastore, folders.sweep(self.metastore))

    def stop(self) -> None:
        """What is not there yet is made at the next start."""
        if self._samples is not None:
            self._samples.cancel()
            self._samples.join()

    def ensure_defaults(self) -> None:
        owners = {
            name: self._identity.deployer(name).user_name for name in self.metastore.workspaces
        }
        defaults.ensure(self.metastore, owners)

    def credential_id(self, name: str) -> str | None:
        """The id of a storage credential; None when it was deleted. Asks nobody."""
        with self.metastore.read() as tx:
            found = securables.find(tx, CREDENTIAL, name.lower())
        return found.id if found is not None else None

    def authorize(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        privilege: str,
        kind: str,
        full_name: str,
    ) -> None:
        """Raises PERMISSION_DENIED with the reason, or `<KIND>_DOES_NOT_EXIST`. Quick."""
        self.access.authorize(principal, workspace, privilege, kind, full_name)

    def can(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        privilege: str,
        kind: str,
        full_name: str,
    ) -> bool:
        """Whether `authorize` would pass."""
        return self.access.can(principal, workspace, privilege, kind, full_name)

    def mounts(self, principal: Principal, workspace: WorkspaceInfo) -> tuple[CatalogMount, ...]:
        """What the sandbox of a task sees on disk; catalogs not listed must be hidden."""
        return mounts(self.metastore, self.access, principal, workspace)

    def table(self, full_name: str) -> TableInfo:
        """A table or view by name. Asks nobody. Raises TABLE_DOES_NOT_EXIST."""
        return self.tables.table(full_name)

    def create_table(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str, **given: Any
    ) -> TableInfo:
        """As `tables.create`."""
        return self.tables.create(principal, workspace, full_name, **given)

    def drop_table(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> None:
        """As `tables.drop`."""
        self.tables.drop(principal, workspace, full_name)

    def volume_path(self, catalog: str, schema: str, volume: str) -> Path:
        """The folder of a volume. Asks nobody. Raises VOLUME_DOES_NOT_EXIST."""
        return self.volumes.path(f"{catalog}.{schema}.{volume}")

    def model_version(self, full_name: str, version: int | str) -> ModelVersion:
        """A model version, by number or `@alias`. Asks nobody."""
        return self.versions.version(full_name, version)

    def record_access(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        mode: AccessMode,
        source: str,
        kind: str = "table",
    ) -> None:
        """Keep what was really read or written; `source` names the run, warehouse or service."""
        lineage.record(self.metastore.store, principal, workspace, full_name, mode, source, kind)

    def accesses(self, **conditions: Any) -> list[RecordedAccess]:
        """As `lineage.accesses`."""
        return lineage.accesses(self.metastore.store, **conditions)
