"""What `validate` says of the files to upload: that there are none, that a pattern fits none, that
the workspace has no folder for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle import Resolved
from brickyard.deploy.http import ApiFailure, Workspace
from brickyard.deploy.project import Project
from brickyard.deploy.sources import source_paths
from brickyard.deploy.sync_set import every_file
from brickyard.values import Diagnostic, Value, error, warning

STATUS: Final = "/api/2.0/workspace/get-status"
FOLDERS: Final = frozenset({"DIRECTORY", "REPO"})


def check_sync(project: Project) -> tuple[Diagnostic, ...]:
    """Warnings; nothing for a bundle that means to upload nothing (`sync.paths: []`)."""
    patterns = tuple(_patterns(project.resolved))
    found = []
    if patterns:
        names = tuple(every_file(project.root))
        found += [_useless(*pattern) for pattern in patterns if not _fits(pattern[1].text, names)]
    if not project.resolved.sync.paths:
        return tuple(found)
    refused = _no_folder(project.resolved, project.client) if project.client is not None else ""
    if refused:
        found.append(error("deploy/no-folder", refused, "Choose a folder with `file_path`."))
    elif not source_paths(project):
        found.append(_nothing(project.resolved.tree.get("sync.exclude")))
    return tuple(found)


def _no_folder(resolved: Resolved, client: Workspace) -> str:
    """Why files cannot go to `workspace.file_path`; empty when they can."""
    value = resolved.tree.get("workspace.file_path")
    path = value.text if value is not None else ""
    if not path or "${" in path:
        return ""
    try:
        kind = str(client.get(STATUS, {"path": path}).get("object_type"))
    except ApiFailure as failure:
        return "" if failure.is_missing else str(failure)
    return "" if kind in FOLDERS else f"{path} points to a {kind.lower()}"


def _patterns(resolved: Resolved) -> Iterator[tuple[str, Value]]:
    for name in ("sync.exclude", "sync.include"):
        section = resolved.tree.get(name)
        for index, entry in enumerate(section.elements if section is not None else ()):
            yield f"{name}[{index}]", entry


def _fits(pattern: str, names: tuple[str, ...]) -> bool:
    """`!` in front takes out what the rest fits: useless when that is nothing."""
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines([pattern.removeprefix("!")])
    return any(spec.match_file(name) for name in names)


def _useless(path: str, pattern: Value) -> Diagnostic:
    return warning(
        "deploy/sync-pattern",
        f"Pattern {pattern.text} does not match any files",
        "Correct or remove it. Patterns count from the file that holds them, as in .gitignore.",
        path=path,
        at=pattern.locations,
    )


def _nothing(exclude: Value | None) -> Diagnostic:
    if exclude is None or not exclude.elements:
        return warning(
            "deploy/no-files",
            "There are no files to sync, please check your .gitignore",
            "Nothing would be uploaded. If that is meant, write `sync: {paths: []}`.",
        )
    return warning(
        "deploy/no-files",
        "There are no files to sync, please check your .gitignore and sync.exclude configuration",
        "Nothing would be uploaded. If that is meant, write `sync: {paths: []}`.",
        path="sync.exclude",
        at=exclude.locations,
    )
