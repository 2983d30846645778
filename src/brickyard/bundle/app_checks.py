"""Apps: where their code comes from, and whether they keep access to what they use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.values import Diagnostic, Value, error, warning

REFERENCE: Final = re.compile(r"\$\{resources\.(?P<kind>\w+)\.(?P<key>[^.]+)\.\w+\}")
# Under an app's resource: the field that names what the app uses.
USES: Final = (
    ("job", "id"),
    ("sql_warehouse", "id"),
    ("serving_endpoint", "name"),
    ("experiment", "experiment_id"),
    ("postgres", "branch"),
    ("postgres", "database"),
    ("uc_securable", "securable_full_name"),
)


def check_apps(draft: Draft) -> Draft:
    """Runs over every app. Reads: `resources`."""
    found: list[Diagnostic] = []
    taken: dict[str, str] = {}
    for key, app in draft.each("apps"):
        problem = _source(key, app, taken)
        found.extend([problem] if problem is not None else [])
        if problem is None or problem.code == "bundle/app-source-twice":
            found.extend(_access(draft.tree, key, app))
    return draft.noting(*found)


def _source(key: str, app: Value, taken: dict[str, str]) -> Diagnostic | None:
    path, git = app.child("source_code_path"), app.child("git_source")
    has_path = path is not None and bool(path.text)
    has_git = git is not None and git.data is not None
    if has_path == has_git:
        return error(
            "bundle/app-source",
            "Both source_code_path and git_source fields are set"
            if has_path
            else "Missing app source code path or git source",
            f"App {key} takes its code either from a folder of the bundle (`source_code_path`) or"
            " from Git (`git_source`): " + ("remove one." if has_path else "add one."),
            path=f"resources.apps.{key}",
            at=app.locations,
            is_explained=True,
        )
    if path is None or not has_path:
        return None
    other = taken.setdefault(path.text, key)
    if other == key:
        return None
    return error(
        "bundle/app-source-twice",
        "Duplicate app source code path",
        f"Apps {other} and {key} have the same folder, so each would take the other's"
        " configuration. Give one of them a folder of its own.",
        path=f"resources.apps.{key}.source_code_path",
        at=path.locations,
        is_explained=True,
    )


def _access(tree: Value, key: str, app: Value) -> Iterator[Diagnostic]:
    """A list of permissions without the app takes away what deploying the app gives to it."""
    principal = f"${{resources.apps.{key}.service_principal_client_id}}"
    used = app.child("resources")
    for one in used.elements if used is not None else ():
        for kind, field in USES:
            name, level = one.get((kind, field)), one.get((kind, "permission"))
            named = REFERENCE.search(name.text) if name is not None else None
            if named is None:
                continue
            held = tree.get(("resources", named["kind"], named["key"], "permissions"))
            entries = held.elements if held is not None else ()
            names = [entry.child("service_principal_name") for entry in entries]
            if not entries or any(one is not None and one.text == principal for one in names):
                continue
            word = level.text if level is not None else ""
            yield warning(
                "bundle/app-permission",
                f'app "{key}" references {named["kind"]} "{named["key"]}" which has permissions'
                " set. To prevent permission override after deploying the app, please add the"
                f" app service principal to the {named['kind']} permissions",
                f"Add to resources.{named['kind']}.{named['key']}.permissions:\n"
                f"  - level: {word}\n    service_principal_name: {principal}",
                path=f"resources.apps.{key}",
                at=app.locations,
                is_explained=True,
            )
            break
