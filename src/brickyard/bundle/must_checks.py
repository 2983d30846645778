"""What resources must say: without it the official CLI stops, before it looks at anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.resources import PRINCIPALS
from brickyard.resources.catalogue import WITH_GRANTS
from brickyard.values import Diagnostic, Location, Value, error


def check_musts(draft: Draft) -> Draft:
    """Names of dashboards and warehouses, principals of grants and scopes. Reads: `resources`."""
    found: list[Diagnostic] = []
    for check in CHECKS:
        found.extend(check(draft))
    return draft.noting(*found)


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
                    "Set one of user_name, group_name or service_principal_name",
                    f"resources.secret_scopes.{key}.permissions[{index}]",
                    value.locations,
                )


def _says(value: Value, field: str) -> bool:
    part = value.child(field)
    return part is not None and part.data not in (None, "", ())


def _missing(summary: str, detail: str, path: str, at: tuple[Location, ...]) -> Diagnostic:
    return error("bundle/required", summary, detail, path=path, at=at)


CHECKS: Final[tuple[Callable[[Draft], Iterator[Diagnostic]], ...]] = (
    _dashboards,
    _warehouses,
    _grants,
    _scopes,
)
