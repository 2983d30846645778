"""Which of a finding's places the official CLI names; all and the path unless listed here.

Learnt by comparing the output of both tools. What goes wrong while files are read, references are
resolved or paths are translated, it says without a place.
"""

from __future__ import annotations

import re
from typing import Final

# Neither path nor place.
BARE: Final = frozenset(
    {
        "bundle/artifact",
        "bundle/assignment",
        "bundle/chosen-engine",
        "bundle/cluster-ignored",
        "bundle/complex-variable",
        "bundle/computed-field",
        "bundle/development-shared-path",
        "bundle/include-missing",
        "bundle/include-path",
        "bundle/include-pattern",
        "bundle/is-a-folder",
        "bundle/is-a-notebook",
        "bundle/lookup",
        "bundle/merge-kinds",
        "bundle/missing-content",
        "bundle/missing-file",
        "bundle/missing-folder",
        "bundle/missing-notebook",
        "bundle/no-name",
        "bundle/no-path",
        "bundle/no-target",
        "bundle/no-value",
        "bundle/not-a-map",
        "bundle/not-a-notebook",
        "bundle/not-a-scalar",
        "bundle/not-a-section",
        "bundle/old-runtime",
        "bundle/outside-sync-root",
        "bundle/override-kind",
        "bundle/permission-level",
        "bundle/permission-twice",
        "bundle/production-development",
        "bundle/production-override",
        "bundle/production-root",
        "bundle/python-changes",
        "bundle/python-failed",
        "bundle/python-resources",
        "bundle/python-settings",
        "bundle/reference-cycle",
        "bundle/several-default-targets",
        "bundle/several-root-files",
        "bundle/shared-root",
        "bundle/sync-path",
        "bundle/targets-twice",
        "bundle/reference-for-section",
        "bundle/unknown-mode",
        "bundle/unknown-reference",
        "bundle/unknown-target",
        "bundle/unknown-variable",
        "bundle/version-constraint",
        "bundle/version-unmet",
        "bundle/yaml",
        "bundle/yaml-value",
        "deploy/folder-permissions",
        "deploy/hook",
        "deploy/look-up",
        "deploy/no-folder",
        "deploy/overrides-not-a-map",
        "deploy/overrides-not-json",
        "deploy/profile",
    }
)
# Permissions are made anew before they are checked, and know no place then.
OF_PERMISSIONS: Final = re.compile(r"resources\.\w+\.[^.]+\.permissions\[\d+\]\.level")
# Places without the path, and how many of them.
WITHOUT_PATH: Final[dict[str, int | None]] = {
    "bundle/app-source": None,
    "bundle/app-source-twice": None,
    "bundle/deployer-permission": 1,
    "bundle/development-prefix": 1,
    "bundle/development-unpaused": 1,
    "bundle/empty-artifact": 1,
    "bundle/engine": 1,
    "bundle/include-kind": 1,
    "bundle/path-of-another-file": 1,
    "bundle/pause-status": 1,
    "bundle/run-as": 1,
    "bundle/run-as-unsupported": 1,
    "bundle/served-models": 1,
    "bundle/served-twice": 1,
    "bundle/terraform-field": 1,
    "bundle/trigger": 1,
    "bundle/two-contents": 1,
}
# The path without places.
WITHOUT_PLACES: Final = frozenset({"bundle/script-without-content"})
