"""The `scripts` section: what it may hold, looked at before references have values.

A shell has its own `${…}`: a script gets values of the bundle through `env`, whose references are
resolved before it runs, so they may name only what is known by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.references import names_in
from brickyard.values import Diagnostic, Value, error

RESOLVED_BEFORE: Final = ("bundle", "workspace", "var", "variables")


def check_scripts(draft: Draft) -> Draft:
    """Content without references, environments with few. Reads: `scripts`."""
    scripts = draft.tree.get("scripts") or Value({})
    return draft.noting(
        *(found for name in sorted(scripts.items) for found in _script(name, scripts.items[name]))
    )


def _script(name: str, script: Value) -> Iterator[Diagnostic]:
    path = f"scripts.{name}.content"
    content = script.child("content")
    if content is None or not content.text:
        yield error(
            "bundle/script-without-content",
            f"Script {name} has no content",
            "Add `content`: the commands to run.",
            path=path,
            at=(content.locations if content is not None else script.key_locations),
        )
        return
    references = names_in(content.text)
    if references:
        written = "${" + references[0] + "}"
        yield error(
            "bundle/script",
            f"Found {written} in script {name}.content. Interpolation syntax ${{...}} is not"
            " supported in script content",
            f"Give the value a name under `scripts.{name}.env`, such as `VALUE: {written}`, and"
            ' use "$VALUE" in the content. A variable of the shell is written $NAME.',
            path=path,
            at=content.locations,
            is_explained=True,
        )
    own = script.child("env")
    for key, value in sorted((own.items if own is not None else {}).items()):
        for reference in names_in(value.text):
            if reference.split(".")[0] not in RESOLVED_BEFORE:
                yield error(
                    "bundle/script",
                    f"${{{reference}}} cannot be used in scripts.{name}.env.{key}; only"
                    " ${bundle.*}, ${workspace.*}, and ${var.*} are resolved before scripts"
                    " execute",
                    "Ids of deployed resources are in `bundle summary -o json`, which a script"
                    " can ask.",
                    path=f"scripts.{name}.env.{key}",
                    at=value.locations,
                )
