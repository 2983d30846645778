"""Unity Catalog secrets: their value comes from a variable that has no value in any file.

Looked at before references have values, as only then it shows where a value comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from brickyard.bundle.draft import Draft
from brickyard.bundle.references import is_pure, names_in
from brickyard.values import Diagnostic, Value, error


def check_secrets(draft: Draft) -> Draft:
    """Errors for values written in a file. Reads: `resources.secrets`, `variables`."""
    variables = draft.tree.get("variables") or Value({})
    return draft.noting(
        *(
            replace(found, hides_source=True)
            for key, one in draft.each("secrets")
            for found in _secret(key, one, variables)
        )
    )


def _secret(key: str, secret: Value, variables: Value) -> Iterator[Diagnostic]:
    path = f"resources.secrets.{key}.value"
    value = secret.child("value")
    if value is None or not isinstance(value.data, str):
        yield error(
            "bundle/secret-value",
            "Secret value must be a string",
            "Give it as a reference to a variable, such as `value: ${var.my_secret}`.",
            path=path,
            at=value.locations if value is not None else (),
            is_explained=True,
        )
        return
    if not is_pure(value.data):
        yield error(
            "bundle/secret-value",
            "Secret value must be a variable reference",
            "A value in a file is no secret. Declare a variable without `default`, write"
            " `value: ${var.my_secret}`, and give it with --var or BUNDLE_VAR_my_secret.",
            path=path,
            at=value.locations,
            is_explained=True,
        )
        return
    way = names_in(value.data)[0].split(".")
    default = variables.get((way[1], "default")) if way[0] == "var" and len(way) > 1 else None
    if default is not None and default.data is not None:
        yield error(
            "bundle/secret-value",
            "Variable used for secret value must not have a default value",
            f"A default in a file is no secret. Remove it, and give the value with --var"
            f" {way[1]}=…, BUNDLE_VAR_{way[1]} or variable-overrides.json.",
            path=path,
            at=(*default.locations, *value.locations),
            is_explained=True,
        )
