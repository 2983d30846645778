"""What the service would refuse, said before anything is deployed.

Each check looks at one resource and knows nothing of the others. Values that are still references
are not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from brickyard.bundle.compute_checks import check_pipeline
from brickyard.bundle.draft import Draft
from brickyard.bundle.endpoint_checks import check_endpoint
from brickyard.bundle.go_text import go_quoted
from brickyard.bundle.interpolate import leftover
from brickyard.bundle.job_checks import check_job
from brickyard.bundle.permission_checks import check_permissions
from brickyard.bundle.references import references
from brickyard.bundle.schema import schema
from brickyard.resources import TITLES, TYPES
from brickyard.values import Diagnostic, Path, Value, did_you_mean, refusal, show, warning

# What merging lists by key leaves empty where it was not given.
KEYS: Final = frozenset({"task_key", "job_cluster_key"})
# The field that is made of others of its resource, which are looked at themselves.
COMPUTED: Final = ("volumes", "volume_path")

Found: TypeAlias = Iterator[Diagnostic]

EMPTY_KEY: Final = "bundle/empty-key"
NO_COMPUTE: Final = "bundle/no-compute"  # found after all else by the official CLI
MISSING: Final = "bundle/required-field"
UNKNOWN_WORD: Final = "bundle/unknown-word"


def check_resources(draft: Draft) -> Draft:
    """Runs every check over every resource. Reads: `resources`."""
    found: list[Diagnostic] = []
    for kind, check in CHECKS.items():
        for key, value in draft.each(kind):
            if isinstance(value.data, dict):
                found.extend(check(value, ("resources", kind, key)))
    for kind in TYPES:
        for key, value in draft.each(kind):
            at: Path = ("resources", kind, key)
            found.extend(check_permissions(kind, value, at))
            found.extend(_shape(value, f"resources.{kind}", at))
    artifacts = draft.tree.get("artifacts")
    if artifacts is not None:
        found.extend(_shape(artifacts, "{Artifact}", ("artifacts",)))
    permissions = draft.tree.get("permissions")
    if permissions is not None:
        found.extend(_shape(permissions, "[bundle.Permission]", ("permissions",)))
    found.extend(_references(draft))
    ordered = {code: [one for one in found if one.code == code] for code in (MISSING, UNKNOWN_WORD)}
    rest = [one for one in found if one.code not in ordered]
    told = (one for group in ordered.values() for one in sorted(group, key=_by_summary))
    last = [one for one in rest if one.code == NO_COMPUTE]
    return draft.noting(*(one for one in rest if one not in last), *told, *last)


def _by_summary(found: Diagnostic) -> tuple[str, str, str]:
    return found.summary, " ".join(map(str, found.locations)), found.path or ""


def _shape(value: Value, kind: str, at: Path) -> Found:
    """Missing fields of structures, and words that a field does not know.

    Warnings: the service may know newer words, and some fields are only needed at times.
    """
    shapes = schema()
    if kind in shapes.enumerations:
        words = shapes.enumerations[kind]
        if value.text and "${" not in value.text and value.text not in words:
            near = did_you_mean(value.text, words)
            yield warning(
                UNKNOWN_WORD,
                f"invalid value {go_quoted(value.text)} for enum field."
                f" Valid values are [{' '.join(words)}]",
                f"The service may know newer ones. {near}".rstrip(),
                path=show(at),
                at=value.locations,
            )
        return
    if isinstance(value.data, dict) or (value.data is None and kind in shapes.structures):
        for name in sorted(shapes.required.get(kind, ())):
            part = value.child(name)
            is_left_empty = part is not None and part.data == "" and name in KEYS
            if part is None or part.data is None or is_left_empty:
                yield warning(
                    EMPTY_KEY if is_left_empty else MISSING,
                    f'required field "{name}" is not set',
                    "The service is likely to refuse it. Add the field.",
                    path=show(at),
                    at=value.locations,
                )
        for name, part in value.items.items():
            below = shapes.below(kind, name)
            if below not in {None, "any", "string", "int", "bool", "float"}:
                yield from _shape(part, str(below), (*at, name))
    elif isinstance(value.data, tuple):
        below = shapes.below(kind, 0)
        for index, part in enumerate(value.data):
            if below is not None:
                yield from _shape(part, below, (*at, index))


def _references(draft: Draft) -> Found:
    """References to resources that are not in the bundle, and text that only looks like one."""
    resources = draft.tree.get("resources") or Value({})
    for kind, entries in resources.items.items():
        for key, value in entries.items.items():
            at: Path = ("resources", kind, key)
            for reference in references(value):
                if (kind, reference.path) == COMPUTED:
                    continue
                if resources.get(reference.address.removeprefix("resources.")) is None:
                    yield _no_such_resource(resources, value, at, reference.path, reference.address)
            for path, part in value.walk() if kind in TYPES else ():
                for text in leftover(part.text):
                    yield refusal(
                        "bundle/unknown-reference",
                        f"reference does not exist: {text}",
                        "Nothing resolves it. Use `${var.…}`, `${bundle.…}`, `${workspace.…}` or"
                        " `${resources.…}`; for a shell write `${FOO:-}`, which is left alone.",
                        path=show((*at, *path)),
                        at=part.locations,
                    )


def _no_such_resource(
    resources: Value, value: Value, at: Path, path: str, address: str
) -> Diagnostic:
    part = value.get(path)
    _, kind, key = address.split(".", 2)
    known = resources.items.get(kind)
    hint = did_you_mean(key, known.items) if known is not None else did_you_mean(kind, TITLES)
    return refusal(
        "bundle/unknown-resource",
        "reference to a resource that does not exist",
        f"There is no {address} in this bundle. {hint}".rstrip() + " Correct the name or add it.",
        path=f"{show(at)}.{path}",
        at=part.locations if part is not None else (),
    )


CHECKS: Final[Mapping[str, Callable[[Value, Path], Found]]] = {
    "jobs": check_job,
    "model_serving_endpoints": check_endpoint,
    "pipelines": check_pipeline,
}
