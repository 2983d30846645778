"""AI runtime tasks whose code is a folder of the bundle: what cannot be packed, or not be found.

The rules and words of the official CLI. Paths are counted from the root of what is uploaded.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.path_texts import is_local
from brickyard.values import Diagnostic, Path, Value, error, show

FIELD: Final = "ai_runtime_task.code_source_path"
CODE_SNAPSHOTS: Final = ".air_snapshots"
ELSEWHERE: Final = "set code_source_path to a workspace or volume path"


def check_code_sources(draft: Draft) -> Draft:
    """Errors. Reads: jobs, `sync`, `presets`, files."""
    found: list[Diagnostic] = []
    packs = False
    for key, job in draft.each("jobs"):
        tasks = job.child("tasks")
        for index, task in enumerate(tasks.elements if tasks is not None else ()):
            at = ("resources", "jobs", key, "tasks", index)
            found += _nested(task, at)
            path = task.get(FIELD)
            if path is not None and is_local(path.text):
                found += _refusals(draft, job, path, (*at, *FIELD.split(".")))
                packs = packs or draft.files.is_folder(_from_bundle(draft, path.text))
    if packs:
        found += _reserved(draft)
    return draft.noting(*found)


def _nested(task: Value, at: Path) -> Iterator[Diagnostic]:
    path = task.get(f"for_each_task.task.{FIELD}")
    if path is not None and is_local(path.text):
        yield error(
            "bundle/code-source",
            "ai_runtime_task with a local code_source_path is not supported inside a for_each_task",
            f"{ELSEWHERE.capitalize()}.",
            path=show((*at, "for_each_task", "task", *FIELD.split("."))),
            at=path.locations,
            is_explained=True,
        )


def _refusals(draft: Draft, job: Value, path: Value, at: Path) -> Iterator[Diagnostic]:
    what = "ai_runtime_task with a local code_source_path"
    if posixpath.normpath(path.text).split("/")[0] == "..":
        yield _refused(
            f'code_source_path "{path.text}" is outside the bundle root',
            "It must point at a directory inside the bundle, or at a workspace or volume path.",
            path,
            at,
            is_explained=True,
        )
        return
    if not draft.files.is_folder(_from_bundle(draft, path.text)):
        return
    linked = draft.tree.get("presets.source_linked_deployment")
    immutable = draft.tree.get("experimental.immutable_folder")
    if job.child("git_source") is not None:
        yield _refused(
            f"{what} cannot be combined with git_source",
            f"Remove git_source, or {ELSEWHERE}.",
            path,
            at,
            is_explained=True,
        )
    elif immutable is not None and immutable.data is True:
        summary = f"{what} is not supported with experimental.immutable_folder"
        yield _refused(summary, f"Remove that setting, or {ELSEWHERE}.", path, at)
    elif linked is not None and linked.data is True:
        yield _refused(
            f"{what} is not supported with source-linked deployment",
            f"Disable source-linked deployment, or {ELSEWHERE}.",
            path,
            at,
            is_explained=True,
        )


def _reserved(draft: Draft) -> Iterator[Diagnostic]:
    """What would keep the archive from being uploaded."""
    place = _from_bundle(draft, CODE_SNAPSHOTS)
    if draft.files.is_folder(place) or draft.files.is_file(place):
        yield error(
            "bundle/code-source",
            f'"{CODE_SNAPSHOTS}" is reserved for AI Runtime code snapshots and must not exist in'
            " the bundle",
            "Remove it; the deploy generates code archives under this path.",
            is_explained=True,
        )
    exclude = draft.tree.get("sync.exclude")
    if draft.sync.exclude and _fits(draft.sync.exclude, f"{CODE_SNAPSHOTS}/probe.tar.gz"):
        yield error(
            "bundle/code-source",
            f'sync.exclude must not match "{CODE_SNAPSHOTS}", which holds the AI Runtime code'
            " snapshot",
            "Remove the pattern that excludes it; otherwise the code would not be uploaded.",
            path="sync.exclude",
            at=exclude.locations if exclude is not None else (),
            is_explained=True,
        )


def _fits(patterns: Iterable[str], name: str) -> bool:
    from pathspec import GitIgnoreSpec  # slow to import, seldom needed

    return GitIgnoreSpec.from_lines(patterns).match_file(name)


def _from_bundle(draft: Draft, path: str) -> str:
    return posixpath.normpath(posixpath.join(draft.sync.root, path))


def _refused(
    summary: str, detail: str, path: Value, at: Path, *, is_explained: bool = False
) -> Diagnostic:
    return error(
        "bundle/code-source",
        summary,
        detail,
        path=show(at),
        at=path.locations,
        is_explained=is_explained,
    )
