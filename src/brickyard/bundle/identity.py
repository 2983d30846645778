"""`run_as`: the identity under which what is deployed runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.values import (
    Diagnostic,
    Location,
    Path,
    Value,
    error,
    has_errors,
    value_of,
    warning,
)

RUN_AS: Final = ("jobs", "pipelines", "alerts")
NO_RUN_AS: Final = ("model_serving_endpoints", "quality_monitors", "apps")


def apply_run_as(draft: Draft) -> Draft:
    """The identity under which jobs run. Reads: `run_as`. Writes: `resources.*.*.run_as`.

    Whether it is the deployer's can't be told before a workspace has said who deploys.
    """
    run_as = draft.tree.get("run_as")
    if run_as is None or run_as.data is None:
        return draft
    legacy = draft.tree.get("experimental.use_legacy_run_as")
    if legacy is not None and legacy.data is True:
        return _as_before(draft, run_as, legacy)
    named = {
        name: part
        for name in ("service_principal_name", "user_name")
        if (part := run_as.child(name)) is not None and part.data
    }
    found: list[Diagnostic] = []
    if len(named) != 1:
        found.append(_not_one(run_as, is_none=not named))
    if named:
        identity = next(iter(named.values()))
        user = draft.facts.user
        if not user.is_unknown and identity.data != user.user_name:
            found.extend(_refused_run_as(draft, identity))
    if has_errors(found):
        return draft.noting(*found)
    return draft.putting(_running_as(draft, RUN_AS, run_as))


def _not_one(run_as: Value, *, is_none: bool) -> Diagnostic:
    return error(
        "bundle/run-as",
        "run_as section must specify exactly one identity. Neither service_principal_name nor"
        " user_name is specified"
        if is_none
        else "run_as section cannot specify both user_name and service_principal_name",
        "Give either `user_name` or `service_principal_name`.",
        path="run_as",
        at=run_as.locations[:1],
    )


def _running_as(draft: Draft, kinds: tuple[str, ...], run_as: Value) -> dict[Path, Value]:
    return {
        ("resources", kind, key, "run_as"): run_as.with_key(None)
        for kind in kinds
        for key, value in draft.each(kind)
        if (given := value.child("run_as")) is None or given.data is None
    }


def _as_before(draft: Draft, run_as: Value, legacy: Value) -> Draft:
    """The mode before pipelines could run as somebody: the identity owns them."""
    changes = _running_as(draft, ("jobs",), run_as)
    parts = (run_as.child(name) for name in ("user_name", "service_principal_name"))
    names = {part.data for part in parts if part is not None and part.data}
    if names and draft.facts.user.user_name not in names:
        owner = run_as.put("level", value_of("IS_OWNER", run_as.locations)).with_key(None)
        for key, value in draft.each("pipelines"):
            given = value.child("permissions") or Value((), value.locations)
            others = tuple(
                one
                for one in given.elements
                if not any(
                    (mine := run_as.child(name)) is not None
                    and mine.data
                    and (theirs := one.child(name)) is not None
                    and theirs.data == mine.data
                    for name in ("user_name", "service_principal_name")
                )
            )
            changes["resources", "pipelines", key, "permissions"] = given.with_data(
                (*others, owner)
            )
    return draft.putting(
        changes,
        [
            warning(
                "bundle/legacy-run-as",
                "You are using the legacy mode of run_as. The support for this mode is experimental"
                " and might be removed in a future release of the CLI. In order to run the"
                " pipelines in your DABs project as the run_as user this mode changes the owners of"
                " the pipelines to the run_as identity, which requires the user deploying the"
                " bundle to be a workspace admin, and also a Metastore admin if the pipeline target"
                " is in UC.",
                "Remove `experimental.use_legacy_run_as`: pipelines have a `run_as` of their own.",
                path="experimental.use_legacy_run_as",
                at=legacy.locations,
            )
        ],
    )


def _refused_run_as(draft: Draft, identity: Value) -> Iterator[Diagnostic]:
    """One for each type that cannot run as somebody else, with both ways out."""
    who = (draft.facts.user.user_name, identity)
    for key, value in draft.each("dashboards"):
        embeds = value.child("embed_credentials")
        if embeds is not None and embeds.data is True:
            what = "dashboards with embed_credentials set to true"
            yield _refused(what, (key,), value.locations, f"resources.dashboards.{key}", *who)
    for kind in NO_RUN_AS:
        group = draft.tree.get(("resources", kind))
        if group is not None and group.items:
            places = (
                *group.locations[:1],
                *(place for one in group.items.values() for place in one.key_locations),
                *identity.locations,
            )
            yield _refused(kind, tuple(group.items), places, f"resources.{kind}", *who)


def _refused(
    what: str,
    keys: tuple[str, ...],
    places: tuple[Location, ...],
    path: str,
    deployer: str,
    identity: Value,
) -> Diagnostic:
    return error(
        "bundle/run-as-unsupported",
        f"{what} do not support a setting a run_as user that is different from the owner.\n"
        f"Current identity: {deployer}. Run as identity: {identity.plain()}.\n"
        "See https://docs.databricks.com/dev-tools/bundles/run-as.html to learn more about the"
        " run_as property.",
        f"Either deploy as {identity.plain()}, so that both are one; or move {', '.join(keys)} to a"
        " bundle without `run_as`, and give `run_as` here to the jobs and pipelines only.",
        path=path,
        at=places,
    )
