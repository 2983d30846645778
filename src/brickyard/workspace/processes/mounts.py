"""What one child process may see and write: the mount view that the supervisor builds for it.

A view is data: which workspace files, which catalogs and how, what else of the data directory. On
Linux with user namespaces the kernel enforces it (`sandbox.py`); elsewhere `runtime` maps the
paths and nothing stops arbitrary code, which `enforcement()` says and `brickyard status` shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

PROBE_TIMEOUT_S = 10
# Services that run a program for whoever asks: a way round every mount view.
SESSION = "/run/user"
DOORS = ("/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock")


class CatalogView(Protocol):
    """One visible catalog: its folder, and whether it may be written."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> Path: ...

    @property
    def mode(self) -> str: ...  # "rw" | "ro"


class Opening(Protocol):
    """Part of the workspace's files: its names below their root, and whether it may be written."""

    @property
    def parts(self) -> tuple[str, ...]: ...

    @property
    def path(self) -> Path: ...

    @property
    def mode(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMount:
    """`/Volumes/<catalog>/<schema>/<volume>` and the folder behind it."""

    catalog: str
    schema: str
    name: str
    path: Path
    mode: str = "rw"

    def below(self, folder: Path) -> Path:
        return folder / self.catalog / self.schema / self.name

    def link_in(self, folder: Path) -> None:
        """Show a volume that was made after the child's start, by a link into its catalog."""
        link = self.below(folder)
        if not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(_real(self.path), target_is_directory=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts:
    """The view of one child. `home` is hidden except for what the other fields name."""

    home: Path
    workspace_files: Path | None = None
    openings: Sequence[Opening] | None = None  # all that is shown of them; None: everything, "rw"
    catalogs: tuple[CatalogView, ...] = ()
    volumes: tuple[VolumeMount, ...] = ()
    volumes_folder: Path | None = None  # links for volumes that are made while the child runs
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    placed: tuple[tuple[str, Path], ...] = ()  # ("/dbfs", folder): writable, under another name

    def sandbox_spec(self) -> dict[str, Any]:
        """The view as `sandbox.enter` reads it: real paths, in the order of mounting."""
        binds = [(path, path, "ro") for path in _own_code(_real(self.home))]
        binds += [("/dev/null", path, "ro") for path in DOORS if Path(path).exists()]
        binds += [(_real(path), _real(path), mode) for path, mode in self._kept()]
        if self.workspace_files is not None and self.openings is None:
            binds.append((_real(self.workspace_files), "/Workspace", "rw"))
        for opening in self.openings or ():
            target = str(Path("/Workspace", *opening.parts))
            binds.append((_real(opening.path), target, opening.mode))
        binds += [(_real(folder), at, "rw") for at, folder in self.placed]
        if self.volumes_folder is not None:
            binds.append((_real(self.volumes_folder), "/Volumes", "ro"))
        for volume in self.volumes:
            if self.volumes_folder is not None:
                volume.below(self.volumes_folder).mkdir(parents=True, exist_ok=True)
            binds.append((_real(volume.path), str(volume.below(Path("/Volumes"))), volume.mode))
        return {"hidden": [SESSION, _real(self.home)], "binds": binds, "links": []}

    def path_map(self) -> dict[str, str]:
        """Mount point to folder, for platforms where paths are mapped instead of mounted."""
        mapped = {"/Workspace": str(self.workspace_files)} if self.workspace_files else {}
        for volume in self.volumes:
            mapped[str(volume.below(Path("/Volumes")))] = str(volume.path)
        if self.volumes_folder is not None:
            mapped["/Volumes"] = str(self.volumes_folder)
        return mapped | {at: str(folder) for at, folder in self.placed}

    def shows(self, path: Path) -> bool:
        """Whether the child sees this file: for what this process reads on its behalf."""
        real = path.resolve()
        if not real.is_relative_to(self.home.resolve()):
            return True
        shown = [*(one for one, _ in self._kept()), *(volume.path for volume in self.volumes)]
        shown += [folder for _, folder in self.placed]
        return any(real.is_relative_to(one.resolve()) for one in shown)

    def _kept(self) -> Iterator[tuple[Path, str]]:
        for catalog in self.catalogs:
            if catalog.path.exists():
                yield catalog.path, catalog.mode
        if self.workspace_files is not None and self.openings is None:
            yield self.workspace_files, "rw"
        for opening in self.openings or ():
            yield opening.path, opening.mode
        for path in self.readable:
            yield path, "ro"
        for path in self.writable:
            yield path, "rw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """Whether mounts hold against arbitrary code on this machine, and if not, why."""

    kind: Literal["namespace", "none"]
    reason: str = ""


_lock = threading.Lock()
_found: list[Enforcement] = []


def enforcement() -> Enforcement:
    """Tried once per process on the real thing: a few milliseconds, then remembered."""
    with _lock:
        if not _found:
            _found.append(_probe())
        return _found[0]


def _probe() -> Enforcement:
    if not sys.platform.startswith("linux"):
        return Enforcement(kind="none", reason=f"{sys.platform} has no mount namespaces")
    script = Path(__file__).with_name("sandbox.py")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        return Enforcement(kind="none", reason=str(fault))
    if done.returncode == 0:
        return Enforcement(kind="namespace")
    lines = done.stderr.strip().splitlines()
    return Enforcement(kind="none", reason=lines[-1] if lines else f"exit {done.returncode}")


def _own_code(home: str) -> list[str]:
    """What the workspace itself runs: a task that could change it would be the workspace."""
    package = Path(__file__).parents[2]
    found = {_real(Path(path)) for path in (sys.prefix, sys.base_prefix, package)}
    return sorted(path for path in found if path != "/" and not Path(home).is_relative_to(path))


def _real(path: Path) -> str:
    return os.path.realpath(path)
