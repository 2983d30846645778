"""What runs in production runs as a service principal.

A person's rights are wider than a job needs, and end when the person leaves.

Bad: nothing is said, so jobs run as whoever deployed last.

    targets: {prod: {mode: production}}

Good:

    targets: {prod: {run_as: {service_principal_name: e1810f89-d4f7-5943-9973-74cd534a8711}}}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.bundle import Declared
from brickyard.policy.rule_names import RUN_AS as ID
from brickyard.policy.rules.subject import Finding, Subject, at_value, is_service_principal
from brickyard.values import Value

RUNNING: Final = frozenset({"jobs", "pipelines"})
FIX: Final = "set `run_as: {service_principal_name: <application id>}` in the target"


def check(subject: Subject) -> Iterator[Finding]:
    if not subject.is_production:
        return
    for declared in subject.resources():
        if declared.type in RUNNING:
            yield from _resource(subject, declared)


def _resource(subject: Subject, declared: Declared) -> Iterator[Finding]:
    given = declared.value.get("run_as")
    given = given if given is not None and given.items else subject.resolved.tree.get("run_as")
    name = _named(subject, given, "service_principal_name")
    blamed = given if given is not None and given.items else declared.value
    wanted = str(subject.declared.get("run_as") or "")
    if name:
        if wanted and is_service_principal(wanted) and name != wanted:
            reason = f"it runs as {name}; brickyard.yml says {wanted}"
            yield at_value(ID, blamed, reason, f"run it as {wanted}", resource=declared.address)
        return
    user = _named(subject, given, "user_name")
    group = _named(subject, given, "group_name")
    runner = user or subject.deployer
    if group:
        reason = f"it runs as the group {group}, with the rights of all its members"
        yield at_value(ID, blamed, reason, FIX, resource=declared.address)
    elif not runner:
        reason = "it runs as whoever deploys, which only a workspace tells"
        yield at_value(ID, blamed, reason, FIX, resource=declared.address, is_unknown=True)
    elif not is_service_principal(runner):
        who = runner if user else f"whoever deploys, now {runner}"
        yield at_value(ID, blamed, f"it runs as {who}", FIX, resource=declared.address)


def _named(subject: Subject, run_as: Value | None, key: str) -> str:
    value = run_as.get(key) if run_as is not None else None
    return subject.text(value) if value is not None else ""
