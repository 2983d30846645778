"""Nothing in production belongs to a person, or is managed by one by name.

Rights of people come through groups, which outlive them; objects belong to service principals.

Bad:

    permissions: [{user_name: someone@example.com, level: CAN_MANAGE}]

Good:

    permissions: [{service_principal_name: e1810f89-d4f7-5943-9973-74cd534a8711, level: CAN_MANAGE}]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from brickyard.policy.rule_names import PERSONAL_OWNERS as ID
from brickyard.policy.rules.subject import Finding, Subject, at_value, scalars
from brickyard.values import Value

ADDRESS: Final = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")
OWNING: Final = frozenset({"owner", "single_user_name", "creator_user_name", "parent_owner"})
FIX: Final = "name a service principal as owner, and a group for people"


def check(subject: Subject) -> Iterator[Finding]:
    if not subject.is_production:
        return
    top = subject.resolved.tree.get("permissions")
    yield from _entries(top, "the bundle", "")
    for part in subject.parts("permissions"):
        yield from _entries(part.value, part.address, part.address)
    for part in subject.parts("grants"):
        for one in part.value.elements:
            principal = one.get("principal")
            if principal is not None and ADDRESS.fullmatch(principal.text):
                reason = f"{part.address} grants to {principal.text}, a person"
                yield at_value(ID, principal, reason, FIX, resource=part.address)
    for declared in subject.resources():
        for path, value in scalars(declared):
            name = path.rsplit(".", 1)[-1]
            if name in OWNING and ADDRESS.fullmatch(subject.text(value)):
                reason = f"{path} is {subject.text(value)}, a person"
                yield at_value(ID, value, reason, FIX, resource=declared.address)


def _entries(listed: Value | None, what: str, resource: str) -> Iterator[Finding]:
    for one in listed.elements if listed is not None else ():
        user, level = one.get("user_name"), one.get("level") or one.get("permission_level")
        if user is not None and user.text and not user.text.startswith("${"):
            given = level.text if level is not None else "rights"
            yield at_value(ID, user, f"{what} gives {given} to {user.text}, a person", FIX,
                           resource=resource)  # fmt: skip
