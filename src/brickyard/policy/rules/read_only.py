"""Production is read-only for people, but for personas that brickyard.yml lets do more.

What changes production is a release, made by its deployer. Everybody else looks and runs queries.

Bad:

    permissions: [{group_name: data-scientists, level: CAN_MANAGE}]

Good:

    permissions: [{group_name: data-scientists, level: CAN_VIEW}]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle import Declared
from brickyard.policy.rule_names import READ_ONLY as ID
from brickyard.policy.rules.subject import Finding, Subject, at_value, is_service_principal
from brickyard.values import Value

LOOKING: Final = frozenset(
    {"CAN_VIEW", "CAN_READ", "CAN_QUERY", "CAN_USE", "CAN_MONITOR", "CAN_ATTACH_TO", "CAN_RUN"}
)
READING: Final = frozenset(
    [
        "USE_CATALOG",
        "USE_SCHEMA",
        "SELECT",
        "READ_VOLUME",
        "EXECUTE",
        "BROWSE",
        "USE_CONNECTION",
        "READ_FILES",
    ]
)
CHANGING: Final = frozenset({"write", "manage"})
FIX: Final = "give it a level that only looks, or declare a persona with `access: write`"


def check(subject: Subject) -> Iterator[Finding]:
    if not subject.is_production:
        return
    allowed = _allowed(subject)
    yield from _levels(subject.resolved.tree.get("permissions"), "the bundle", "", allowed)
    for part in subject.parts("permissions"):
        yield from _levels(part.value, part.address, part.address, allowed)
    for part in subject.parts("grants"):
        yield from _grants(part, allowed)


def _levels(
    listed: Value | None, what: str, resource: str, allowed: frozenset[str]
) -> Iterator[Finding]:
    for one in listed.elements if listed is not None else ():
        name = one.get("group_name") or one.get("user_name")
        level = one.get("level") or one.get("permission_level")
        if name is None or level is None or name.text in allowed or level.text in LOOKING:
            continue
        if not name.text.startswith("${"):
            reason = f"{what} lets {name.text} change production ({level.text})"
            yield at_value(ID, level, reason, FIX, resource=resource)


def _grants(part: Declared, allowed: frozenset[str]) -> Iterator[Finding]:
    for one in part.value.elements:
        principal, privileges = one.get("principal"), one.get("privileges")
        name = principal.text if principal is not None else ""
        if not name or name in allowed or is_service_principal(name) or name.startswith("${"):
            continue
        for privilege in privileges.elements if privileges is not None else ():
            text = privilege.text.upper().replace(" ", "_")
            if text and text not in READING:
                reason = f"{part.address} lets {name} change production ({text})"
                yield at_value(ID, privilege, reason, FIX, resource=part.address)


def _allowed(subject: Subject) -> frozenset[str]:
    """The deployer, and the members of personas that may change."""
    found = {str(subject.declared.get("deployer") or ""), "admins"}
    personas = subject.declared.get("personas")
    for name, one in (personas if isinstance(personas, dict) else {}).items():
        access = one.get("access") if isinstance(one, dict) else one
        if access in CHANGING:
            members = one.get("members") if isinstance(one, dict) else None
            found |= {str(name), *(str(m) for m in members or ())}
    return frozenset(found - {""})
