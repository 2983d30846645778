"""`**` where it means no more than `*`: in paths that are globbed as Go's `filepath.Glob` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.path_fields import tasks_of
from brickyard.bundle.path_texts import is_local
from brickyard.values import Diagnostic, Path, Value, show, warning

LIBRARIES: Final = ("whl", "jar")
SOURCES: Final = ("notebook.path", "file.path")


def check_globs(draft: Draft) -> Draft:
    """Warns of each. Reads: the root file's `include`, artifacts, libraries, before translation."""
    return draft.noting(
        *(_says_little(path, value) for path, value in _globbed(draft) if "**" in value.text)
    )


def _globbed(draft: Draft) -> Iterator[tuple[Path, Value]]:
    """Every path that may be a pattern; `sync` and `glob.include` know `**` and are not here."""
    root = draft.files.parsed(draft.root_file)
    include = root[0].get("include") if root is not None else None
    for index, entry in enumerate(include.elements if include is not None else ()):
        yield ("include", index), entry
    for name, artifact in (draft.tree.get("artifacts") or Value({})).items.items():
        files = artifact.child("files")
        for index, file in enumerate(files.elements if files is not None else ()):
            if (source := file.child("source")) is not None:
                yield ("artifacts", name, "files", index, "source"), source
    for key, job in draft.each("jobs"):
        for at, task in tasks_of(job):
            yield from _entries(task, LIBRARIES, ("resources", "jobs", key, *at))
    for key, pipeline in draft.each("pipelines"):
        yield from _entries(pipeline, SOURCES, ("resources", "pipelines", key))


def _entries(holder: Value, names: tuple[str, ...], at: Path) -> Iterator[tuple[Path, Value]]:
    libraries = holder.child("libraries")
    for index, library in enumerate(libraries.elements if libraries is not None else ()):
        for name in names:
            value = library.get(name)
            if value is not None and is_local(value.text):
                yield (*at, "libraries", index, *name.split(".")), value


def _says_little(path: Path, value: Value) -> Diagnostic:
    text = value.text
    levels = [text.replace("**/", ""), text.replace("**", "*"), text.replace("**", "*/*")]
    entries = ", ".join(dict.fromkeys(levels))
    way_out = (
        "For a pipeline write `glob: {include: …}`, which knows `**`."
        if path[1:2] == ("pipelines",)
        else f"List the levels that you mean: {entries}."
    )
    return warning(
        "bundle/double-star",
        "`**` matches one level of folders here, as `*` does",
        f"`{text}` does not look into folders of folders. {way_out}",
        path=show(path),
        at=value.locations,
    )
