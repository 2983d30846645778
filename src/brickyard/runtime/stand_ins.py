"""Stand-ins for tools of a Databricks cluster: `python -m brickyard.runtime.stand_ins NAME ...`.

`rsync` copies files as MLflow's command asks for it, and says so for anything else. `pyenv` answers
what MLflow asks when it makes a project's virtual environment (`install --list`, `install
[--skip-existing] VERSION`, `root`), by way of uv: a Python that the machine has, else one that uv
fetches, else the one of the same minor version that the machine has, with a word about it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COPY_OPTIONS = ("-a", "-v", "--ignore-existing")
DEFAULT_ROOT = "/databricks/.pyenv"


def main(arguments: Sequence[str]) -> int:
    name, *rest = arguments or ("",)
    try:
        return {"rsync": rsync, "pyenv": pyenv}[name](rest)
    except (OSError, subprocess.CalledProcessError) as fault:
        return _fail(f"{name}: {fault}")


def rsync(arguments: Sequence[str]) -> int:
    """`rsync -a -v --ignore-existing SOURCE TARGET`: a file into a folder."""
    options = [one for one in arguments if one.startswith("-")]
    paths = [Path(one) for one in arguments if not one.startswith("-")]
    if any(one not in COPY_OPTIONS for one in options) or len(paths) != 2 or paths[0].is_dir():
        return _fail(f"rsync: not installed; copies one file, {' '.join(COPY_OPTIONS)}")
    source, target = paths
    target = target / source.name if target.is_dir() else target
    if not target.exists():
        shutil.copy2(source, target)
        print(source.name)
    return 0


def pyenv(arguments: Sequence[str]) -> int:
    words = [one for one in arguments if one != "--skip-existing"]
    if words == ["root"]:
        print(_root())
        return 0
    if words == ["install", "--list"]:
        print("\n".join(f"  {version}" for version in _offered()))
        return 0
    if len(words) == 2 and words[0] == "install":
        return _install(words[1])
    return _fail(f"pyenv: not installed; {' '.join(arguments)!r} is not known")


def _install(version: str) -> int:
    place = _root() / "versions" / version / "bin" / "python"
    if place.exists():
        return 0
    found = _find(version) or _fetch(version)
    if found is None:
        minor = version.rpartition(".")[0]
        found = _find(minor)
        if found is None:
            return _fail(f"pyenv: Python {version} is neither on this machine nor to be had")
        print(f"pyenv: Python {version} is not to be had; {found} takes its place", file=sys.stderr)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(found)
    return 0


def _find(version: str) -> str | None:
    """The interpreter of a version on this machine, outside virtual environments."""
    done = _uv("python", "find", "--system", "--no-project", "--no-python-downloads", version)
    return os.path.realpath(done.stdout.strip()) if done.returncode == 0 else None


def _fetch(version: str) -> str | None:
    return _find(version) if _uv("python", "install", version).returncode == 0 else None


def _offered() -> list[str]:
    """Of each minor version those that the machine has, or else all that uv can fetch."""
    done = _uv("python", "list", "--all-versions", "--output-format", "json")
    listed = json.loads(done.stdout or "[]")
    plain = [one for one in listed if one.get("implementation") == "cpython" and _is_final(one)]
    here = {_minor(one) for one in plain if one.get("path")}
    kept = (one for one in plain if one.get("path") or _minor(one) not in here)
    return list(dict.fromkeys(str(one["version"]) for one in kept))


def _is_final(one: dict[str, Any]) -> bool:
    return str(one.get("version", "")).replace(".", "").isdigit()


def _minor(one: dict[str, Any]) -> str:
    return str(one["version"]).rpartition(".")[0]


def _uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["uv", *arguments], capture_output=True, text=True, check=False)


def _root() -> Path:
    return Path(os.environ.get("PYENV_ROOT") or DEFAULT_ROOT)


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
