"""Loading: the root file, its includes, merged into one tree.

Only the root file's `include` counts, and it is read before any variable has a value. Keys of
resources are checked here, before targets merge, as a target may well repeat one.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.files import is_pattern
from brickyard.bundle.versions import check_version
from brickyard.resources import TITLES
from brickyard.values import (
    Diagnostic,
    Location,
    Value,
    did_you_mean,
    error,
    merge,
    recommendation,
    value_of,
    warning,
)

ROOT_NAMES: Final = ("databricks.yml", "databricks.yaml", "bundle.yml", "bundle.yaml")
EXTENSIONS: Final = (".yml", ".yaml", ".json")
FULL: Final = (
    {"default", "type", "description"},
    {"default", "type"},
    {"default", "description"},
    {"lookup", "description"},
    {"default"},
    {"lookup"},
)
SINGULAR_KEYS: Final = {key: title.lower().replace(" ", "_") for key, title in TITLES.items()}
SINGULARS: Final = {title.lower().replace(" ", "_"): key for key, title in TITLES.items()}


def read_root(draft: Draft) -> Draft:
    """Reads the root file. Reads: files. Writes: the whole tree, `root_file`."""
    names = [name for name in ROOT_NAMES if draft.files.is_file(name)]
    if not names:
        return draft.noting(
            error(
                "bundle/no-root-file",
                "Unable to locate the bundle root: databricks.yml not found.",
                "Expected databricks.yml in this folder. Create one, or change into a bundle.",
            )
        )
    if len(names) > 1:
        draft = draft.noting(
            error(
                "bundle/several-root-files",
                "multiple bundle root configuration files found",
                f"Found {', '.join(names)}. Keep one of them and remove the others.",
                at=[Location(name) for name in names],
            )
        )
    draft = replace(draft, root_file=names[0])
    tree, found = _read(draft, names[0])
    return draft.having(tree, found)


def read_includes(draft: Draft) -> Draft:
    """Merges every included file. Writes: `include`, as the list of files."""
    found: list[Diagnostic] = []
    tree = draft.tree
    owners = _Owners(found)
    owners.add(tree)
    names = tuple(_included(draft, found))
    for name in names:
        part, problems = _read(draft, name)
        found.extend(problems)
        if part.get("include") is not None:
            found.append(
                warning(
                    "bundle/include-in-include",
                    "Include section is defined outside root file",
                    f"Move the entries to `include` in {draft.root_file}.",
                    path="include",
                    at=part.items["include"].key_locations,
                )
            )
            part = part.drop("include")
        owners.add(part)
        found.extend(_named_for_one(part, name))
        tree, clashes = merge(tree, part)
        found.extend(clashes)
    if not names:
        tree = tree.drop("include")
    elif tree.get("include") is not None:
        places = tree.items["include"].locations
        tree = tree.put(
            "include", value_of(list(names), places).with_key(tree.items["include"].key)
        )
    return draft.having(tree, found)


def check_loaded(draft: Draft) -> Draft:
    """Things that must hold of the merged files. Reads: everything. Writes: `bundle.cluster_id`."""
    found: list[Diagnostic] = [*check_version(draft), *_keys_with_references(draft.tree)]
    tree = draft.tree
    old = tree.get("bundle.compute_id")
    if old is not None:
        found.append(
            warning(
                "bundle/old-name",
                "compute_id is deprecated, please use cluster_id instead",
                "Rename the key.",
                path="bundle.compute_id",
                at=old.key_locations,
            )
        )
        tree = tree.drop("bundle.compute_id").put("bundle.cluster_id", old)
    if not draft.text("bundle.name"):
        found.append(
            error(
                "bundle/no-name",
                "bundle has no name",
                f"Add `bundle: {{name: …}}` to {draft.root_file}.",
                path="bundle.name",
                at=[Location(draft.root_file, 1, 1)],
            )
        )
    found.extend(_unknown_types(tree))
    return draft.having(tree, found)


def _read(draft: Draft, name: str) -> tuple[Value, list[Diagnostic]]:
    """One file, in the form in which files merge."""
    parsed = draft.files.parsed(name)
    if parsed is None:
        detail = "It was listed but cannot be read. Check its permissions."
        return Value({}), [
            error("bundle/unreadable", "cannot read file", detail, at=[Location(name)])
        ]
    tree, problems = parsed
    found = list(problems)
    if tree.data is None:
        return Value({}, tree.locations), found
    if not isinstance(tree.data, dict):
        found.append(
            error(
                "bundle/not-a-map",
                "file is not a map",
                f"Expected keys such as `resources:`, found a {tree.kind}. Write it as a map.",
                at=tree.locations,
            )
        )
        return Value({}, tree.locations), found
    tree = _without_empty_sections(tree)
    tree = _targets(tree, found)
    return _variables_in_full(tree), found


def _without_empty_sections(tree: Value) -> Value:
    """A section that is only a comment is an empty one."""
    for name in ("resources", "targets", "environments", "variables", "artifacts"):
        section = tree.items.get(name)
        if section is not None and section.data is None:
            tree = tree.put(name, section.with_data({}))
    for name, variable in (tree.items.get("variables") or Value({})).items.items():
        if variable.data is None:
            tree = tree.put(("variables", name), variable.with_data({}))
    return tree


def _targets(tree: Value, found: list[Diagnostic]) -> Value:
    """`environments` is the old name of `targets`."""
    old = tree.items.get("environments")
    if old is None:
        return tree
    if "targets" in tree.items:
        found.append(
            error(
                "bundle/targets-twice",
                "both environments and targets are given",
                "`environments` is the old name of `targets`: move its entries there.",
                at=(*old.key_locations, *tree.items["targets"].key_locations),
            )
        )
        return tree.drop("environments")
    return tree.with_data(
        {("targets" if name == "environments" else name): part for name, part in tree.items.items()}
    )


def _variables_in_full(tree: Value) -> Value:
    """`targets.t.variables.v: x` means `{default: x}`, unless it is a definition already."""
    for target, settings in (tree.items.get("targets") or Value({})).items.items():
        for name, given in (settings.child("variables") or Value({})).items.items():
            if not (isinstance(given.data, dict) and set(given.data) in FULL):
                plain = Value(given.data, given.locations)
                whole = Value({"default": plain}, given.locations, given.key)
                tree = tree.put(("targets", target, "variables", name), whole)
    return tree


def _included(draft: Draft, found: list[Diagnostic]) -> Iterator[str]:
    """The files that `include` names, in order, each once."""
    seen = set(ROOT_NAMES)
    include = draft.tree.get("include")
    for index, entry in enumerate(include.elements if include else ()):
        path = f"include[{index}]"
        if not entry.text or entry.text.startswith("/"):
            found.append(
                error(
                    "bundle/include-path",
                    f"{entry.text}: includes must be relative paths",
                    "Write it relative to the bundle's root, for example `resources/*.yml`.",
                    path=path,
                    at=entry.locations,
                )
            )
            continue
        names = draft.files.glob(entry.text)
        if not names and not is_pattern(entry.text):
            found.append(
                error(
                    "bundle/include-missing",
                    f"{entry.text} defined in 'include' section does not match any files",
                    f"There is no {entry.text}."
                    f" {did_you_mean(entry.text, draft.files.names())}".rstrip()
                    + " Create it or remove the entry.",
                    path=path,
                    at=entry.locations,
                )
            )
        for name in names:
            if name in seen:
                continue
            seen.add(name)
            if posixpath.splitext(name)[1] in EXTENSIONS:
                yield name
                continue
            found.append(
                error(
                    "bundle/include-kind",
                    "Files in the 'include' configuration section must be YAML or JSON files.",
                    f"{name} is not .yml, .yaml or .json. To upload it, use `sync.include`.",
                    path=path,
                    at=entry.locations,
                )
            )


class _Owners:
    """Which file and type use a key, across the files as they are loaded."""

    def __init__(self, found: list[Diagnostic]) -> None:
        self.found = found
        self.seen: dict[str, tuple[str, Value]] = {}

    def add(self, tree: Value) -> None:
        for kind, entries in (tree.items.get("resources") or Value({})).items.items():
            for key, value in entries.items.items():
                self._add(key, f"resources.{kind}.{key}", value)
        for key, value in (tree.items.get("scripts") or Value({})).items.items():
            self._add(key, f"scripts.{key}", value)

    def _add(self, key: str, address: str, value: Value) -> None:
        if key not in self.seen:
            self.seen[key] = (address, value)
            return
        other, first = self.seen[key]
        what = "is defined in two files" if other == address else f"has the key of {other}"
        self.found.append(
            error(
                "bundle/duplicate-resource",
                f"multiple resources or scripts have been defined with the same key: {key}",
                f"{address} {what}. Every key belongs to one resource: rename or remove one.",
                path=address,
                at=(*value.key_locations, *first.key_locations),
            )
        )


def _named_for_one(part: Value, name: str) -> Iterator[Diagnostic]:
    """`x.job.yml` promises one job and nothing else."""
    words = posixpath.basename(name).split(".")
    kind = SINGULARS.get(words[-2]) if len(words) > 2 else None
    if kind is None:
        return
    parts = {"": part} | {
        f"targets.{target}.": settings
        for target, settings in (part.items.get("targets") or Value({})).items.items()
    }
    held = [
        (found, key, f"{prefix}resources.{found}.{key}", value)
        for prefix, owner in parts.items()
        for found, entries in (owner.items.get("resources") or Value({})).items.items()
        for key, value in entries.items.items()
    ]
    if len({key for _, key, _, _ in held}) <= 1 and all(found == kind for found, *_ in held):
        return
    lines = sorted({f"  - {key} ({SINGULAR_KEYS.get(found, found)})" for found, key, *_ in held})
    places = sorted((p for *_, value in held for p in value.locations), key=str)
    yield recommendation(
        "bundle/one-resource-per-file",
        f"define a single {words[-2].replace('_', ' ')} in a file with the"
        f" .{words[-2]}.{words[-1]} extension.",
        "These are defined or configured in this file:\n" + "\n".join(lines),
        path="\n".join(sorted(path for _, _, path, _ in held)),
        at=places,
    )


def _keys_with_references(tree: Value) -> Iterator[Diagnostic]:
    trees = [tree, *(tree.items.get("targets") or Value({})).items.values()]
    for part in trees:
        for kind, entries in (part.child("resources") or Value({})).items.items():
            for key, value in entries.items.items():
                if re.search(r"\$\{.*\}", key):
                    yield error(
                        "bundle/reference-in-key",
                        f'resource key "{key}" must not contain variable references',
                        "Keys are fixed. Put the reference into the resource's `name`.",
                        path=f"resources.{kind}.{key}",
                        at=value.key_locations,
                    )


def _unknown_types(tree: Value) -> Iterator[Diagnostic]:
    for kind, entries in (tree.items.get("resources") or Value({})).items.items():
        if kind in TITLES and entries.kind == "map":
            for key, value in entries.items.items():
                if value.data is None or not isinstance(value.data, dict):
                    yield error(
                        "bundle/empty-resource",
                        f"{SINGULAR_KEYS[kind]} {key} is not defined",
                        "Give it at least its required fields, or remove its key.",
                        path=f"resources.{kind}.{key}",
                        at=value.key_locations,
                    )
