"""What was changed in the workspace since the last deploy, written into the bundle's files.

The official experiment `bundle config-remote-sync`, step by step: the plan's differences become
changes of fields (`changes`), each change finds the place in the files that decides the field
(`blocks`, `routing`), values that stand for variables get their `${…}` back (`restoring`), and the
texts are edited (`files`). Everything else in the files stays as it is written.
"""

from __future__ import annotations

from brickyard.deploy.config_sync.changes import Change, Changes, Operation, changes_of, shown
from brickyard.deploy.config_sync.files import ChangedFile, changed_files, save
from brickyard.deploy.config_sync.routing import Edit, route
from brickyard.deploy.config_sync.selecting import NotDeployed, selected

__all__ = [
    "Change",
    "ChangedFile",
    "Changes",
    "Edit",
    "NotDeployed",
    "Operation",
    "changed_files",
    "changes_of",
    "route",
    "save",
    "selected",
    "shown",
]
