"""Nothing in production lies in somebody's own folder.

A person leaves, the folder goes, and production stops. A service principal's own folder is fine.

Bad:

    workspace: {root_path: /Workspace/Users/someone@example.com/.bundle/b/prod}

Good:

    workspace: {root_path: /Workspace/Shared/.bundle/b/prod}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from brickyard.bundle import UNKNOWN_USER
from brickyard.policy.rule_names import PERSONAL_PATHS as ID
from brickyard.policy.rules.subject import (
    Finding,
    Subject,
    at_text,
    at_value,
    is_service_principal,
    scalars,
)
from brickyard.values import Value

PERSONAL: Final = re.compile(
    r"(?:/Workspace)?/Users/([\w.+-]+@[\w.-]+\w)|(?:/Workspace)?/Repos/([\w.+-]+@[\w.-]+\w)"
)
OF_SOMEONE: Final = re.compile(r"^(?:/Workspace)?/(?:Users|Repos)/([^/]+)")
FIX: Final = "use a folder of the service principal that deploys, or one below /Workspace/Shared"
FOLDERS: Final = ("root_path", "file_path", "artifact_path", "state_path", "resource_path")
CODE: Final = (".py", ".sql", ".ipynb", ".r", ".R", ".scala", ".sh")


def check(subject: Subject) -> Iterator[Finding]:
    if not subject.is_production:
        return
    yield from _folders(subject)
    folders = {
        subject.text(value)
        for name in FOLDERS
        if (value := subject.resolved.tree.get(f"workspace.{name}")) is not None
    }
    for declared in subject.resources():
        for path, value in scalars(declared):
            text = subject.text(value)
            found = PERSONAL.search(text)
            # What the deployment itself uploads lies where root_path says, which is judged above.
            is_uploaded = any(folder and text.startswith(folder) for folder in folders)
            if found and not is_uploaded:
                yield _judged(subject, value, path, found[1] or found[2], declared.address)
    for path, text in subject.texts():
        if path.endswith(CODE):
            for found in PERSONAL.finditer(text):
                reason = f"the code names the folder of {found[1] or found[2]}"
                yield at_text(ID, path, text, found.start(), reason, FIX)


def _folders(subject: Subject) -> Iterator[Finding]:
    """`root_path`, and the other folders where they are set apart from it."""
    blamed: set[str] = set()
    for name in FOLDERS:
        value = subject.resolved.tree.get(f"workspace.{name}")
        found = OF_SOMEONE.match(subject.text(value)) if value is not None else None
        if value is None or not found or is_service_principal(found[1]) or found[1] in blamed:
            continue
        blamed.add(found[1])
        yield _judged(subject, value, name, found[1])


def _judged(subject: Subject, value: Value, path: str, owner: str, address: str = "") -> Finding:
    """The finding; unknown where the folder is the deployer's and nobody has said who that is."""
    is_unknown = subject.deployer_is_unknown and owner == UNKNOWN_USER
    whose = "whoever deploys, which only a workspace tells" if is_unknown else owner
    reason = f"{path} lies in the folder of {whose}"
    return at_value(ID, value, reason, FIX, resource=address, is_unknown=is_unknown)
