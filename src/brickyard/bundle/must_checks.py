"""What resources must say, and must not: there the official CLI stops before it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from brickyard.bundle.draft import Draft
from brickyard.bundle.go_text import go_quoted
from brickyard.resources import PRINCIPALS
from brickyard.resources.catalogue import WITH_GRANTS
from brickyard.values import Diagnostic, Location, Value, error


def check_musts(draft: Draft) -> Draft:
    """Names of dashboards and warehouses, principals of grants and scopes. Reads: `resources`."""
    return draft.noting(*(one for check in MUSTS for one in check(draft)))


def check_must_nots(draft: Draft) -> Draft:
    """What the service or a deployment sets; triggers that cannot be. Reads: `resources`."""
    return draft.noting(*(one for check in MUST_NOTS for one in check(draft)))


def _dashboards(draft: Draft) -> Iterator[Diagnostic]:
    for field in ("display_name", "warehouse_id"):
        without = [
            (f"resources.dashboards.{key}", value)
            for key, value in draft.each("dashboards")
            if not _says(value, field)
        ]
        if without:
            yield _missing(
                f"dashboard {field} is required",
                f"Add `{field}`.",
                "\n".join(path for path, _ in without),
                tuple(place for _, value in without for place in value.locations),
            )


def _warehouses(draft: Draft) -> Iterator[Diagnostic]:
    for key, value in draft.each("sql_warehouses"):
        name = value.child("name")
        if name is None or not str(name.plain() or "").strip():
            path = f"resources.sql_warehouses.{key}"
            yield _missing("sql_warehouse name is required", "Add `name`.", path, value.locations)


def _grants(draft: Draft) -> Iterator[Diagnostic]:
    for kind in sorted(WITH_GRANTS):
        for key, value in draft.each(kind):
            grants = value.child("grants")
            for index, grant in enumerate(grants.elements if grants is not None else ()):
                path = f"resources.{kind}.{key}.grants[{index}]"
                for field in ("principal", "privileges"):
                    if not _says(grant, field):
                        yield _missing(
                            f"grant {field} is required", f"Add `{field}`.", path, grant.locations
                        )


def _scopes(draft: Draft) -> Iterator[Diagnostic]:
    for key, value in draft.each("secret_scopes"):
        entries = value.child("permissions")
        for index, entry in enumerate(entries.elements if entries is not None else ()):
            if not any(_says(entry, name) for name in PRINCIPALS):
                yield _missing(
                    "secret scope permission principal is required",
                    "Add `user_name`, `group_name` or `service_principal_name`.",
                    f"resources.secret_scopes.{key}.permissions[{index}]",
                    value.locations,
                    is_explained=True,
                )


def _etags(draft: Draft) -> Iterator[Diagnostic]:
    for kind, (what, field) in WITH_ETAGS.items():
        for key, value in draft.each(kind):
            etag, name = value.child("etag"), value.child(field)
            if etag is not None and etag.data:
                title = go_quoted(name.text if name is not None else "")
                yield error(
                    "bundle/etag",
                    f"{what} {title} has an etag set. Etags must not be set in bundle"
                    " configuration",
                    "Remove it: it is the service's, and kept in the state.",
                    path=f"resources.{kind}.{key}",
                    at=value.locations,
                )


def _ours_alone(draft: Draft) -> Iterator[Diagnostic]:
    """Fields that a deployment sets by itself."""
    for kind, field, words in OURS_ALONE:
        for key, value in draft.each(kind):
            given = value.get(field)
            if given is not None and given.data:
                yield error(
                    "bundle/set-by-deploy",
                    f"{field.rpartition('.')[2]} must not be set in bundle configuration; {words}",
                    "Remove it.",
                    path=f"resources.{kind}.{key}.{field}",
                    at=given.locations,
                )


def _triggers(draft: Draft) -> Iterator[Diagnostic]:
    """What runs with every deploy cannot also be kept from being made anew."""
    for key, value in draft.each("job_runs"):
        at = f"resources.job_runs.{key}.lifecycle"
        lifecycle = value.child("lifecycle") or Value({})
        triggers = lifecycle.child("triggers")
        flags = [one.child("on_bundle_deploy") for one in (triggers or Value(())).elements]
        kept = lifecycle.child("prevent_destroy")
        if kept is not None and kept.data is True and any(one and one.data for one in flags):
            words = "on_bundle_deploy is incompatible with lifecycle.prevent_destroy"
            yield _no_trigger(words, at, lifecycle.locations)
        for index, flag in enumerate(flags):
            where = f"{at}.triggers[{index}]"
            if flag is None:
                words = "entry must set on_bundle_deploy: true"
                entry = (triggers or Value(())).elements[index]
                yield _no_trigger(words, where, entry.locations, joint=" ")
            elif flag.data is False:
                words = "on_bundle_deploy must be true when set"
                yield _no_trigger(words, f"{where}.on_bundle_deploy", flag.locations)


def _no_trigger(words: str, path: str, at: tuple[Location, ...], *, joint: str = ".") -> Diagnostic:
    return error(
        "bundle/trigger",
        f"lifecycle.triggers{joint}{words}",
        "Write `triggers: [{on_bundle_deploy: true}]`, or no triggers.",
        path=path,
        at=at,
    )


def _says(value: Value, field: str) -> bool:
    part = value.child(field)
    return part is not None and part.data not in (None, "", ())


def _missing(
    summary: str,
    detail: str,
    path: str,
    at: tuple[Location, ...],
    *,
    is_explained: bool = False,
) -> Diagnostic:
    return error("bundle/required", summary, detail, path=path, at=at, is_explained=is_explained)


WITH_ETAGS: Final = {
    "dashboards": ("dashboard", "display_name"),
    "genie_spaces": ("genie space", "title"),
}
MANAGED: Final = "it is managed by Declarative Automation Bundles"
OURS_ALONE: Final = (
    ("jobs", "deployment.deployment_id", MANAGED),
    ("jobs", "deployment.version_id", MANAGED),
    ("pipelines", "deployment.deployment_id", MANAGED),
    ("pipelines", "deployment.version_id", MANAGED),
    ("job_runs", "idempotency_token", "the CLI sets it on each run-now request"),
)
Check: TypeAlias = Callable[[Draft], Iterator[Diagnostic]]
MUSTS: Final[tuple[Check, ...]] = (_dashboards, _warehouses, _grants, _scopes)
MUST_NOTS: Final[tuple[Check, ...]] = (_etags, _ours_alone, _triggers)
