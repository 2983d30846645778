"""Paths in plans: which securable governs them, and where they really are.

`/Volumes/<catalog>/<schema>/<volume>/…` belongs to a volume, the folder of a table to that table,
`/Workspace/…` to the caller's workspace. Everything else inside the data directory is refused, as
are cloud addresses (there are no external locations here). Other local paths are left to the
engine's own mount view.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from brickyard.workspace.kernel import Home, WorkspaceInfo, denied, invalid
from brickyard.workspace.spark.accesses import Access, Place

if TYPE_CHECKING:
    from brickyard.workspace.spark.lake import Lake

LOCAL_SCHEMES: Final = ("", "file", "dbfs")
FORMATS: Final = frozenset(
    {"delta", "parquet", "csv", "json", "text", "orc", "avro", "binaryfile", "arrow"}
)


class Places:
    def __init__(self, home: Home, lake: Lake, files_of: Callable[[str], Path]) -> None:
        self._root = home.root.resolve()
        self._lake = lake
        self._files_of = files_of

    def find(self, text: str, workspace: WorkspaceInfo) -> Place:
        """Raises when nothing here can govern the path."""
        parts = urlsplit(text)
        if parts.scheme.lower() not in LOCAL_SCHEMES:
            raise invalid(
                f"The path '{text}' is in no external location of this metastore: keep files in a "
                "volume, /Volumes/<catalog>/<schema>/<volume>/…"
            )
        plain = unquote(parts.path) if parts.scheme else text
        if parts.scheme.lower() == "dbfs" and not plain.startswith("/Volumes/"):
            raise invalid(f"Spark does not reach the DBFS root ('{text}'): keep files in a volume.")
        if not plain.startswith("/"):
            raise invalid(f"The path '{text}' is not absolute.")
        if plain.startswith("/Volumes/") or plain == "/Volumes":
            return self._volume(plain)
        if plain.startswith("/Workspace/"):
            root = self._files_of(workspace.name).resolve()
            path = (root / plain.removeprefix("/Workspace/")).resolve()
            if not path.is_relative_to(root):
                raise denied(f"The path '{text}' leaves the workspace.")
            return Place(path=path)
        return self._elsewhere(Path(plain).resolve(), text)

    def _volume(self, plain: str) -> Place:
        parts = [part for part in plain.split("/") if part]
        if len(parts) < 4:
            raise invalid(f"'{plain}' is no path of a volume: /Volumes/<catalog>/<schema>/<volume>")
        full_name = ".".join(parts[1:4]).lower()
        root = self._lake.volume_path(full_name).resolve()
        path = root.joinpath(*parts[4:]).resolve()
        if not path.is_relative_to(root):
            raise denied(f"The path '{plain}' leaves its volume.")
        return Place(path=path, kind="volume", full_name=full_name)

    def _elsewhere(self, path: Path, text: str) -> Place:
        if not path.is_relative_to(self._root):
            return Place(path=path)
        owner = self._lake.owner_of(path)
        if owner is None:
            raise denied(f"The path '{text}' belongs to the data directory and to no table of it.")
        return Place(path=path, kind=owner[0], full_name=owner[1])


def reading(place: Place) -> Access | None:
    privilege = {"volume": "READ_VOLUME", "table": "SELECT"}.get(place.kind or "")
    if privilege is None or place.kind is None:
        return None
    return Access(kind=place.kind, full_name=place.full_name, privilege=privilege, mode="read")


def writing(place: Place) -> Access | None:
    privilege = {"volume": "WRITE_VOLUME", "table": "MODIFY"}.get(place.kind or "")
    if privilege is None or place.kind is None:
        return None
    return Access(kind=place.kind, full_name=place.full_name, privilege=privilege, mode="write")
