"""The catalog of an environment that no brickyard.yml declares, inferred from the bundle.

A target's variable that is called like a catalog says it; otherwise the one catalog in which the
bundle's own resources are made. A name that stands for another environment (`prod` in target `dev`)
is not taken: that is a breach, not a declaration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from brickyard.bundle import Resolved
from brickyard.policy.accesses import Access, Mode

VARIABLE: Final = re.compile(r"^(?:uc_|target_|default_|main_|unity_)?catalog(?:_name)?$")
OF_ENVIRONMENTS: Final = re.compile(
    r"(?:^|[_-])(?:dev|development|test|qa|staging|stage|stg|uat|prod|production|prd|live)(?:$|[_-])"
)
PLAIN: Final = re.compile(r"^[\w-]+$")


def inferred_catalog(resolved: Resolved, accesses: Iterable[Access]) -> str:
    """The catalog, or nothing; `accesses` are those of the configuration."""
    variables = resolved.tree.get("variables")
    named = [
        value.text
        for name, variable in (variables.items if variables is not None else {}).items()
        if VARIABLE.match(name) and (value := variable.get("value") or variable.get("default"))
    ]
    written = {one.full_name.split(".")[0].lower() for one in accesses if one.mode is Mode.WRITE}
    made = [*written] if len(written) == 1 else []
    found = next((one.lower() for one in (*named, *made) if PLAIN.match(one)), "")
    if OF_ENVIRONMENTS.search(found) and not _belongs(found, resolved.environment):
        return ""
    return found


def _belongs(catalog: str, environment: str) -> bool:
    """Whether a name such as `acme_dev` is that of the environment itself."""
    short = {"staging": "st", "prod": "pr", "dev": "dev"}.get(environment, environment)
    return any(part.startswith(short) for part in re.split(r"[_-]", catalog))
