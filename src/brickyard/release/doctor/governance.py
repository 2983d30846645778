"""Team and governance misalignment: who may do what, and who said yes."""

from __future__ import annotations

from collections.abc import Iterator

from brickyard.release.approval_rules import rule_of
from brickyard.release.doctor.checks import (
    Check,
    Evidence,
    Health,
    Patient,
    absent,
    at,
    evidence,
    first,
)

TITLE = "team and governance misalignment"


def checks(patient: Patient) -> Iterator[Check]:
    last = _last(patient)
    yield _approvals(patient, last)
    yield _branches(patient, last)
    yield _access(patient)
    yield _documents(patient)


def _last(patient: Patient) -> str:
    """The environment at the top of the ladder."""
    names = list(patient.settings.environments)
    return "prod" if "prod" in names else names[-1]


def _approvals(patient: Patient, last: str) -> Check:
    question = f"Does somebody else approve what goes to {last}?"
    rule = rule_of(patient.settings.plain, last)
    path = f"environments.{last}"
    if rule.count >= 1 and (rule.personas or rule.count >= 2):
        found = at(patient, f"{path}.approvals", rule.title)
        return Check(id="approvals", question=question, health=Health.GOOD, evidence=found)
    found = at(patient, f"{path}.approvals", rule.title) or at(patient, path, "no approvals")
    return Check(
        id="approvals",
        question=question,
        health=Health.WEAK if rule.count else Health.MISSING,
        evidence=found or absent("brickyard.yml", f"no environment {last} with approvals"),
        next=f"Write `approvals: {{count: 2, by: [<persona>]}}` under environments.{last}.",
        command=f"brickyard release status -t {last}",
    )


def _branches(patient: Patient, last: str) -> Check:
    question = f"Does {last} take commits of a protected branch or tag only?"
    path = f"environments.{last}"
    found = at(patient, f"{path}.branches", "branches") + at(patient, f"{path}.tags", "tags")
    if found:
        return Check(id="branches", question=question, health=Health.GOOD, evidence=found)
    return Check(
        id="branches",
        question=question,
        health=Health.MISSING,
        evidence=at(patient, path, "any commit may go there")
        or absent("brickyard.yml", f"no environment {last}"),
        next=f"Write `branches: [main]` under environments.{last}.",
        command="brickyard schema --of brickyard.yml",
    )


def _access(patient: Patient) -> Check:
    question = "Is it declared who may see, use and change what is deployed?"
    found = [
        evidence(place, f"{address}: {key}")
        for address, value in patient.resources(*_kinds(patient))
        for key in ("permissions", "grants")
        if (place := value.get(key)) is not None
    ]
    top = patient.tree.get("permissions")
    if top is not None:
        found.insert(0, evidence(top, "permissions of everything"))
    personas = at(patient, f"environments.{_last(patient)}.personas", "personas")
    if found:
        places = first([*found, *personas], 4)
        return Check(id="access", question=question, health=Health.GOOD, evidence=places)
    return Check(
        id="access",
        question=question,
        health=Health.WEAK if personas else Health.MISSING,
        evidence=personas or absent("databricks.yml", "no permissions and no grants"),
        next="Declare `permissions` for the bundle and `grants` for its schemas, for groups.",
        command="brickyard validate -t prod",
    )


def _kinds(patient: Patient) -> tuple[str, ...]:
    resources = patient.tree.get("resources")
    return tuple(resources.items) if resources is not None else ()


def _documents(patient: Patient) -> Check:
    question = "Is it written down what this is and who owns it?"
    readme = patient.matching("README*")
    owners = tuple(name for name in patient.matching("*CODEOWNERS", ".github/CODEOWNERS"))
    described = [
        evidence(value.items["description"], f"{address} says what it is for")
        for address, value in patient.resources("jobs", "apps", "model_serving_endpoints")
        if value.get("description") is not None
    ]
    found = [Evidence(file=name) for name in (*readme, *owners)]
    return Check(
        id="documents",
        question=question,
        health=Health.GOOD if readme else Health.MISSING,
        evidence=first([*found, *described]) or absent("README.md", "there is none"),
        next="" if readme else "Write a README: what it is for, who owns it, how to release it.",
        command="" if readme else "brickyard summary",
    )
