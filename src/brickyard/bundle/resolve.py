"""From files and facts to one resolved bundle: the steps, in the official CLI's order.

A step is a function from draft to draft; its docstring says what it reads and writes. After each
stage the findings are looked at: none runs on a tree that an error made misleading. Nothing raises,
whatever the files hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from brickyard.bundle.app_checks import check_apps
from brickyard.bundle.artifacts import put_artifacts
from brickyard.bundle.checks import check_resources
from brickyard.bundle.code_source_checks import check_code_sources
from brickyard.bundle.contents import read_contents
from brickyard.bundle.draft import Draft, Step
from brickyard.bundle.facts import Facts
from brickyard.bundle.files import BundleFiles
from brickyard.bundle.glob_checks import check_globs
from brickyard.bundle.identity import apply_run_as
from brickyard.bundle.keyed_lists import merge_keyed_lists
from brickyard.bundle.left_out import leave_out
from brickyard.bundle.load import check_loaded, check_values, read_includes, read_root
from brickyard.bundle.local_paths import translate_paths
from brickyard.bundle.modes import apply_mode, apply_presets, check_mode, override_compute
from brickyard.bundle.must_checks import check_must_nots, check_musts
from brickyard.bundle.path_fields import check_path_fields, with_paths_from_root
from brickyard.bundle.permissions import apply_permissions, fix_owners
from brickyard.bundle.places import check_sync_paths, put_facts, put_paths, put_sync
from brickyard.bundle.python_resources import run_python as run_python_functions
from brickyard.bundle.reference_checks import check_references
from brickyard.bundle.resolved import Declared, Resolved, RunPython
from brickyard.bundle.script_checks import check_scripts
from brickyard.bundle.secret_checks import check_secrets
from brickyard.bundle.section_checks import check_sections, check_settings
from brickyard.bundle.setting_checks import (
    check_chosen_engine,
    check_deployer,
    check_engine,
    check_shared_root,
    check_volumes,
    link_sources,
)
from brickyard.bundle.settle import (
    annotate,
    apply_defaults,
    drop_empty_strings,
    fix_serving,
)
from brickyard.bundle.single_node_checks import check_single_nodes
from brickyard.bundle.targets import apply_target, choose_target, environment_of, warn_about_host
from brickyard.bundle.unity import put_volume_paths, refer_to_schemas
from brickyard.bundle.variables import (
    ask_lookups,
    check_auth,
    check_given,
    normalise_tree,
    resolve_resources,
    resolve_settings,
    set_variables,
)
from brickyard.bundle.versions import check_version
from brickyard.bundle.wheel_checks import check_runtimes
from brickyard.values import Diagnostic, Value, has_errors

LOAD: Final[tuple[Step, ...]] = (read_root, read_includes)
TARGET: Final[tuple[Step, ...]] = (check_version, check_loaded, check_sections, choose_target)
SETTINGS: Final[tuple[Step, ...]] = (
    apply_target,
    check_given,
    check_auth,
    leave_out,
    check_values,
    check_settings,
    warn_about_host,
    check_engine,
    check_scripts,
    check_secrets,
    put_sync,
    put_facts,
    link_sources,
    put_paths,
    set_variables,
)
VALUES: Final[tuple[Step, ...]] = (resolve_settings, check_volumes, ask_lookups)


def of_resources(step: Step) -> Step:
    """The step, for bundles that have resources: the official CLI does not get to it in others."""

    def only_then(draft: Draft) -> Draft:
        groups = draft.tree.get("resources") or Value({})
        return step(draft) if any(group.items for group in groups.items.values()) else draft

    return only_then


RESOURCES: Final[tuple[Step, ...]] = (
    apply_mode,
    check_single_nodes,
    resolve_resources,
    normalise_tree,
    check_path_fields,
    merge_keyed_lists,
    refer_to_schemas,
    read_contents,
    fix_serving,
    of_resources(apply_run_as),
    of_resources(override_compute),
    of_resources(apply_presets),
    apply_defaults,
    of_resources(apply_permissions),
    fix_owners,
)


def make_python_resources(draft: Draft) -> Draft:
    """What the bundle's Python functions add and change. Reads: everything. Writes: `resources`."""
    return run_python_functions(draft, RESOURCES, (normalise_tree, merge_keyed_lists, fix_owners))


# Python does not know the fields that are made of others.
PYTHON: Final[tuple[Step, ...]] = (make_python_resources, put_volume_paths, drop_empty_strings)
CHECKS: Final[tuple[Step, ...]] = (
    check_musts,
    check_resources,
    check_must_nots,
    check_references,
    check_deployer,
    check_globs,
    translate_paths,
    check_code_sources,
    check_runtimes,
    put_artifacts,
    check_apps,
    check_mode,
    check_shared_root,
)
# Not of what cannot be deployed.
MARKS: Final[tuple[Step, ...]] = (check_chosen_engine, annotate, check_sync_paths)
STAGES: Final = (LOAD, TARGET, SETTINGS, VALUES, RESOURCES, PYTHON, CHECKS, MARKS)
BEFORE_RESOURCES: Final = STAGES[:4]
AS_WRITTEN: Final = (LOAD, TARGET, (apply_target, merge_keyed_lists))
# Errors that only a deploy must not get past; the official CLI finds them after all this.
OF_DEPLOYS: Final = frozenset({"bundle/no-compute"})


def resolve(
    files: BundleFiles | Mapping[str, bytes],
    *,
    facts: Facts,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    run_python: RunPython | None = None,
    stages: tuple[tuple[Step, ...], ...] = STAGES,
) -> Resolved:
    """The bundle in `files` for one target. What is wrong with it is in `diagnostics`.

    `BundleFiles` that are given again are not parsed again.
    """
    draft = Draft(
        files=files if isinstance(files, BundleFiles) else BundleFiles(files),
        facts=facts,
        wanted_target=target,
        given=variables or {},
        run_python=run_python,
    )
    for stage in stages:
        for step in stage:
            known = len(draft.diagnostics)
            has_failed = draft.failed is not None
            draft = step(draft)
            if has_failed:
                draft = _with_late(draft, known)
            elif draft.failed is None and _stop(draft.diagnostics[known:]):
                own = draft.has_own_paths
                draft = replace(draft, failed=with_paths_from_root(draft) if own else draft.tree)
        if draft.failed is not None:
            break
    return finished(draft)


def _with_late(draft: Draft, known: int) -> Draft:
    """What a step noted that came after a failed one is marked so."""
    late = (replace(one, is_late=True) for one in draft.diagnostics[known:])
    return replace(draft, diagnostics=(*draft.diagnostics[:known], *late))


def _stop(found: Iterable[Diagnostic]) -> bool:
    return has_errors(one for one in found if one.code not in OF_DEPLOYS)


def resolve_target(
    files: BundleFiles | Mapping[str, bytes],
    *,
    facts: Facts,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> Resolved:
    """All but the resources, for whoever must first know where the target lives."""
    return resolve(files, facts=facts, target=target, variables=variables, stages=BEFORE_RESOURCES)


def as_written(files: BundleFiles, *, facts: Facts, target: str) -> Value:
    """The configuration with the target laid over it, and every `${…}` as it was written."""
    return resolve(files, facts=facts, target=target, stages=AS_WRITTEN).tree


def finished(draft: Draft) -> Resolved:
    """What is handed out of a draft; where it failed, its tree as it was at the first error."""
    tree = draft.tree.drop("targets")
    return Resolved(
        name=draft.text("bundle.name"),
        target=draft.target,
        mode=draft.mode,
        root=".",
        root_file=draft.root_file,
        environment=environment_of(draft.target, draft.mode),
        host=draft.host,
        tree=tree if draft.failed is None else draft.failed,
        diagnostics=tuple(_once(draft.diagnostics)),
        resources=tuple(declared(tree)),
        questions=draft.questions,
        sync=draft.sync,
        libraries=draft.libraries,
    )


def _once(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Each finding once: what a target's part was told is not said again of the merged resource."""
    seen: set[object] = set()
    for one in dict.fromkeys(found):
        place = (one.code, one.summary, one.locations[:1])
        is_of_target = str(one.path).startswith("targets.")
        if one.locations and not is_of_target and place in seen:
            continue
        if is_of_target:
            seen.add(place)
        yield one


def declared(tree: Value) -> list[Declared]:
    """The resources of a tree, by type and key."""
    return [
        Declared(address=f"resources.{kind}.{key}", type=kind, key=key, value=value)
        for kind, entries in sorted((tree.get("resources") or Value({})).items.items())
        for key, value in sorted(entries.items.items())
    ]
