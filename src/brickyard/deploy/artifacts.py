"""Wheels and jars: building them, and pointing tasks at the uploaded copies.

Follows the official order: build (artifact names sorted, in `path`), expand globs, keep the newest
wheel of each distribution, then replace local paths in task libraries and environment dependencies
by `<artifact_path>/.internal/<file>`. Wheels with `dynamic_version` are uploaded with the time of
their build in their version. Uploads are skipped when the workspace has the same content.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from brickyard.bundle import wheel_name
from brickyard.deploy.hooks import RESTRICTED, HookFailed, shell_words
from brickyard.deploy.http import Json
from brickyard.deploy.remote_files import RemoteFiles
from brickyard.deploy.state import go_json
from brickyard.deploy.wheels import BadWheel, newest_wheels, patch_wheel

LIST: Final = "artifacts.json"
USUAL_BUILD: Final = "python setup.py bdist_wheel"
REMOTE_PREFIXES: Final = ("/Workspace/", "/Users/", "/Shared/", "/Volumes/", "/")
REQUIREMENT: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\])?\s*(\(?\s*(==|!=|<=|>=|<|>|~=|===).*)?\s*(;.*)?\Z"
)
EXTRAS: Final = re.compile(r"(?P<file>.+\.whl)(?P<extras>\[[^\]]*\])\Z")
# The same sources give the same bytes, so that an unchanged wheel is not uploaded again.
REPRODUCIBLE: Final = {"SOURCE_DATE_EPOCH": "315532800"}


class BuildFailed(Exception):
    """An artifact could not be built or found."""


class NoLibrary(BuildFailed):
    """A library that is no file: `local` is how the bundle writes it, after variables."""

    def __init__(self, message: str, local: str, built: Sequence[Path]) -> None:
        super().__init__(message)
        self.local = local
        self.built = tuple(file.name for file in built)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A local file and the absolute path it gets in the workspace."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Resources with library paths rewritten, and the files these paths need."""

    resources: Mapping[str, Any]
    uploads: tuple[Upload, ...]
    archives: tuple[tuple[str, Path], ...] = ()  # go with the bundle's files: name there, file


def build(
    artifacts: Mapping[str, Any],
    root: Path,
    environment: Mapping[str, str],
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Build every artifact. Raises `BuildFailed` with the build's own output."""
    for name in sorted(artifacts):
        artifact = artifacts[name] or {}
        folder = root / str(artifact.get("path") or ".")
        command = _command(artifact, folder)
        if not command:
            if not artifact.get("files"):
                raise BuildFailed(
                    "misconfigured artifact: please specify 'build' or 'files' property"
                    f" (artifacts.{name})"
                )
            continue
        if environment.get(RESTRICTED):
            raise BuildFailed(
                f"cannot build artifacts.{name}: running code is not allowed when {RESTRICTED}"
                " is set"
            )
        say(f"Building {name}...")
        _run(name, command, folder, environment, str(artifact.get("executable") or ""))


def prepare(
    resources: Mapping[str, Any],
    artifacts: Mapping[str, Any],
    *,
    root: Path,
    artifact_path: str,
    patched: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Rewrite local libraries to their remote paths; `root` is what they are relative to.

    `patched` is the folder for wheels with a dynamic version; what can't get one stays, and is
    said.
    """
    built = tuple(
        file for name in sorted(artifacts) for file in _files(name, artifacts[name], root)
    )
    replaced = dict(_patched(artifacts, root, patched, say)) if patched is not None else {}
    uploads: dict[str, Upload] = {}
    for file in built:
        _place(replaced.get(file, file), uploads, artifact_path)

    def remote(local: str) -> list[str]:
        found = _matches(local, root, built)
        return [_place(replaced.get(file, file), uploads, artifact_path) for file in found]

    rewritten = {
        kind: {key: _rewrite(kind, value, remote) for key, value in (group or {}).items()}
        for kind, group in resources.items()
    }
    return Prepared(resources=rewritten, uploads=tuple(uploads[name] for name in sorted(uploads)))


def _patched(
    artifacts: Mapping[str, Any], root: Path, folder: Path, say: Callable[[str], None]
) -> Iterator[tuple[Path, Path]]:
    """Wheels that get a dynamic version, and their copies with it."""
    for name in sorted(artifacts):
        artifact = artifacts[name] or {}
        if artifact.get("type") != "whl" or not artifact.get("dynamic_version"):
            continue
        for file in _files(name, artifact, root):
            wheel = wheel_name(file.name)
            distribution = wheel.distribution if wheel is not None else file.name
            try:
                yield file, patch_wheel(file, folder / f"{name}_{distribution}")
            except BadWheel as reason:
                say(f"Warning: Failed to patch wheel with dynamic version: {reason}")


def upload(
    uploads: Sequence[Upload],
    files: RemoteFiles,
    *,
    state_path: str,
    root: Path,
    say: Callable[[str], None] = lambda _: None,
) -> int:
    """Send what the workspace does not have yet, remove what nothing needs; how many were sent."""
    note = f"{state_path}/{LIST}"
    known = _known(files.read(note))
    digests = {u.target: hashlib.sha256(u.source.read_bytes()).hexdigest() for u in uploads}
    if known == digests:
        return 0
    pending = [u for u in uploads if known.get(u.target) != digests[u.target]]
    kept = {target: digest for target, digest in known.items() if digests.get(target) == digest}
    files.write(note, go_json(kept, indent=1).encode())
    for item in pending:
        shown = item.source.relative_to(root) if item.source.is_relative_to(root) else item.source
        say(f"Uploading {shown.as_posix()}...")
        files.write(item.target, item.source.read_bytes())
    for target in known.keys() - digests.keys():
        files.delete(target)
    files.write(note, go_json(digests, indent=1).encode())
    return len(pending)


def _command(artifact: Mapping[str, Any], folder: Path) -> str | Sequence[str] | None:
    """The configured build, or the usual one for a wheel; a project without setup.py is modern."""
    given: str | None = artifact.get("build")
    is_usual = given == USUAL_BUILD or (
        not given and artifact.get("type") == "whl" and not artifact.get("files")
    )
    if not is_usual:
        return given
    return USUAL_BUILD if (folder / "setup.py").is_file() else _build_tool()


def _build_tool() -> Sequence[str]:
    if shutil.which("uv"):
        return ("uv", "build", "--wheel", "--quiet", "--out-dir", "dist", ".")
    if importlib.util.find_spec("uv"):
        return (sys.executable, "-m", "uv", "build", "--wheel", "--quiet", "--out-dir", "dist", ".")
    if importlib.util.find_spec("build"):
        return (sys.executable, "-m", "build", "--wheel", "--outdir", "dist", ".")
    return (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", "dist", ".")


def _run(
    name: str,
    command: str | Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    executable: str,
) -> None:
    try:
        words = shell_words(command, executable) if isinstance(command, str) else list(command)
    except HookFailed as missing:
        raise BuildFailed(f"build failed {name}, error: {missing}") from missing
    ended = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **REPRODUCIBLE, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        said = ended.stdout + ended.stderr
        raise BuildFailed(
            f"build failed {name}, error: exit status {ended.returncode}, output: {said}"
        )


def _files(name: str, artifact: Mapping[str, Any] | None, root: Path) -> tuple[Path, ...]:
    artifact = artifact or {}
    folder = root / str(artifact.get("path") or ".")
    sources = [str(file["source"]) for file in artifact.get("files") or () if file.get("source")]
    if sources:
        found = [match for source in sources for match in _glob(root, source)]
    else:
        found = _glob(folder, "dist/*.whl") if artifact.get("type") == "whl" else []
    if not found and (sources or artifact.get("type") == "whl"):
        wanted = ", ".join(sources) or f"{folder}/dist/*.whl"
        raise BuildFailed(f"{wanted}: no matching files (artifacts.{name} produced none)")
    return newest_wheels(found)


def _matches(local: str, root: Path, built: Sequence[Path]) -> list[Path]:
    found = [Path(os.path.normpath(match)) for match in _glob(root, local)]
    if any(sign in local for sign in "*?["):
        found = list(newest_wheels(found))
    if not found:
        is_pattern = any(sign in local for sign in "*?[")
        what = "no files match pattern:" if is_pattern else "file doesn't exist"
        raise NoLibrary(f"{what} {local}", local, built)
    return found


def _glob(folder: Path, pattern: str) -> list[Path]:
    if Path(pattern).is_absolute():
        absolute = Path(pattern)
        return sorted(absolute.parent.glob(absolute.name))
    base = Path(os.path.normpath(folder / PurePosixPath(pattern).parent))
    return sorted(base.glob(PurePosixPath(pattern).name)) if base.is_dir() else []


def _place(file: Path, uploads: dict[str, Upload], artifact_path: str) -> str:
    made = Upload(source=file, target=f"{artifact_path}/.internal/{file.name}")
    other = uploads.setdefault(file.name, made)
    if other.source != file:
        raise BuildFailed(
            f"Duplicate local library names: {file.name}. Both {other.source} and {file} would be"
            " uploaded under that name: rename one"
        )
    return made.target


def _rewrite(kind: str, resource: Any, remote: Callable[[str], list[str]]) -> Any:
    if not isinstance(resource, Mapping):
        return resource
    if kind == "pipelines" and isinstance(resource.get("environment"), Mapping):
        return {**resource, "environment": _with_dependencies(resource["environment"], remote)}
    if kind != "jobs":
        return resource
    changed: Json = dict(resource)
    if isinstance(resource.get("tasks"), list | tuple):
        changed["tasks"] = [_rewrite_task(task, remote) for task in resource["tasks"]]
    if isinstance(resource.get("environments"), list | tuple):
        changed["environments"] = [
            {**item, "spec": _with_dependencies(item["spec"], remote)}
            if isinstance(item, Mapping) and isinstance(item.get("spec"), Mapping)
            else item
            for item in resource["environments"]
        ]
    return changed


def _rewrite_task(task: Any, remote: Callable[[str], list[str]]) -> Any:
    if not isinstance(task, Mapping):
        return task
    changed = dict(task)
    inner = (task.get("for_each_task") or {}).get("task")
    if inner:
        changed["for_each_task"] = {**task["for_each_task"], "task": _rewrite_task(inner, remote)}
    if isinstance(task.get("libraries"), list | tuple):
        changed["libraries"] = [new for old in task["libraries"] for new in _library(old, remote)]
    return changed


def _library(library: Any, remote: Callable[[str], list[str]]) -> Iterator[Any]:
    for kind in ("whl", "jar"):
        path = library.get(kind) if isinstance(library, Mapping) else None
        if isinstance(path, str) and is_local(path):
            yield from ({**library, kind: target} for target in remote(path))
            return
    yield library


def _with_dependencies(spec: Mapping[str, Any], remote: Callable[[str], list[str]]) -> Json:
    changed: list[Any] = []
    for item in spec.get("dependencies") or ():
        if not isinstance(item, str) or not is_local_dependency(item):
            changed.append(item)
            continue
        match = EXTRAS.match(item)
        path, extras = (match["file"], match["extras"]) if match else (item, "")
        changed += [target + extras for target in remote(path)]
    return {**spec, "dependencies": changed} if "dependencies" in spec else dict(spec)


def is_local(path: str) -> bool:
    """Neither absolute nor with a scheme (`dbfs:/`, `s3://`)."""
    return not path.startswith(REMOTE_PREFIXES) and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", path)


def is_local_dependency(text: str) -> bool:
    """A path on this machine, and neither a requirement nor a pip option."""
    if text.startswith("."):
        return True
    if text.startswith("-") or " @ " in text or " -" in text:
        return False
    if text.endswith(".whl") or ".whl[" in text:
        return is_local(text)
    return not REQUIREMENT.match(text) and is_local(text)


def _known(content: bytes | None) -> dict[str, str]:
    try:
        data = json.loads(content) if content else {}
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}
