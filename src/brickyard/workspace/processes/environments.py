"""Python environments by requirement: a small layer over the workspace's own environment.

Requirements are resolved by `uv` under the constraint of what the workspace's environment has;
what is there already at that version is left out, the rest goes into a virtual environment of its
own whose import path ends with the workspace's. When no resolution fits those versions, the
requirements are resolved freely and the layer wins over what is below it. Who asks may prefer other
versions: they are taken for what the requirements leave open. Built aside and renamed
into place, under a file lock: concurrent tasks and processes share one build. What was built once
needs no network.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from brickyard.workspace.processes.child import Launch, start
from brickyard.workspace.processes.mounts import Mounts
from brickyard.workspace.processes.requirements import (
    BadRequirement,
    Locate,
    Requirements,
    Shows,
    read_requirements,
)

OWN = "brickyard"
ADDS_ONLY = "adds-only"
UNREACHABLE = re.compile(
    r"error sending request|dns error|failed to (fetch|connect)|network|timed out|offline", re.I
)
MESSAGE_LINES = 15
COMPILE = ("pip", "compile", "-q", "--no-header", "--no-annotate", "wanted.txt", "--python")
# Preferred versions may be older than this Python: none of these is built for their sake.
WHEELS_ONLY = tuple(
    word
    for name in ("matplotlib", "numpy", "pandas", "pillow", "pyarrow", "pydantic-core")
    for word in ("--only-binary", name)
)
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.I)


class UnresolvedEnvironment(Exception):
    """The requirements cannot be met; the text carries the resolver's explanation."""


class Environments:
    """The environments of one data directory. `home` is the whole of it, `folder` theirs."""

    def __init__(self, folder: Path, *, home: Path) -> None:
        self._folder = folder
        self._home = home
        self._base_lock = threading.Lock()
        self._base: dict[str, str] | None = None

    def environment(
        self,
        requirements: Sequence[str],
        *,
        locate: Locate = Path,
        shows: Shows | None = None,
        folder: Path | None = None,
        preferred: Mapping[str, str] | None = None,
    ) -> Path:
        """The interpreter to run with. Slow the first time, a few milliseconds afterwards.

        `locate` turns `/Workspace` and `/Volumes` paths into real ones; other relative paths start
        at `folder`. Files that `shows` denies are refused; by default, all of the data directory.
        `preferred` has versions by package, for what the requirements leave open.
        Raises UnresolvedEnvironment.
        """
        try:
            shown = shows or Mounts(home=self._home).shows
            wanted = read_requirements(requirements, locate=locate, shows=shown, folder=folder)
        except BadRequirement as fault:
            raise UnresolvedEnvironment(f"Cannot read the requirements: {fault}") from None
        if not wanted.lines:
            return Path(sys.executable)
        versions = preferred or {}
        key = self._key(wanted, versions)
        if (ready := self._ready(key)) is not None:
            return ready
        with _locked(self._folder / f".{key}.lock"):
            if (ready := self._ready(key)) is not None:
                return ready
            self._build(key, wanted, versions)
        ready = self._ready(key)
        assert ready is not None
        return ready

    def _ready(self, key: str) -> Path | None:
        if (self._folder / key / "nothing-to-add").exists():
            return Path(sys.executable)
        python = self._folder / key / "bin" / "python"
        return python if python.exists() else None

    def _key(self, wanted: Requirements, preferred: Mapping[str, str]) -> str:
        versions = (
            (_pins(self._below()), _pins(preferred)) if preferred else (_pins(self._below()),)
        )
        text = "\n".join((platform.python_version(), sys.executable, *versions, wanted.digest()))
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def _below(self) -> dict[str, str]:
        """Normalized name -> version of what the workspace's own environment has."""
        with self._base_lock:
            if self._base is None:
                found = {d.metadata["Name"]: d.version for d in metadata.distributions()}
                self._base = {_normal(name): version for name, version in found.items() if name}
                self._base.pop(OWN, None)
            return self._base

    def _build(self, key: str, wanted: Requirements, preferred: Mapping[str, str]) -> None:
        shutil.rmtree(self._folder / key, ignore_errors=True)  # left by a killed build
        build = Path(tempfile.mkdtemp(prefix=".build-", dir=self._folder))
        try:
            for name, path in wanted.archives:
                shutil.copyfile(path, build / name)
            pinned = self._resolve(build, wanted, preferred)
            remaining = [line for line in pinned if not self._has(line)]
            layer = build / "layer"
            if remaining:
                self._install(build, layer, remaining, wanted)
                if not any(_normal(_project(line)) in self._below() for line in remaining):
                    (layer / ADDS_ONLY).touch()
            else:
                layer.mkdir()
                (layer / "nothing-to-add").touch()
            layer.rename(self._folder / key)
        finally:
            shutil.rmtree(build, ignore_errors=True)

    def _resolve(
        self, build: Path, wanted: Requirements, preferred: Mapping[str, str]
    ) -> list[str]:
        """Pinned requirements. Those that were preferred, when that is possible and they can be
        had; else under the constraint of what is below; else any.
        """
        own = "\n".join(wanted.constraints) + "\n"
        (build / "wanted.txt").write_text("\n".join(wanted.lines) + "\n")
        (build / "below.txt").write_text(_pins(self._below()) + "\n" + own)
        (build / "own.txt").write_text(own)
        # A pin that is in the output already is kept by uv where the requirements leave it open.
        (build / "preferred.txt").write_text(_pins({**self._below(), **preferred}) + "\n")
        ways = [
            ("preferred.txt", "own.txt"),
            ("pinned.txt", "below.txt"),
            ("pinned.txt", "own.txt"),
        ]
        fault = ""
        for output, constraints in ways if preferred else ways[1:]:
            options = (WHEELS_ONLY if output == "preferred.txt" else ()) + ("-c", constraints)
            fault = self._uv_online_first(build, [*COMPILE, sys.executable, *options, "-o", output])
            if not fault:
                return (build / output).read_text().splitlines()
        names = ", ".join(wanted.lines)
        raise UnresolvedEnvironment(f"Cannot resolve the environment ({names}): {fault}")

    def _install(self, build: Path, layer: Path, lines: list[str], wanted: Requirements) -> None:
        (build / "remaining.txt").write_text("\n".join(lines) + "\n")
        python = str(layer / "bin" / "python")
        options = [line for line in wanted.lines if line.startswith("-")]
        flags = [part for line in options for part in line.replace("=", " ", 1).split(" ", 1)]
        for command in (
            ["venv", "-q", "--relocatable", "--no-project", "--python", sys.executable, str(layer)],
            [
                "pip",
                "install",
                "-q",
                "--no-deps",
                "--python",
                python,
                "-r",
                "remaining.txt",
                *flags,
            ],
        ):
            if fault := self._uv_online_first(build, command):
                message = f"Cannot install the environment ({', '.join(lines)}): {fault}"
                raise UnresolvedEnvironment(message)
        site = next((layer / "lib").glob("python*/site-packages"))
        paths = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
        code = "; ".join(f"site.addsitedir({path!r})" for path in paths)
        (site / "zz_below.pth").write_text(f"import site; {code}\n")

    def _has(self, line: str) -> bool:
        name, _, version = line.split(";", maxsplit=1)[0].strip().partition("==")
        return not line.strip() or self._below().get(_normal(name)) == version or line[0] in "-#"

    def _uv_online_first(self, build: Path, arguments: list[str]) -> str:
        """'' when it worked, else uv's message. Without a network, what is cached may be enough."""
        fault = self._uv(build, arguments)
        if fault and UNREACHABLE.search(fault) and not self._uv(build, [*arguments, "--offline"]):
            return ""
        return fault

    def _uv(self, build: Path, arguments: list[str]) -> str:
        """Runs uv where builds of source packages can reach nothing of the workspace."""
        from uv import find_uv_bin

        log = build / "uv.log"
        log.write_bytes(b"")
        environment = {k: v for k, v in os.environ.items() if not _private(k)}
        child = start(
            Launch(
                command=[find_uv_bin(), *arguments],
                cwd=build,
                environment=environment | {"NO_COLOR": "1", "UV_NO_PROGRESS": "1"},
                log=log,
                mounts=Mounts(home=self._home, writable=(build,)),
            )
        )
        if child.wait() == 0:
            return ""
        lines = log.read_text(errors="replace").strip().splitlines()
        return "\n".join(lines[-MESSAGE_LINES:]) or "uv ended without a message"


def additions(python: Path) -> Path | None:
    """The packages of an environment that adds to the workspace's own and replaces nothing.

    `python` is its interpreter; None for any other environment.
    """
    layer = python.parent.parent
    if not (layer / ADDS_ONLY).exists():
        return None
    return next((layer / "lib").glob("python*/site-packages"), None)


def _project(line: str) -> str:
    """The name in a pinned requirement: `name==version` or `name @ url`."""
    return re.split(r"[\s=@;\[]", line.strip(), maxsplit=1)[0]


def _pins(versions: Mapping[str, str]) -> str:
    return "\n".join(f"{name}=={version}" for name, version in sorted(versions.items()))


def _private(name: str) -> bool:
    """Variables that a package build must not see or that would mislead uv."""
    if name.startswith(("UV_", "PIP_")):
        return False  # uv itself signs in to indexes with them
    is_ours = name.startswith(("DATABRICKS_", "BRICKYARD_", "PYTHON")) or name == "VIRTUAL_ENV"
    return is_ours or SECRET_NAME.search(name) is not None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
