"""An app's source: a copy of its folder, and what that says of how to run it.

Follows the documentation of Databricks Apps: `app.yaml` (or `app.yml`) with `command` and `env`;
without a command, `python` with the first Python file, or `npm run start` where there is a
`package.json` and no Python. Packages come from `requirements.txt`, else from the dependencies of
`pyproject.toml`. Of the libraries that Databricks has installed for every app, those that the
source imports are added, and are wanted at the versions it has (`preinstalled.py`).
"""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.apps.preinstalled import added, used_modules
from brickyard.workspace.processes import Launch, Mounts, start

FILES: Final = ("app.yaml", "app.yml")
PORT: Final = re.compile(r"\$(\{DATABRICKS_APP_PORT\}|DATABRICKS_APP_PORT\b)")
LARGEST_FILE: Final = 1024 * 1024
MOST_FILES: Final = 500  # are looked into for what they import


class BadSource(Exception):
    """The source cannot be run; the text says why, for who deployed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvVar:
    name: str
    value: str = ""
    value_from: str = ""  # the name of a resource of the app


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    folder: Path
    command: tuple[str, ...]
    variables: tuple[EnvVar, ...]
    requirements: tuple[str, ...]
    is_node: bool


def copy_source(folder: Path, target: Path, mounts: Mounts, log: Path) -> None:
    """A copy of the folder as it is now. Links stay links: they are followed by the app alone.

    The copy is made in the view of who deployed it: tasks may write in the folder meanwhile, and
    turn what was looked at a moment ago into a link to what they may not read. Raises BadSource.
    """
    draft = target.with_name(target.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    copy = (shutil.which("cp") or "/bin/cp", "-RP", f"{folder}/.", str(draft))
    view = replace(mounts, writable=(draft,))
    child = start(Launch(command=copy, cwd=draft, environment={}, log=log, mounts=view))
    if code := child.wait():
        raise BadSource(f"The source could not be copied (status {code}); the app's log says why")
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


def read_source(
    folder: Path, command: Sequence[str] = (), variables: Sequence[EnvVar] = ()
) -> Source:
    """How to run what is in `folder`. What the deployment says wins. Raises BadSource."""
    told = _app_file(folder)
    named = {one.name: one for one in (*_variables(told.get("env")), *variables)}
    is_node = _text(folder / "package.json") is not None
    words = tuple(command) or _command(told.get("command")) or _usual_command(folder, is_node)
    return Source(
        folder=folder,
        command=words,
        variables=tuple(named.values()),
        requirements=tuple(_requirements(folder, words)),
        is_node=is_node,
    )


def with_port(words: Sequence[str], port: int) -> list[str]:
    """The command with `$DATABRICKS_APP_PORT` put in: the one variable that is, without a shell."""
    return [PORT.sub(str(port), word) for word in words]


def _app_file(folder: Path) -> Mapping[str, Any]:
    import yaml  # the server's start can do without it

    for name in FILES:
        text = _text(folder / name)
        if text is None:
            continue
        try:
            read = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError) as fault:
            raise BadSource(f"{name} cannot be read: {fault}") from None
        if read is not None and not isinstance(read, dict):
            raise BadSource(f"{name} must be a mapping with `command` and `env`")
        return read or {}
    return {}


def _command(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        return tuple(shlex.split(given))
    if isinstance(given, list) and all(isinstance(word, str | int | float) for word in given):
        return tuple(str(word) for word in given)
    raise BadSource("`command` in app.yaml must be a list of words")


def _variables(given: object) -> Iterator[EnvVar]:
    if given is None:
        return
    if not isinstance(given, list):
        raise BadSource("`env` in app.yaml must be a list of `name` with `value` or `valueFrom`")
    for one in given:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise BadSource("each entry of `env` in app.yaml needs a `name`")
        origin = one.get("valueFrom", one.get("value_from"))
        if origin is not None:
            yield EnvVar(name=one["name"], value_from=str(origin))
        else:
            value = one.get("value")
            text = str(value).lower() if isinstance(value, bool) else str(value or "")
            yield EnvVar(name=one["name"], value=text)


def _usual_command(folder: Path, is_node: bool) -> tuple[str, ...]:
    scripts = sorted(path.name for path in folder.glob("*.py") if path.is_file())
    if scripts:
        return ("python", scripts[0])
    if is_node:
        return ("npm", "run", "start")
    raise BadSource(
        "There is no app.yaml with a `command`, no Python file and no package.json in the app's"
        " source folder, so there is nothing to run"
    )


def _requirements(folder: Path, command: tuple[str, ...]) -> Iterator[str]:
    given = _text(folder / "requirements.txt")
    if given is None and command[:2] == ("uv", "run"):
        return  # it gets what `pyproject.toml` says by itself, and nothing is installed before
    lines = given.splitlines() if given is not None else _project(folder)
    yield from lines
    yield from added({*_programs(command), *_imported(folder)}, lines)


def _programs(command: Sequence[str]) -> Iterator[str]:
    """What the command runs: its first word, and a module after `-m`."""
    yield from command[:1]
    yield from (word for before, word in itertools.pairwise(command) if before == "-m")


def _imported(folder: Path) -> Iterator[str]:
    """What the Python files of the source import, those in packages too."""
    paths = sorted(folder.glob("*.py")) + sorted(folder.glob("*/*.py"))
    for path in paths[:MOST_FILES]:
        if not path.parent.is_symlink() and "node_modules" not in path.parts:
            yield from used_modules(_text(path) or "")


def _project(folder: Path) -> list[str]:
    text = _text(folder / "pyproject.toml")
    if text is None:
        return []
    try:
        found = tomllib.loads(text).get("project", {}).get("dependencies", [])
    except (tomllib.TOMLDecodeError, AttributeError) as fault:
        raise BadSource(f"pyproject.toml cannot be read: {fault}") from None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadSource("project.dependencies in pyproject.toml must be a list of requirements")
    return found


def _text(path: Path) -> str | None:
    """A file of the source; None where there is none. Links could lead anywhere: not followed."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_FILE:
        return None
    return path.read_text(encoding="utf-8", errors="replace")
