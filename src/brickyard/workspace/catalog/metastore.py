"""The metastore: its state, its folders, and the count of changes that outdates decisions."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from brickyard.workspace.catalog import names, securables
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.identity import directory
from brickyard.workspace.kernel import Home, Store, WorkspaceInfo, not_found

NAME: Final = "brickyard"
REGION: Final = "local"
EVERYONE: Final = "account users"
ID: Final = str(uuid.uuid5(uuid.NAMESPACE_DNS, "metastore.brickyard.localhost"))


class Metastore:
    def __init__(self, store: Store, home: Home, workspaces: Mapping[str, WorkspaceInfo]) -> None:
        self.store = store
        self.home = home
        self.workspaces = workspaces
        self.generation = 0  # of what decides about access; counts up with every commit
        self._counting = threading.Lock()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction; what was decided before it no longer counts after it."""
        with self.store.begin() as tx:
            yield tx
        with self._counting:
            self.generation += 1

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.store.read() as tx:
            yield tx

    def root(self) -> Securable:
        """The metastore itself as a securable."""
        with self.read() as tx:
            return securables.need(tx, "metastore", "")

    def identified(self, kind: str, id: str) -> Securable:
        """A securable by its id. Raises `<KIND>_DOES_NOT_EXIST`."""
        with self.read() as tx:
            found = securables.by_id(tx, id)
        if found is None or found.kind != kind:
            raise names.missing(kind, id)
        return found

    def check_principal(self, name: str) -> None:
        """Raises unless a user, service principal or account group has this name.

        Groups local to one workspace do not count: the metastore is shared.
        """
        with self.read() as tx:
            if name == EVERYONE or directory.person_named(tx, name) is not None:
                return
            groups = [directory.group_named(tx, name, where) for where in self.workspaces]
        if not any(group is not None and not group.is_local for group in groups):
            message = f"Could not find principal with name {name}"
            raise not_found(message, "PRINCIPAL_DOES_NOT_EXIST")

    def path(self, found: Securable) -> Path:
        """The folder of a securable that has one."""
        assert found.location is not None
        return self.home.root / found.location

    def relative(self, path: Path) -> str:
        """How a folder is recorded: the data directory may move."""
        return path.relative_to(self.home.root).as_posix()
