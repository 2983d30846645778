"""`run_as`: the identity under which what is deployed runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.values import Diagnostic, Path, Value, error

RUN_AS: Final = ("jobs", "pipelines", "alerts")
NO_RUN_AS: Final = ("model_serving_endpoints", "quality_monitors", "apps")


def apply_run_as(draft: Draft) -> Draft:
    """The identity under which jobs run. Reads: `run_as`. Writes: `resources.jobs.*.run_as`."""
    run_as = draft.tree.get("run_as")
    if run_as is None:
        return draft
    named = {
        name: part
        for name in ("user_name", "service_principal_name", "group_name")
        if (part := run_as.child(name)) is not None and part.data
    }
    if len(named) != 1 or "group_name" in named:
        return draft.noting(
            error(
                "bundle/run-as",
                "run_as section cannot specify both user_name and service_principal_name"
                if named
                else "run_as section must specify exactly one identity. Neither"
                " service_principal_name nor user_name is specified",
                "Give either `user_name` or `service_principal_name`.",
                path="run_as",
                at=run_as.key_locations,
            )
        )
    ((_, identity),) = named.items()
    found: list[Diagnostic] = []
    changes: dict[Path, Value] = {}
    if identity.data != draft.facts.user.user_name:
        found.extend(_refused_run_as(draft, identity))
    for kind in RUN_AS:
        for key, value in draft.each(kind):
            if value.child("run_as") is None:
                changes["resources", kind, key, "run_as"] = run_as.with_key(None)
    return draft.putting(changes, found)


def _refused_run_as(draft: Draft, identity: Value) -> Iterator[Diagnostic]:
    """One for each type that cannot run as somebody else, with both ways out."""
    deployer = draft.facts.user.user_name
    for kind in NO_RUN_AS:
        group = draft.tree.get(("resources", kind))
        if group is None or not group.items:
            continue
        names = ", ".join(group.items)
        yield error(
            "bundle/run-as-unsupported",
            f"{kind} do not support a setting a run_as user that is different from the owner.\n"
            f"Current identity: {deployer}. Run as identity: {identity.plain()}.\n"
            "See https://docs.databricks.com/dev-tools/bundles/run-as.html to learn more about the"
            " run_as property.",
            f"Either deploy as {identity.plain()}, so that both are one; or move {names} to a"
            " bundle without `run_as`, and give `run_as` here to the jobs and pipelines only.",
            path=f"resources.{kind}",
            at=(
                *group.locations,
                *(place for one in group.items.values() for place in one.key_locations),
                *identity.locations,
            ),
        )
