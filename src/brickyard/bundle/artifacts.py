"""What the bundle builds: artifacts with their folder, command and files, as data for the build."""

from __future__ import annotations

import posixpath

from brickyard.bundle.draft import Draft
from brickyard.bundle.files import is_well_formed
from brickyard.bundle.wheel_names import newest_wheel_names
from brickyard.values import Diagnostic, Path, Value, error, show, value_of


def put_artifacts(draft: Draft) -> Draft:
    """Folders and defaults. Reads: `artifacts`, libraries, `setup.py`. Writes: `artifacts`."""
    tree = draft.tree
    if not (tree.get("artifacts") or Value({})).items:
        if not draft.libraries or not draft.files.is_file("setup.py"):
            return draft
        tree = tree.put("artifacts", value_of({"python_artifact": {"type": "whl", "path": "."}}))
    found: list[Diagnostic] = []
    dynamic = tree.get("presets.artifacts_dynamic_version")
    for name, artifact in tree.items["artifacts"].items.items():
        at: Path = ("artifacts", name)
        folder = _folder(artifact)
        made = artifact.put("path", (artifact.child("path") or Value(None)).with_data(folder))
        if artifact.data is None:
            found.append(_nothing(name, artifact))
            continue
        build, files = made.child("build"), made.child("files")
        has_build = build is not None and bool(build.data)
        has_files = files is not None and bool(files.elements)
        is_wheel = (kind := made.child("type")) is not None and kind.data == "whl"
        if is_wheel and not has_build and not has_files:
            made = made.put("build", value_of("python3 setup.py bdist_wheel", artifact.locations))
            has_build = True
        if is_wheel and not has_files:
            pattern = posixpath.normpath(posixpath.join(folder, "dist", "*.whl"))
            made = made.put("files", value_of([{"source": pattern}], artifact.locations))
        elif has_files and files is not None:
            made = made.put(
                "files", files.with_data(tuple(_source(one, artifact) for one in files.elements))
            )
            if not has_build:
                made, missing = _expanded(made, at, draft)
                found.extend(missing)
        elif not has_build:
            found.append(
                error(
                    "bundle/artifact",
                    "misconfigured artifact: please specify 'build' or 'files' property",
                    "Say how it is made with `build`, or what it is with `files`.",
                    path=show(at),
                    at=artifact.key_locations,
                )
            )
        made = _absolute(made, draft.facts.root)
        if is_wheel and dynamic is not None and "dynamic_version" not in made.items:
            made = made.put("dynamic_version", dynamic.with_key(None))
        tree = tree.put(at, made)
    return draft.having(tree, found)


def _expanded(artifact: Value, at: Path, draft: Draft) -> tuple[Value, list[Diagnostic]]:
    """What is not built is there now: patterns become files, of one wheel only the newest."""
    made: list[Value] = []
    found: list[Diagnostic] = []
    for index, file in enumerate(artifact.items["files"].elements):
        source = file.child("source")
        if source is None or not source.text or source.text.startswith(("../", "/")):
            made.append(file)
            continue
        is_pattern = is_well_formed(source.text)
        found_now = draft.files.glob(source.text, with_folders=True) if is_pattern else ()
        if source.text == ".":
            found_now = (source.text,)
        matches = newest_wheel_names(found_now)
        made += [file.put("source", source.with_data(match)) for match in matches]
        if not matches:
            made.append(file)
            found.append(
                error(
                    "bundle/artifact-file",
                    f"{source.text}: no matching files"
                    if is_pattern
                    else f"{source.text}: syntax error in pattern",
                    "Nothing builds this artifact, so its files must be there. Correct `source`,"
                    " or say with `build` how it is made.",
                    path=show((*at, "files", index, "source")),
                    at=source.locations,
                )
            )
    return artifact.put("files", artifact.items["files"].with_data(tuple(made))), found


def _nothing(name: str, artifact: Value) -> Diagnostic:
    return error(
        "bundle/empty-artifact",
        "Artifact not properly configured",
        "It has no properties. Say how it is made with `build`, or what it is with `files`.",
        path=f"artifacts.{name}",
        at=artifact.locations,
        is_explained=True,
    )


def _absolute(artifact: Value, root: str) -> Value:
    """Builds run in a folder of this machine: its path, and those of what comes out, are whole."""
    path = artifact.items["path"]
    artifact = artifact.put("path", path.with_data(_joined(root, path.text)))
    files = artifact.child("files")
    for index, file in enumerate(files.elements if files is not None else ()):
        source = file.child("source")
        if source is not None and source.text:
            place: Path = ("files", index, "source")
            artifact = artifact.put(place, source.with_data(_joined(root, source.text)))
    return artifact


def _joined(root: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(root, path))


def _folder(artifact: Value) -> str:
    given = artifact.child("path")
    if given is None or not given.text:
        return "."
    beside = posixpath.dirname(given.location.file) if given.location else ""
    return posixpath.normpath(posixpath.join(beside, given.text))


def _source(file: Value, artifact: Value) -> Value:
    """Relative to the bundle's root; of a file without a source it is the artifact's folder."""
    source = file.child("source") or value_of("", file.locations)
    if not source.text and isinstance(file.data, dict):
        beside = posixpath.dirname(artifact.location.file) if artifact.location else ""
        return file.put("source", source.with_data(beside or "."))
    if not isinstance(source.data, str) or source.text.startswith("/"):
        return file
    beside = posixpath.dirname(source.location.file) if source.location else ""
    path = posixpath.normpath(posixpath.join(beside, source.text))
    return file.put("source", source.with_data(path))
