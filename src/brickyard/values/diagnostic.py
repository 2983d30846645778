"""What a user should know about their project, as data: nothing here prints or sorts.

The command line renders diagnostics once, with a source excerpt from `excerpt`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from brickyard.values.location import Location

LONGEST = 120  # of a line in an excerpt, in characters


class Severity(StrEnum):
    """How much it matters: an error stops, a warning is shown, a recommendation advises."""

    ERROR = "error"
    WARNING = "warning"
    RECOMMENDATION = "recommendation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding: `detail` ends with a way out, the first location is the subject."""

    severity: Severity
    code: str
    summary: str
    detail: str = ""
    path: str | None = None
    locations: tuple[Location, ...] = ()
    # The official CLI explains it too; where it does not, ours is for the short verbs.
    is_explained: bool = False
    # The service will refuse it: a warning of `validate`, an error of `plan` and `deploy`.
    stops_deploy: bool = False
    # It was found after something had gone wrong, which may be why.
    is_late: bool = False
    # The lines that it points at hold a secret: they are not shown.
    hides_source: bool = False


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """True when at least one of them is an error."""
    return any(found.severity is Severity.ERROR for found in diagnostics)


def error(
    code: str,
    summary: str,
    detail: str = "",
    *,
    path: str | None = None,
    at: Iterable[Location] = (),
    is_explained: bool = False,
) -> Diagnostic:
    """An error diagnostic."""
    return Diagnostic(
        severity=Severity.ERROR,
        code=code,
        summary=summary,
        detail=detail,
        path=path,
        locations=tuple(at),
        is_explained=is_explained,
    )


def warning(
    code: str,
    summary: str,
    detail: str = "",
    *,
    path: str | None = None,
    at: Iterable[Location] = (),
    is_explained: bool = False,
) -> Diagnostic:
    """A warning diagnostic."""
    return Diagnostic(
        severity=Severity.WARNING,
        code=code,
        summary=summary,
        detail=detail,
        path=path,
        locations=tuple(at),
        is_explained=is_explained,
    )


def refusal(
    code: str,
    summary: str,
    detail: str = "",
    *,
    path: str | None = None,
    at: Iterable[Location] = (),
    is_explained: bool = False,
) -> Diagnostic:
    """A warning about what the service will refuse: nothing of it is deployed."""
    found = warning(code, summary, detail, path=path, at=at, is_explained=is_explained)
    return replace(found, stops_deploy=True)


def recommendation(
    code: str,
    summary: str,
    detail: str = "",
    *,
    path: str | None = None,
    at: Iterable[Location] = (),
    is_explained: bool = False,
) -> Diagnostic:
    """A recommendation diagnostic."""
    return Diagnostic(
        severity=Severity.RECOMMENDATION,
        code=code,
        summary=summary,
        detail=detail,
        path=path,
        locations=tuple(at),
        is_explained=is_explained,
    )


def excerpt(text: str, location: Location, *, around: int = 1) -> str:
    """The lines of `text` round `location`, numbered, with a caret under its column.

    Of long lines, the part round the column. Empty when the location names no line of the text.
    """
    lines = text.splitlines()
    if not 1 <= location.line <= len(lines):
        return ""
    first = max(1, location.line - around)
    last = min(len(lines), location.line + around)
    width = len(str(last))
    start = max(0, location.column - LONGEST // 2)
    if len(lines[location.line - 1]) <= LONGEST:
        start = 0
    shown = []
    for number in range(first, last + 1):
        line = _part(lines[number - 1].replace("\t", " "), start)
        shown.append(f"{number:>{width}} | {line}".rstrip())
        if number == location.line and location.column > 0:
            shown.append(f"{' ' * width} | {' ' * (location.column - 1 - start)}^")
    return "\n".join(shown)


def _part(line: str, start: int) -> str:
    """What fits of a line from a column on, with dots where something is left out."""
    part = line[start : start + LONGEST]
    if start and part:
        part = "…" + part[1:]
    return part[:-1] + "…" if len(line) > start + LONGEST else part
