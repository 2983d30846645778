"""How much a command says: `brickyard bundle deploy` what the official CLI says, and no more.

Scripts and people that come from `databricks bundle` find its lines; the short verbs (`brickyard
deploy`) add what ours know beside them: where to, which fields and why, what each deletion loses,
the lines of the file, findings that the official CLI does not have.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from brickyard.cli.official_places import BARE, OF_PERMISSIONS, WITHOUT_PATH, WITHOUT_PLACES

if TYPE_CHECKING:
    from brickyard.values import Diagnostic

_called: ContextVar[bool] = ContextVar("called below bundle", default=False)

# Findings that only we have. What is wrong for sure, or would be lost without a word, is shown in
# both dialects, with our own explanation.
OURS: Final = frozenset(
    {
        "bundle/cron",
        "bundle/double-star",
        "bundle/duplicate-key",
        "bundle/owner",
        "bundle/references-too-deep",
        "bundle/references-too-large",
        "bundle/served-entity",
        "bundle/serverless-cluster",
        "bundle/serverless-libraries",
        "bundle/task-circle",
        "bundle/unreachable-task",
        "bundle/unused-variable",
    }
)
# What the official CLI lets pass, and bundles that work there may well hold: for the short verbs.
ONLY_ADVICE: Final = frozenset(
    {
        "bundle/empty-key",
        "bundle/no-cron",
        "bundle/several-computes",
        "bundle/several-triggers",
        "bundle/task-kinds",
        "bundle/task-outcome",
        "bundle/traffic",
        "bundle/unknown-environment-key",
        "bundle/unknown-reference",
        "bundle/unknown-resource",
        "bundle/unknown-task",
    }
)


# Found by the official CLI where resources are about to be made, and not where they are shown.
OF_DEPLOYS: Final = frozenset({"bundle/no-compute", "bundle/unknown-job-cluster-key"})
DEPLOYING: Final = frozenset({"deploy", "migrate", "plan", "validate"})


def is_official() -> bool:
    """Whether the command was called below `bundle`."""
    context = click.get_current_context(silent=True)
    if context is None:
        return _called.get()
    while context.parent is not None:
        if context.info_name == "bundle" and context.parent.parent is None:
            return True
        context = context.parent
    return False


def remember(*, official: bool) -> None:
    """For what is said after the command has ended."""
    _called.set(official)


def spoken(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings that are shown to whoever has called, and that stop a deploy.

    Below `bundle` what the official CLI only warns about stops none.
    """
    if not is_official():
        return tuple(found)
    context = click.get_current_context(silent=True)
    unheard = OF_DEPLOYS if context is not None and context.info_name not in DEPLOYING else ()
    return tuple(
        one if one.code in OURS else replace(one, stops_deploy=False)
        for one in found
        if one.code not in unheard
        and (one.severity == "error" or (one.code not in ONLY_ADVICE and not one.is_late))
    )


def worded(found: Diagnostic) -> Diagnostic:
    """The finding with the places that the official CLI names, and an explanation where it has one,
    if we speak as it does."""
    if not is_official() or found.code in OURS:
        return found
    has_path = found.code not in BARE and found.code not in WITHOUT_PATH
    has_places = (
        found.code not in BARE
        and found.code not in WITHOUT_PLACES
        and OF_PERMISSIONS.fullmatch(found.path or "") is None
    )
    places = found.locations[: WITHOUT_PATH.get(found.code)] if has_places else ()
    return replace(
        found,
        detail=found.detail if found.is_explained else "",
        path=found.path if has_path else None,
        locations=places,
    )
