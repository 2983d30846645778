"""Loading: the root file, its includes, merged into one tree.

Only the root file's `include` counts, and it is read before any variable has a value. Keys of
resources are checked here, before targets merge, as a target may well repeat one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.files import is_pattern, is_well_formed
from brickyard.bundle.normalise import normalise
from brickyard.bundle.references import names_in
from brickyard.bundle.schema import schema
from brickyard.resources import TITLES
from brickyard.values import (
    Diagnostic,
    Location,
    Path,
    Value,
    did_you_mean,
    error,
    has_errors,
    merge,
    recommendation,
    value_of,
    warning,
    yaml,
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
                is_explained=True,
            )
        )
    if len(names) > 1:
        return draft.noting(
            error(
                "bundle/several-root-files",
                f"multiple bundle root configuration files found in {draft.facts.root}",
                f"Found {', '.join(names)}. Keep one of them and remove the others.",
                at=[Location(name) for name in names],
            )
        )
    draft = replace(draft, root_file=names[0])
    tree, found = _read(draft, names[0])
    return draft.having(tree, found)


def read_includes(draft: Draft) -> Draft:
    """Merges every included file. Writes: `include`, as the list of files."""
    found: list[Diagnostic] = list(_root_is_a_pattern(draft))
    names = tuple(_included(draft, found)) if not found else ()
    if has_errors(found):
        return draft.noting(*found)
    tree = draft.tree
    include = tree.get("include")
    if not names and (include is None or not isinstance(include.data, str)):
        tree = tree.drop("include")
    elif names and include is not None:
        tree = tree.put("include", value_of(list(names), include.locations).with_key(include.key))
    for name in names:
        part, problems = _read(draft, name)
        found.extend(problems)
        nested = part.get("include")
        if nested is not None:
            found.append(
                warning(
                    "bundle/include-in-include",
                    "Include section is defined outside root file",
                    f"It is ignored. Move the entries to `include` in {draft.root_file}.",
                    path="include",
                    at=nested.locations,
                    is_explained=True,
                )
            )
        found.extend(_named_for_one(part, name))
        tree, clashes = merge(tree, part)
        found.extend(clashes)
    return draft.having(tree, found)


def _root_is_a_pattern(draft: Draft) -> Iterator[Diagnostic]:
    """The official CLI takes the whole path of an include for a pattern, and so refuses these."""
    mark = next((one for one in "*?[]^" if one in draft.facts.root), None)
    if mark is not None:
        yield error(
            "bundle/root-is-a-pattern",
            "Bundle root path contains glob pattern characters",
            f"The folder's path has a {mark} in it: rename the folder.",
            is_explained=True,
        )


def check_loaded(draft: Draft) -> Draft:
    """Things that must hold of the merged files. Reads: everything. Writes: old names as new."""
    found: list[Diagnostic] = []
    tree = _cluster_ids(_targets(draft, found), found)
    if not (tree.get("targets") or Value({})).items:
        tree = tree.put("targets", Value({"default": Value({})}))
    found.extend(_keys_with_references(tree))
    found.extend(_same_keys(tree))
    return draft.having(tree, found)


def _cluster_ids(tree: Value, found: list[Diagnostic]) -> Value:
    """`compute_id` is the old name of `cluster_id`."""
    owners: list[Path] = [("bundle",)]
    owners += [("targets", name) for name in (tree.get("targets") or Value({})).items]
    for owner in owners:
        old = tree.get((*owner, "compute_id"))
        if old is None:
            continue
        found.append(
            warning(
                "bundle/old-name",
                "compute_id is deprecated, please use cluster_id instead",
                "Rename the key.",
                path="bundle.compute_id" if owner == ("bundle",) else "compute_id",
                at=old.locations,
            )
        )
        tree = tree.drop((*owner, "compute_id")).put((*owner, "cluster_id"), old)
    return tree


def check_values(draft: Draft) -> Draft:
    """Every resource has a value. Reads: `resources`, the target laid over them."""
    found = [
        error(
            "bundle/empty-resource",
            f"{kind.removesuffix('s')} {key} is not defined",
            "Give it at least its required fields, or remove its key.",
            path=f"resources.{kind}.{key}",
            at=value.locations,
        )
        for kind, entries in (draft.tree.get("resources") or Value({})).items.items()
        for key, value in entries.items.items()
        if value.data is None
    ]
    return draft.noting(*found)


def _read(draft: Draft, name: str) -> tuple[Value, tuple[Diagnostic, ...]]:
    """One file, in the form in which files merge, its values in the kinds of their fields."""
    made = draft.files.made_of(name, _in_form)
    if made is None:
        detail = "It was listed but cannot be read. Check its permissions."
        return Value({}), (
            error("bundle/unreadable", "cannot read file", detail, at=[Location(name)]),
        )
    tree, found = made
    file = posixpath.join(draft.facts.root, name)
    return tree, tuple(_of_the_file(one, file) for one in found)


def _of_the_file(found: Diagnostic, file: str) -> Diagnostic:
    """What is wrong with a file as a whole, said as the official CLI says it: with its path."""
    at = found.locations[0] if found.locations else None
    match found.code:
        case yaml.OF_VALUES if at is not None:
            said = f"failed to load {file}: yaml ({file}:{at.line}:{at.column}): {found.summary}"
        case yaml.CODE | "bundle/not-a-map":
            said = f"failed to load {file}: {found.summary}"
        case "bundle/not-a-section":
            said = f"failed to rewrite {file}: {found.summary}"
        case _:
            return found
    return replace(found, summary=said)


def _in_form(tree: Value, found: tuple[Diagnostic, ...]) -> tuple[Value, tuple[Diagnostic, ...]]:
    if tree.data is None:
        return Value({}, tree.locations), found
    if not isinstance(tree.data, dict):
        return Value({}, tree.locations), (
            *found,
            warning("bundle/wrong-kind", f"expected map, found {tree.kind}", at=tree.locations),
            error(
                "bundle/not-a-map",
                ":0:0: expected a map, found a invalid",
                f"Expected keys such as `resources:`, found a {tree.kind}. Write it as a map.",
                at=tree.locations,
            ),
        )
    fault = _not_to_be_filled(tree)
    if fault is not None:
        return Value({}, tree.locations), (*found, fault)
    tree = _variables_in_full(_without_empty_sections(tree))
    made, problems = normalise(tree, "Root", schema())
    return made, (*found, *problems)


def _not_to_be_filled(tree: Value) -> Diagnostic | None:
    """A scalar where targets, or a target's variables, are to be listed."""
    targets = tree.items.get("targets") or Value(None)
    below = [target.child("variables") for target in targets.items.values()]
    for one in (targets, *below):
        if one is None or one.data is None or isinstance(one.data, dict | tuple):
            continue
        return error(
            "bundle/not-a-section",
            f"expected a map or sequence, found {one.kind}",
            "Write it as a map from names to what they stand for.",
            at=one.locations,
        )
    return None


def _without_empty_sections(tree: Value) -> Value:
    """A section that is only a comment is an empty one, or none."""
    for name in ("resources", "targets", "environments"):
        section = tree.items.get(name)
        if section is not None and section.data is None:
            tree = tree.put(name, section.with_data({}))
    for name in ("variables", "artifacts"):
        section = tree.items.get(name)
        if section is not None and section.data is None:
            tree = tree.drop(name)
    for name, variable in (tree.items.get("variables") or Value({})).items.items():
        if variable.data is None:
            tree = tree.put(("variables", name), variable.with_data({}))
    return tree


def _targets(draft: Draft, found: list[Diagnostic]) -> Value:
    """`environments` is the old name of `targets`."""
    tree = draft.tree
    old = tree.items.get("environments")
    if old is None or old.location is None:
        return tree
    if "targets" in tree.items:
        found.append(
            error(
                "bundle/targets-twice",
                "both 'environments' and 'targets' are specified; only 'targets' should be used:"
                f" {posixpath.join(draft.facts.root, str(old.location))}",
                "`environments` is the old name of `targets`: move its entries there.",
                at=(*old.locations, *tree.items["targets"].locations),
            )
        )
        return tree
    return tree.with_data(
        {("targets" if name == "environments" else name): part for name, part in tree.items.items()}
    )


def _variables_in_full(tree: Value) -> Value:
    """`targets.t.variables.v: x` means `{default: x}`, unless it is a definition already."""
    for section in ("targets", "environments"):
        for target, settings in (tree.items.get(section) or Value({})).items.items():
            for name, given in (settings.child("variables") or Value({})).items.items():
                if given.data is None or (given.items and set(given.items) in FULL):
                    continue
                plain = Value(given.data, given.locations)
                whole = Value({"default": plain}, given.locations, given.key)
                tree = tree.put((section, target, "variables", name), whole)
    return tree


def _included(draft: Draft, found: list[Diagnostic]) -> Iterator[str]:
    """The files that `include` names, in order, each once."""
    seen = set(ROOT_NAMES)
    include = draft.tree.get("include")
    for index, entry in enumerate(include.elements if include else ()):
        path = f"include[{index}]"
        if entry.text.startswith("/"):
            found.append(
                error(
                    "bundle/include-path",
                    f"{entry.text}: includes must be relative paths",
                    "Write it relative to the bundle's root, for example `resources/*.yml`.",
                    path=path,
                    at=entry.locations,
                )
            )
            return
        if not is_well_formed(entry.text):
            found.append(
                error(
                    "bundle/include-pattern",
                    "syntax error in pattern",
                    f"`{entry.text}` has a bracket that is not closed. Close it.",
                    path=path,
                    at=entry.locations,
                )
            )
            return
        names = draft.files.glob(entry.text, with_folders=True)
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
            return
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
                    is_explained=True,
                )
            )


def _same_keys(tree: Value) -> Iterator[Diagnostic]:
    """Every key belongs to one resource or script, written in one file."""
    held: dict[str, list[tuple[str, Value]]] = {}
    for kind, entries in (tree.items.get("resources") or Value({})).items.items():
        for key, value in entries.items.items():
            held.setdefault(key, []).append((f"resources.{kind}.{key}", value))
    for key, value in (tree.items.get("scripts") or Value({})).items.items():
        held.setdefault(key, []).append((f"scripts.{key}", value))
    for key, owners in held.items():
        places = [place for _, value in owners for place in value.locations]
        if len(places) > 1:
            yield error(
                "bundle/duplicate-resource",
                f"multiple resources or scripts have been defined with the same key: {key}",
                "Every key belongs to one resource, written in one file: rename or remove one.",
                path="\n".join(sorted(address for address, _ in owners)),
                at=sorted(places, key=_order),
            )


def _order(place: Location) -> tuple[str, int, int]:
    return place.file, place.line, place.column


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
        is_explained=True,
    )


def _keys_with_references(tree: Value) -> Iterator[Diagnostic]:
    parts = {"": tree} | {
        f"targets.{target}.": settings
        for target, settings in (tree.items.get("targets") or Value({})).items.items()
    }
    for prefix, part in parts.items():
        for kind, entries in (part.child("resources") or Value({})).items.items():
            for key, value in entries.items.items():
                if names_in(key):
                    yield error(
                        "bundle/reference-in-key",
                        f'resource key "{key}" must not contain variable references',
                        "Keys are fixed. Put the reference into the resource's `name`.",
                        path=f"{prefix}resources.{kind}.{key}",
                        at=value.locations,
                    )
