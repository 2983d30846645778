"""Data control and drift: who reads and writes what, and whether it stays as it was."""

from __future__ import annotations

from collections.abc import Iterator

from brickyard.policy import PolicyMode
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

TITLE = "data control and drift"


def checks(patient: Patient) -> Iterator[Check]:
    yield _mode(patient)
    yield _accesses(patient)
    yield _monitors(patient)
    yield _drift(patient)


def _mode(patient: Patient) -> Check:
    question = "Is the data policy enforced?"
    mode = patient.policy.mode
    health = {PolicyMode.ENFORCE: Health.GOOD, PolicyMode.REPORT: Health.WEAK}
    return Check(
        id="policy",
        question=question,
        health=health.get(mode, Health.MISSING),
        evidence=at(patient, "policy.mode", f"mode {mode}")
        or absent("brickyard.yml", f"no policy: mode {mode}"),
        next="" if mode is PolicyMode.ENFORCE else "Mend what it finds, then `mode: enforce`.",
        command="" if mode is PolicyMode.ENFORCE else "brickyard policy check",
    )


def _accesses(patient: Patient) -> Check:
    question = "Does the code keep to the policy, and can that be read from it?"
    broken, unknown = patient.policy.violations, patient.policy.unknown
    found = [
        Evidence(file=one.file, line=one.line, text=f"{one.verdict}: {one.mode} of {one.full_name}")
        for one in (*broken, *unknown)
    ]
    health = Health.MISSING if broken else Health.WEAK if unknown else Health.GOOD
    if patient.policy.mode is PolicyMode.OFF:
        health = Health.UNKNOWN
    clean = absent("the bundle", f"{len(patient.policy.accesses)} accesses, all as they may be")
    return Check(
        id="accesses",
        question=question,
        health=health,
        evidence=first(found, 5) or clean,
        next="Name catalogs by a variable that each target sets." if found else "",
        command="brickyard policy check" if found else "",
    )


def _monitors(patient: Patient) -> Check:
    question = "Is the quality of the data watched?"
    found = [evidence(value, address) for address, value in patient.resources("quality_monitors")]
    found += patient.step_places("monitor", "sql")
    expecting = [
        Evidence(file=name, line=number, text="an expectation")
        for name in patient.matching("*.py", "*.sql")
        for number, line in enumerate(patient.files[name].splitlines(), start=1)
        if b"@dp.expect" in line or b"@dlt.expect" in line or b"EXPECT (" in line
    ]
    if found or expecting:
        places = first([*found, *expecting], 5)
        return Check(id="monitors", question=question, health=Health.GOOD, evidence=places)
    return Check(
        id="monitors",
        question=question,
        health=Health.MISSING,
        evidence=absent("databricks.yml", "no quality_monitors, no expectations, no sql step"),
        next="Declare a quality monitor for each table that a model or an answer depends on.",
        command="brickyard schema",
    )


def _drift(patient: Patient) -> Check:
    question = "Would drift be noticed?"
    found = at(patient, "drift", "limits for `brickyard drift`")
    scheduled = tuple(
        Evidence(file=name, text="runs brickyard drift")
        for name, content in patient.pipelines.items()
        if b"brickyard drift" in content
    )
    health = Health.GOOD if found and scheduled else Health.WEAK if found or scheduled else None
    return Check(
        id="drift",
        question=question,
        health=health or Health.MISSING,
        evidence=(*found, *scheduled) or absent("brickyard.yml", "no drift section"),
        next="" if health is Health.GOOD else "Set limits under `drift`, and look every night.",
        command="" if health is Health.GOOD else "brickyard drift -t prod",
    )
