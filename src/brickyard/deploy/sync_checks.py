"""What `validate` says of the files to upload: that there are none, that a pattern fits none."""

from __future__ import annotations

from collections.abc import Iterator

from brickyard.bundle import Resolved
from brickyard.deploy.project import Project
from brickyard.deploy.sources import source_paths
from brickyard.deploy.sync_set import every_file
from brickyard.values import Diagnostic, Value, warning


def check_sync(project: Project) -> tuple[Diagnostic, ...]:
    """Warnings; nothing for a bundle that means to upload nothing (`sync.paths: []`)."""
    patterns = tuple(_patterns(project.resolved))
    found = []
    if patterns:
        names = tuple(every_file(project.root))
        found += [_useless(*pattern) for pattern in patterns if not _fits(pattern[1].text, names)]
    if project.resolved.sync.paths and not source_paths(project):
        found.append(_nothing(project.resolved.tree.get("sync.exclude")))
    return tuple(found)


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
