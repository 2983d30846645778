"""Cells that are neither Python nor SQL: `%pip`, `%sh`, `%fs`.

`%pip install` puts what the task's environment lacks into the task's own layer, with `uv`, without
changing what is installed below. Installs that were known before the start are in the environment
already, so that this says so and does nothing.
"""

# Paths are plain text here: pathlib costs start-up time and adds nothing.
# ruff: noqa: PTH100, PTH110

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from brickyard.runtime.paths import real
from brickyard.runtime.spec import Spec

NO_MATTER = ("-U", "--upgrade", "-q", "--quiet", "--force-reinstall")
IGNORED = {"matplotlib", "load_ext", "autoreload", "reload_ext", "config", "env", "skip"}
VARIABLE = re.compile(r"\{([^{}]+)\}|\$([A-Za-z_]\w*)")


class PipFailed(Exception):
    pass


def pip(line: str, spec: Spec) -> None:
    """One `%pip` line. Only `install` changes anything; `list`, `show` and `freeze` answer."""
    if not line:
        return
    words = shlex.split(line, comments=True)
    if words[0] == "install":
        _install(words[1:], spec)
    elif words[0] in ("list", "show", "freeze", "check"):
        subprocess.run([_uv(), "pip", *words, "--python", sys.executable], check=False)
    elif words[0] == "uninstall":
        print("%pip uninstall: nothing is uninstalled; the environment is shared between tasks")
    else:
        raise PipFailed(f"%pip {words[0]} is not available in the embedded workspace")


def _install(words: list[str], spec: Spec) -> None:
    words = [real(spec.mapped, word) for word in words if word not in NO_MATTER]
    plain = [word for word in words if not word.startswith("-")]
    if plain == words and all(_is_met(word) for word in plain):
        print("Requirements are met by the task's environment: " + ", ".join(plain))
        return
    with tempfile.TemporaryDirectory(prefix="pip-") as folder:
        have = {d.metadata["Name"]: d.version for d in metadata.distributions()}
        have.pop("brickyard", None)
        below = Path(folder, "below.txt")
        below.write_text("".join(f"{name}=={version}\n" for name, version in have.items() if name))
        wanted = Path(folder, "wanted.txt")
        wanted.write_text("\n".join(_lines(words)) + "\n")
        pinned = _resolve(wanted, below, line=" ".join(words))
        known = {_normal(name): version for name, version in have.items() if name}
        missing = [one for one in pinned if not _known(one, known)]
        if missing:
            remaining = Path(folder, "missing.txt")
            remaining.write_text("\n".join(missing) + "\n")
            arguments = ["install", "-q", "--no-deps", "--target", str(spec.layer)]
            fault = _run([*arguments, "-r", str(remaining)])
            if fault:
                raise PipFailed(f"%pip install {' '.join(words)}: {fault}")
    use_layer(spec)
    print("Installed: " + (", ".join(missing) or "nothing to add"))


def use_layer(spec: Spec) -> None:
    """Put the task's own layer before everything else on the import path, if there is one."""
    layer = str(spec.layer)
    if spec.layer.is_dir() and layer not in sys.path:
        sys.path.insert(1, layer)
        shared = os.environ.get("PYTHONPATH", "")
        os.environ["PYTHONPATH"] = layer + (os.pathsep + shared if shared else "")
    importlib.invalidate_caches()


def shell(text: str) -> None:
    """`%sh`: bash where there is one. A failing script fails the cell."""
    script = text.strip()
    if not script:
        return
    sys.stdout.flush()
    program = next((p for p in ("/bin/bash", "/usr/bin/bash") if os.path.exists(p)), "/bin/sh")
    done = subprocess.run(
        [program, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    print(done.stdout.decode(errors="replace"), end="")
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, script)


def fs(text: str, dbutils: Any) -> Any:
    """`%fs ls /Volumes/...`."""
    words = shlex.split(text)
    return getattr(dbutils.fs, words[0])(*words[1:])


def change_folder(path: str) -> None:
    """`%cd`: another working folder, from which modules can be imported too; without one, home."""
    os.chdir(Path(path.strip("'\"") or "~").expanduser())
    if "" not in sys.path:  # the folder that the process is in, wherever that is
        sys.path.insert(0, "")
    print(Path.cwd())


def expanded(line: str, namespace: Mapping[str, Any]) -> str:
    """`$name` and `{expression}` of a magic's line, by the notebook's variables.

    What cannot be evaluated stays as it is, as in IPython.
    """

    def value(found: re.Match[str]) -> str:
        try:
            return str(eval(found[1] or found[2], dict(namespace)))
        except Exception:
            return found[0]

    return VARIABLE.sub(value, line)


def _lines(words: list[str]) -> Iterator[str]:
    """Words of a command line as lines of a requirements file."""
    rest = iter(words)
    for word in rest:
        if word in ("-r", "-c", "--index-url", "-i", "--extra-index-url", "-f", "--find-links"):
            value = next(rest, "")
            yield f"{word} {os.path.abspath(value) if word in ('-r', '-c') else value}"
        else:
            yield os.path.abspath(word) if word.endswith(".whl") else word


def _resolve(wanted: Path, below: Path, *, line: str) -> list[str]:
    arguments = ["compile", "-q", "--no-header", "--no-annotate", "--python", sys.executable]
    pinned = wanted.with_name("pinned.txt")
    fault = ""
    for constraint in (["-c", str(below)], []):
        fault = _run([*arguments, str(wanted), "-o", str(pinned), *constraint])
        if not fault:
            return [one for one in pinned.read_text().splitlines() if one.strip()]
    raise PipFailed(f"%pip install {line}: {fault}")


def _run(arguments: list[str]) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"} | {"NO_COLOR": "1"}
    done = subprocess.run(
        [_uv(), "pip", *arguments], capture_output=True, text=True, env=environment, check=False
    )
    return "" if done.returncode == 0 else done.stderr.strip() or "uv ended without a message"


def _uv() -> str:
    from uv import find_uv_bin

    return str(find_uv_bin())


def _is_met(requirement: str) -> bool:
    found = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(==([^,;*\s]+))?", requirement)
    if found is None:
        return False
    try:
        version = metadata.version(found[1])
    except metadata.PackageNotFoundError:
        return False
    return found[3] is None or found[3] == version


def _known(pinned: str, have: dict[str, str]) -> bool:
    name, _, version = pinned.split(";", maxsplit=1)[0].strip().partition("==")
    return pinned.startswith(("-", "#")) or have.get(_normal(name)) == version


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
