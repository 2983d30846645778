"""The roots of the Files API: which folder a path means, and whether the caller may use it.

/Volumes/<catalog>/<schema>/<volume>/...           READ_VOLUME, WRITE_VOLUME
/Models/<catalog>/<schema>/<model>/<version>/...   EXECUTE; filled until the version is ready
/Workspace/...                                     the permissions of the workspace objects
/WorkspaceInternal/Mlflow/Artifacts/<experiment>/  the permissions of the experiment
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.catalog.engine import CatalogEngine
from brickyard.workspace.files.paths import beneath, joined, parts_of
from brickyard.workspace.kernel import Home, Principal, WorkspaceInfo, denied, invalid, not_found
from brickyard.workspace.permissions.engine import PermissionsEngine, Subject

if TYPE_CHECKING:
    from brickyard.workspace.files.engine import FilesEngine

ARTIFACTS = ("WorkspaceInternal", "Mlflow", "Artifacts")
RECORDED_ONCE_S = 10.0
SOURCE = "files"

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One path of the Files API that the caller may use as asked."""

    path: str
    root: Path  # cannot itself be removed
    parts: Parts  # below the root

    @property
    def real(self) -> Path:
        return beneath(self.root, self.parts)

    @property
    def is_root(self) -> bool:
        return not self.parts


class Places:
    def __init__(
        self,
        home: Home,
        *,
        catalog: CatalogEngine,
        permissions: PermissionsEngine,
        files: FilesEngine,
    ) -> None:
        self._artifacts = home.mlflow / "artifacts"
        self._catalog = catalog
        self._permissions = permissions
        self._files = files
        self._recorded: dict[tuple[str, str, str, bool], float] = {}
        # The folders that an experiment lies in; who has experiments says so.
        self.above_experiment: Callable[[WorkspaceInfo, str], tuple[Subject, ...]] = _nothing

    def find(
        self, principal: Principal, workspace: WorkspaceInfo, path: str, *, write: bool
    ) -> Place:
        """Raises PERMISSION_DENIED, or the error of what does not exist."""
        parts = parts_of(path)
        for prefix, depth, opened in self._roots():
            if parts[: len(prefix)] == prefix:
                if len(parts) < len(prefix) + depth:
                    raise invalid(f"Path ({path}) is incomplete: {_shape(prefix)} is expected")
                named = parts[len(prefix) : len(prefix) + depth]
                rest = parts[len(prefix) + depth :]
                root = opened(principal, workspace, named, rest, write)
                return Place(path=joined(parts), root=root, parts=rest)
        raise not_found(
            f"Path ({path}) is not known: it must begin with /Volumes, /Workspace or /Models",
            "NOT_FOUND",
        )

    def _roots(self) -> tuple[tuple[Parts, int, Callable[..., Path]], ...]:
        return (
            (("Volumes",), 3, self._volume),
            (("Models",), 4, self._model),
            (("Workspace",), 0, self._workspace),
            (ARTIFACTS, 1, self._experiment),
        )

    def _volume(
        self, who: Principal, workspace: WorkspaceInfo, named: Parts, _rest: Parts, write: bool
    ) -> Path:
        name = ".".join(named)
        privilege = "WRITE_VOLUME" if write else "READ_VOLUME"
        self._catalog.authorize(who, workspace, privilege, "volume", name)
        self._record(who, workspace, name, write)
        return self._catalog.volume_path(*named)

    def _model(
        self, who: Principal, workspace: WorkspaceInfo, named: Parts, _rest: Parts, write: bool
    ) -> Path:
        full_name, version = ".".join(named[:3]), named[3]
        found = self._catalog.versions.artifacts(who, workspace, full_name, version, write=write)
        if not write:
            self._record(who, workspace, full_name, write, kind="model")
        return found

    def _workspace(
        self, who: Principal, workspace: WorkspaceInfo, _named: Parts, rest: Parts, write: bool
    ) -> Path:
        return self._files.on_disk(who, workspace, rest, write=write)

    def _experiment(
        self, who: Principal, workspace: WorkspaceInfo, named: Parts, rest: Parts, write: bool
    ) -> Path:
        level = "CAN_EDIT" if write else "CAN_READ"
        if not self._permissions.can(who, workspace, "experiments", named[0], level):
            above = self.above_experiment(workspace, named[0])
            self._permissions.require(who, workspace, "experiments", named[0], level, above)
        if write and len(rest) < 2:
            raise denied("Artifacts are written below a run, a logged model or a trace")
        return self._artifacts / workspace.name / named[0]

    def _record(
        self,
        who: Principal,
        workspace: WorkspaceInfo,
        name: str,
        write: bool,
        kind: str = "volume",
    ) -> None:
        """Keep what was used, but not every file of a long series."""
        key, now = (who.user_name, workspace.name, name, write), time.monotonic()
        if now - self._recorded.get(key, -RECORDED_ONCE_S) < RECORDED_ONCE_S:
            return
        if len(self._recorded) > 10_000:
            self._recorded.clear()
        self._recorded[key] = now
        self._catalog.record_access(
            who, workspace, name, "write" if write else "read", SOURCE, kind=kind
        )


def _nothing(_workspace: WorkspaceInfo, _experiment: str) -> tuple[Subject, ...]:
    return ()


def _shape(prefix: Parts) -> str:
    names = {
        "Volumes": "/<catalog>/<schema>/<volume>/...",
        "Models": "/<catalog>/<schema>/<model>/<version>/...",
        "WorkspaceInternal": "/<experiment id>/...",
    }
    return joined(prefix) + names[prefix[0]]
