"""Lack of automation: what people do by hand is done differently each time."""

from __future__ import annotations

from collections.abc import Iterator

from brickyard.release.doctor.checks import (
    Check,
    Evidence,
    Health,
    Patient,
    absent,
    evidence,
    first,
)

TITLE = "lack of automation"


def checks(patient: Patient) -> Iterator[Check]:
    yield _pipeline(patient)
    yield _rollout(patient)
    yield _jobs(patient)
    yield _schedules(patient)


def _pipeline(patient: Patient) -> Check:
    question = "Does a CI pipeline check and release every change?"
    deploying = {
        name: content
        for name, content in patient.pipelines.items()
        if b"brickyard" in content or b"databricks bundle" in content
    }
    found = tuple(
        Evidence(file=name, line=_line_of(content), text="checks or deploys the bundle")
        for name, content in deploying.items()
    )
    if found:
        return Check(id="ci", question=question, health=Health.GOOD, evidence=found)
    others = tuple(
        Evidence(file=name, text="does not touch the bundle") for name in patient.pipelines
    )
    return Check(
        id="ci",
        question=question,
        health=Health.WEAK if others else Health.MISSING,
        evidence=first(others)
        or absent(".github/workflows", "no pipeline of GitHub, Azure, GitLab"),
        next="Write the pipeline that validates, tests and promotes.",
        command="brickyard ci init --provider github",
    )


def _line_of(content: bytes) -> int:
    for number, line in enumerate(content.splitlines(), start=1):
        if b"brickyard" in line or b"databricks bundle" in line:
            return number
    return 0


def _rollout(patient: Patient) -> Check:
    question = "Is what follows a deployment done by steps, and not by hand?"
    steps = patient.steps()
    if steps:
        actions = sorted({step.action for step in steps})
        places = patient.step_places(*actions)
        return Check(id="rollout", question=question, health=Health.GOOD, evidence=first(places, 5))
    return Check(
        id="rollout",
        question=question,
        health=Health.MISSING,
        evidence=absent("brickyard.yml", "no rollout"),
        next="Declare the steps: run jobs, evaluate, hold a gate, move the alias, query.",
        command="brickyard schema --of brickyard.yml",
    )


def _jobs(patient: Patient) -> Check:
    question = "Is the work declared as jobs and pipelines?"
    found = [evidence(value, address) for address, value in patient.resources("jobs", "pipelines")]
    if found:
        return Check(id="jobs", question=question, health=Health.GOOD, evidence=first(found))
    notebooks = patient.matching("*.ipynb", "src/*.py", "*.sql")
    return Check(
        id="jobs",
        question=question,
        health=Health.MISSING,
        evidence=first(Evidence(file=name, text="run by nothing here") for name in notebooks)
        or absent("databricks.yml", "no jobs and no pipelines"),
        next="Declare a job for what is run by hand; take over one that exists already.",
        command="brickyard generate job",
    )


def _schedules(patient: Patient) -> Check:
    question = "Does work start by itself: by schedule, file arrival, or table update?"
    keys = ("schedule", "trigger", "continuous")
    jobs = list(patient.resources("jobs", "pipelines"))
    timed = [
        evidence(place, f"{address} has a {key}")
        for address, value in jobs
        for key in keys
        if (place := value.get(key)) is not None
    ]
    released = patient.steps("run_job", "refresh_pipeline", "evaluate")
    if timed:
        return Check(id="schedules", question=question, health=Health.GOOD, evidence=first(timed))
    places = patient.step_places("run_job", "refresh_pipeline", "evaluate")
    return Check(
        id="schedules",
        question=question,
        health=Health.WEAK if released else Health.MISSING,
        evidence=first(places) or absent("databricks.yml", f"{len(jobs)} jobs without a schedule"),
        next="Give jobs a `schedule` or `trigger`; between releases, data goes on changing.",
        command="brickyard validate",
    )
