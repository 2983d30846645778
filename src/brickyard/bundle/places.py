"""Where a deployment lives in the workspace, and who deploys: facts and defaults in the tree."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.resolved import SyncPlan
from brickyard.values import (
    Diagnostic,
    Location,
    Path,
    Value,
    error,
    show,
    value_of,
    warning,
)

BELOW: Final = {
    "file_path": "files",
    "resource_path": "resources",
    "artifact_path": "artifacts",
    "state_path": "state",
}
TWICE: Final = tuple(
    (f"/Workspace{slash}{reference}", reference)
    for reference in (
        f"${{workspace.{name}_path}}" for name in ("root", "file", "artifact", "state", "resource")
    )
    for slash in ("/", "")
)


def put_facts(draft: Draft) -> Draft:
    """User, git and host. Reads: facts. Writes: `workspace.current_user`, `.host`, `bundle.git`."""
    user = draft.facts.user
    known = {"displayName": user.display_name or user.user_name, "id": user.id}
    person: dict[str, object] = {
        **(user.record or known),
        "domain_friendly_name": user.domain_friendly_name,
        "short_name": user.short_name,
        "userName": user.user_name,
    }
    tree = draft.tree.put("workspace.current_user", value_of(person))
    if draft.facts.profile:
        tree = tree.put("workspace.profile", value_of(draft.facts.profile))
    host = tree.get("workspace.host")
    if host is not None and not host.data:
        tree = tree.drop("workspace.host")
    git = draft.facts.git
    tree = tree.drop("bundle.git.actual_branch")
    if git is None:
        here = seen_from(".", draft.sync.root, draft.facts.root)
        tree = tree.put("bundle.git.bundle_root_path", value_of(here))
    if git is not None:
        for name, value in (
            ("branch", git.branch),
            ("commit", git.commit),
            ("origin_url", git.origin_url),
        ):
            given = tree.get(("bundle", "git", name))
            if value and (given is None or not given.data):
                tree = tree.put(("bundle", "git", name), value_of(value))
        for name, value in (
            ("actual_branch", git.branch),
            ("bundle_root_path", git.bundle_root_path),
        ):
            if value:
                tree = tree.put(("bundle", "git", name), value_of(value))
    if draft.facts.cluster_id:
        tree = tree.put("bundle.cluster_id", value_of(draft.facts.cluster_id))
    return draft.having(tree)


def put_paths(draft: Draft) -> Draft:
    """The five paths. Reads: name, target, user. Writes: `workspace.*_path`, doubled prefixes."""
    tree = draft.tree
    given = tree.get("workspace.root_path")
    root = given.text if given is not None else ""
    name = tree.get("bundle.name")  # where to look when the default path has a fault
    if not root and not draft.text("bundle.name"):
        return draft.noting(_no_name(draft))
    if not root:
        root = f"~/.bundle/{draft.text('bundle.name')}/{draft.target}"
    if root.startswith("~/"):
        root = f"/Workspace/Users/{draft.facts.user.user_name}/{root[2:]}"
    tree = tree.put("workspace.root_path", _kept(given or name, _prefixed(root)))
    for key, folder in BELOW.items():
        own = tree.get(("workspace", key))
        path = own.text if own is not None and own.text else posixpath.join(root, folder)
        tree = tree.put(("workspace", key), _kept(own or given or name, _prefixed(path)))
    found: list[Diagnostic] = []

    def change(path: Path, value: Value) -> Value:
        if not isinstance(value.data, str) or "/Workspace" not in value.data:
            return value
        text = value.data
        for twice, once in TWICE:
            if twice not in text:
                continue
            text = text.replace(twice, once)
            found.append(
                warning(
                    "bundle/workspace-twice",
                    f'substring "{twice}" found in "{value.data}". Please update this to "{text}".',
                    "Workspace paths hold it already. Remove `/Workspace` before the reference.",
                    path=show(path),
                    at=value.locations,
                    is_explained=True,
                )
            )
        return value if text == value.data else value.with_data(text)

    return draft.having(tree.map(change), found)


def _no_name(draft: Draft) -> Diagnostic:
    return error(
        "bundle/no-name",
        "unable to define default workspace root: bundle name not defined",
        f"Add `bundle: {{name: …}}` to {draft.root_file}.",
        path="bundle.name",
        at=[Location(draft.root_file, 1, 1)],
    )


def _kept(old: Value | None, text: str) -> Value:
    return old.with_data(text) if old is not None else value_of(text)


def _prefixed(path: str) -> str:
    """Absolute paths live below /Workspace or /Volumes; a reference is left to speak for itself."""
    if path.startswith("/") and not path.startswith(("/Workspace/", "/Volumes/")):
        return f"/Workspace{path}"
    return path


def put_sync(draft: Draft) -> Draft:
    """One root for everything to upload. Reads: `sync`. Writes: `sync.paths` and the sync plan."""
    section = draft.tree.get("sync") or Value({})
    given = section.child("paths")
    paths = (
        ["."]
        if given is None or given.data is None
        else [_from_root(entry) for entry in given.elements if entry.text]
    )
    root = _deepest(paths)
    folder = draft.facts.root
    plan = SyncPlan(
        root=root,
        paths=tuple(seen_from(path, root, folder) for path in paths),
        include=tuple(_patterns(section.child("include"), root, folder)),
        exclude=tuple(_patterns(section.child("exclude"), root, folder)),
    )
    places = given.locations if given is not None else ()
    tree = draft.tree.put("sync.paths", value_of(list(plan.paths), places))
    for name, patterns in (("include", plan.include), ("exclude", plan.exclude)):
        own = section.child(name)
        entries = own.elements if own is not None else ()
        moved = zip(entries, patterns, strict=True)
        if own is None:
            continue
        if own.data is None:
            tree = tree.drop(("sync", name))
            continue
        made = own.with_data(tuple(entry.with_data(text) for entry, text in moved))
        tree = tree.put(("sync", name), made)
    return replace(draft.having(tree), sync=plan)


def check_sync_paths(draft: Draft) -> Draft:
    """What is to be uploaded is there. Reads: `sync.paths`, files."""
    given = draft.tree.get("sync.paths")
    return draft.noting(
        *(
            error(
                "bundle/sync-path",
                f"stat {path}: no such file or directory",
                f"There is no {path} in the bundle. Correct `sync.paths`.",
                path="sync.paths",
                at=given.locations if given is not None else (),
            )
            for path in (
                posixpath.normpath(posixpath.join(draft.sync.root, one)) for one in draft.sync.paths
            )
            if not draft.files.is_folder(path) and not draft.files.is_file(path)
        )
    )


def folder_of(value: Value) -> str:
    """The folder that a relative path counts from: its file's. What Python made counts from the
    bundle's root."""
    file = value.location.file if value.location else ""
    return "" if file.endswith(".py") else posixpath.dirname(file)


def _from_root(entry: Value) -> str:
    """An entry, relative to the file that holds it, as a path relative to the bundle's root."""
    folder = posixpath.dirname(entry.location.file) if entry.location else ""
    return posixpath.normpath(posixpath.join(folder, entry.text.lstrip("/")))


def _patterns(given: Value | None, root: str, folder: str) -> list[str]:
    """Ignore patterns, moved from the file that holds them to the root of the upload."""
    made = []
    for entry in given.elements if given is not None else ():
        beside = posixpath.dirname(entry.location.file) if entry.location else ""
        sign, text = ("!", entry.text[1:]) if entry.text.startswith("!") else ("", entry.text)
        base = seen_from(posixpath.normpath(posixpath.join(beside, ".")), root, folder)
        made.append(sign + posixpath.normpath(f"{base}/{text}"))
    return made


def _deepest(paths: list[str]) -> str:
    """How far up the root lies: `.`, `..`, `../..`, so that it holds the bundle and every path."""
    up = max((_ups(path) for path in paths), default=0)
    return "/".join([".."] * up) or "."


def _ups(path: str) -> int:
    parts = path.split("/")
    return sum(1 for part in parts if part == "..")


def seen_from(path: str, root: str, folder: str) -> str:
    """`path`, relative to the bundle's absolute `folder`, as a path relative to `root`."""
    if root == ".":
        return path
    return posixpath.relpath(posixpath.join(folder, path), posixpath.join(folder, root))
