"""Choosing the target and laying it over the rest; which environment it stands for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.references import names_in
from brickyard.values import (
    Diagnostic,
    Value,
    did_you_mean,
    error,
    has_errors,
    merge,
    value_of,
    warning,
)

MERGED: Final = ("bundle", "workspace", "artifacts", "resources", "sync", "permissions", "presets")
WHOLE: Final = ("run_as",)
# Each with the variable of the environment that sets it.
AUTHENTICATION: Final = {
    "host": "DATABRICKS_HOST",
    "profile": "DATABRICKS_CONFIG_PROFILE",
    "auth_type": "DATABRICKS_AUTH_TYPE",
    "client_id": "DATABRICKS_CLIENT_ID",
    "google_service_account": "DATABRICKS_GOOGLE_SERVICE_ACCOUNT",
    "azure_use_msi": "ARM_USE_MSI",
    "azure_client_id": "ARM_CLIENT_ID",
    "azure_tenant_id": "ARM_TENANT_ID",
    "azure_environment": "ARM_ENVIRONMENT",
    "azure_login_app_id": "DATABRICKS_AZURE_LOGIN_APP_ID",
    "account_id": "DATABRICKS_ACCOUNT_ID",
    "workspace_id": "DATABRICKS_WORKSPACE_ID",
}


def choose_target(draft: Draft) -> Draft:
    """Names the target. Reads: `targets`."""
    targets = draft.tree.get("targets") or Value({})
    wanted = draft.wanted_target
    if wanted:
        if wanted in targets.items:
            return replace(draft, target=wanted)
        return draft.noting(
            error(
                "bundle/unknown-target",
                f"{wanted}: no such target. Available targets: {', '.join(sorted(targets.items))}",
                f"Name one of them with `-t`. {did_you_mean(wanted, targets.items)}".rstrip(),
                path="targets",
                at=targets.key_locations,
            )
        )
    return _default(draft, targets)


def _default(draft: Draft, targets: Value) -> Draft:
    if len(targets.items) == 1:
        return replace(draft, target=next(iter(targets.items)))
    marked = [
        name
        for name, target in targets.items.items()
        if (flag := target.child("default")) is not None and flag.data in (True, "yes", "on", "y")
    ]
    if len(marked) == 1:
        return replace(draft, target=marked[0])
    if marked:
        return draft.noting(
            error(
                "bundle/several-default-targets",
                f"multiple targets are marked as default ({', '.join(marked)})",
                f"{', '.join(marked)} all say `default: true`. Keep it in one, or name the target"
                " with `-t`.",
                path="targets",
                at=[place for name in marked for place in targets.items[name].key_locations],
            )
        )
    return draft.noting(
        error(
            "bundle/no-target",
            "please specify target",
            f"Name one with `-t`: {', '.join(targets.items)}. Or mark one `default: true`.",
            path="targets",
            at=targets.key_locations,
        )
    )


def apply_target(draft: Draft) -> Draft:
    """Lays the target over the tree. Reads: `targets.<target>`. Writes: all but declarations."""
    chosen = draft.tree.get(("targets", draft.target)) or Value({})
    found: list[Diagnostic] = []
    _overridden(draft.tree, chosen, draft.target, found)
    tree = draft.tree.drop("targets")
    for name in MERGED:
        part = chosen.child(name)
        if part is not None:
            old = tree.child(name) or Value(None)
            made, problems = merge(old, part, (name,))
            found.extend(_of_override(one, draft.target, name) for one in problems)
            tree = tree.put(name, made.with_key(old.key or part.key))
    for name in WHOLE:
        part = chosen.child(name)
        if part is not None:
            tree = tree.put(name, part)
    tree = _settings(tree, chosen, found)
    tree = _variables(tree, chosen)
    for name in ("target", "environment"):
        tree = tree.put(("bundle", name), value_of(draft.target))
    root = chosen.get("workspace.root_path")
    sets_root = root is not None and bool(root.data)
    failed = draft.tree if has_errors(found) else None
    return replace(draft.having(tree, found), target_sets_root=sets_root, failed=failed)


def _of_override(found: Diagnostic, target: str, field: str) -> Diagnostic:
    """What does not merge, with the words round it that say which override it was."""
    words = f"{_IN_OVERRIDE} target={target}: failed to merge target={target} field={field}"
    return replace(found, summary=f"{words}: {found.summary}")


_IN_OVERRIDE: Final = "failed to perform target override for"


def _settings(tree: Value, chosen: Value, found: list[Diagnostic]) -> Value:
    """`mode`, `cluster_id` and `git` of a target belong under `bundle`."""
    mode = chosen.child("mode")
    if mode is not None and mode.data is not None:
        tree = tree.put("bundle.mode", mode)
    cluster = chosen.child("cluster_id")
    if cluster is not None:
        tree = tree.put("bundle.cluster_id", cluster)
    git = chosen.child("git")
    if git is not None:
        made, problems = merge(tree.get("bundle.git") or Value(None), git, ("bundle", "git"))
        found.extend(problems)
        tree = tree.put("bundle.git", made)
    return tree


def _overridden(tree: Value, chosen: Value, target: str, found: list[Diagnostic]) -> None:
    """A target sets variables that are declared."""
    declared = (tree.child("variables") or Value({})).items
    for name, given in (chosen.child("variables") or Value({})).items.items():
        if name not in declared:
            found.append(
                error(
                    "bundle/unknown-variable",
                    f"{_IN_OVERRIDE} target={target}: variable {name} is not defined but is"
                    " assigned a value",
                    f"`{name}` is only set here. {did_you_mean(name, declared)}".rstrip()
                    + " Declare it under `variables` at the top level.",
                    path=f"targets.{target}.variables.{name}",
                    at=given.key_locations,
                )
            )


def _variables(tree: Value, chosen: Value) -> Value:
    """A target replaces a variable's default or lookup whole; setting one unsets the other."""
    declared = (tree.child("variables") or Value({})).items
    for name, given in (chosen.child("variables") or Value({})).items.items():
        variable = declared.get(name)
        if variable is None:
            continue
        for field, other in (("default", "lookup"), ("lookup", "default")):
            value = given.child(field)
            if value is not None:
                variable = variable.put(field, value).drop(other)
        tree = tree.put(("variables", name), variable.with_key(declared[name].key))
    return tree


def environment_of(target: str, mode: str) -> str:
    """`dev`, `staging` or `prod`: the embedded environment of a target without host."""
    name = target.lower()
    exact = {"dev": "dev", "staging": "staging", "prod": "prod"}
    if name in exact:
        return exact[name]
    if mode == "development":
        return "dev"
    if any(word in name for word in ("stag", "test", "qa")):
        return "staging"
    return "prod" if mode == "production" else "dev"


def warn_about_host(draft: Draft) -> Draft:
    """Auth fields take no references: they are needed before anything is resolved."""
    found = []
    for name in AUTHENTICATION:
        value = draft.tree.get(("workspace", name))
        if value is not None and names_in(value.text):
            found.append(
                warning(
                    "bundle/reference-in-auth",
                    "Variable interpolation is not supported for fields that configure"
                    " authentication",
                    "Write the value itself, once per target.",
                    path=f"workspace.{name}",
                    at=value.locations,
                    is_explained=True,
                )
            )
    name_value = draft.tree.get("bundle.name")
    if name_value is not None and names_in(name_value.text):
        found.append(
            warning(
                "bundle/reference-in-name",
                "Please do not use variable interpolation in the name of your bundle. The name of"
                " your bundle\nis a part of the path at which your bundle state is stored at by"
                " default. Parameterizing it at\nruntime can have unexpected consequences like"
                " duplicate deployments or resources not being\ncleaned up during bundle destroy.",
                "Write a fixed name.",
                path="bundle.name",
                at=name_value.locations,
            )
        )
    return draft.noting(*found)
