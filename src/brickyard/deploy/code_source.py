"""`ai_runtime_task.code_source_path`: a folder of the bundle, sent as one archive.

As the official CLI does it: the files of the folder that would be uploaded, in a tar.gz whose name
holds the hash of its content, below `.air_snapshots` among the uploaded files; entries start with
the folder's name and have one time and one of two modes, so that the same files make the same
bytes. The two CLIs compress differently: whoever changes from one to the other sends it once more.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from brickyard.bundle import CODE_SNAPSHOTS, is_local_path
from brickyard.deploy.artifacts import BuildFailed, Prepared
from brickyard.deploy.project import Project
from brickyard.deploy.state_store import write_atomically
from brickyard.deploy.sync_set import sync_set

MODIFIED: Final = 946684800  # 2000-01-01
MAC_METADATA: Final = "._"


def pack_code(prepared: Prepared, project: Project) -> Prepared:
    """The resources with archives in the place of folders, and the archives."""
    jobs = prepared.resources.get("jobs")
    if not isinstance(jobs, Mapping):
        return prepared
    archives: dict[str, Path] = {}
    made = {key: _job(job, project, archives) for key, job in jobs.items()}
    if not archives:
        return prepared
    return replace(
        prepared, resources={**prepared.resources, "jobs": made}, archives=tuple(archives.items())
    )


def _job(job: Any, project: Project, archives: dict[str, Path]) -> Any:
    tasks = job.get("tasks") if isinstance(job, Mapping) else None
    if not isinstance(tasks, list) or job.get("git_source"):
        return job
    return {**job, "tasks": [_task(task, project, archives) for task in tasks]}


def _task(task: Any, project: Project, archives: dict[str, Path]) -> Any:
    runtime = task.get("ai_runtime_task") if isinstance(task, Mapping) else None
    if not isinstance(runtime, Mapping):
        return task
    path = runtime.get("code_source_path")
    if not isinstance(path, str) or not is_local_path(path):
        return task
    folder = project.sync_rules.root / path
    if not folder.is_dir():
        return task  # an archive that is built as an artifact
    name, archive = _packed(project, path)
    archives[name] = archive
    remote = f"{project.path('file_path')}/{name}"
    return {**task, "ai_runtime_task": {**runtime, "code_source_path": remote}}


def _packed(project: Project, path: str) -> tuple[str, Path]:
    """The archive's name among the uploaded files, and where it was written here."""
    root = project.sync_rules.root
    inside = PurePosixPath(path).as_posix()
    folder = root if inside == "." else root / inside
    names = _names(project, inside)
    if not names:
        raise BuildFailed(
            f'code_source_path "{path}" has no files to package (all excluded by .gitignore or'
            " sync.exclude, or the directory is empty)"
        )
    content = archive_of(folder, folder.resolve().name, names)
    digest = hashlib.sha256(content).hexdigest()[:16]
    name = f"{CODE_SNAPSHOTS}/{folder.resolve().name}_{digest}.tar.gz"
    place = project.folder / name
    write_atomically(place, content)
    return name, place


def _names(project: Project, inside: str) -> tuple[str, ...]:
    """The files of the folder, relative to it, that a deploy uploads."""
    repository = project.repository
    names = sync_set(
        replace(project.sync_rules, paths=(inside,)),
        worktree=repository.worktree if repository else None,
        global_excludes=repository.global_excludes if repository else None,
    )
    if inside == ".":
        return names
    start = f"{inside}/"
    return tuple(name.removeprefix(start) for name in names if name.startswith(start))


def archive_of(folder: Path, prefix: str, names: Iterable[str]) -> bytes:
    """A tar.gz of these files below `prefix`, the same for the same files."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in sorted(names):
            if PurePosixPath(name).name.startswith(MAC_METADATA):
                continue
            source = folder / name
            content = source.read_bytes()
            entry = tarfile.TarInfo(f"{prefix}/{name}")
            entry.size, entry.mtime = len(content), MODIFIED
            entry.mode = 0o755 if source.stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
