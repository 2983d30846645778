"""Quality and reliability: whether it does what it should, and goes on doing it."""

from __future__ import annotations

import re
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

TITLE = "quality and reliability"
LOOSE = re.compile(r"^\s*(?:-\s*)?[\"']?([A-Za-z][\w.-]*)(\[[\w,-]+\])?\s*(?:[\"',]|$|>=|>|~=|<|;)")


def checks(patient: Patient) -> Iterator[Check]:
    yield _tests(patient)
    yield _smoke(patient)
    yield _retries(patient)
    yield _pins(patient)
    yield _way_back(patient)


def _tests(patient: Patient) -> Check:
    question = "Are there tests, and does a release or a pipeline run them?"
    files = patient.matching("tests/*.py", "test/*.py", "*/test_*.py", "*_test.py")
    steps = patient.step_places("test")
    piped = tuple(
        Evidence(file=name, text="runs tests")
        for name, content in patient.pipelines.items()
        if b"pytest" in content or b"unittest" in content
    )
    found = first(Evidence(file=name) for name in files)
    if not files:
        return Check(
            id="tests",
            question=question,
            health=Health.MISSING,
            evidence=absent("tests/", "no test file"),
            next="Write tests of what needs no workspace, and run them in the rollout.",
            command="brickyard init",
        )
    is_run = bool(steps or piped)
    return Check(
        id="tests",
        question=question,
        health=Health.GOOD if is_run else Health.WEAK,
        evidence=(*found, *steps, *piped),
        next="" if is_run else "Add a step `test: pytest tests`, or let CI run them.",
        command="" if is_run else "brickyard ci init --provider github",
    )


def _smoke(patient: Patient) -> Check:
    question = "Is what goes live asked once before a release counts?"
    served = [
        *patient.resources("model_serving_endpoints", "apps", "vector_search_indexes"),
    ]
    found = patient.step_places("query", "query_index", "query_app", "measure")
    if found or not served:
        none = absent("databricks.yml", "nothing is served")
        return Check(id="smoke", question=question, health=Health.GOOD, evidence=found or none)
    return Check(
        id="smoke",
        question=question,
        health=Health.MISSING,
        evidence=first(evidence(value, f"{address} is never asked") for address, value in served),
        next="Add a step `query: <endpoint>` with a request and what the answer must be.",
        command="brickyard schema --of brickyard.yml",
    )


def _retries(patient: Patient) -> Check:
    question = "Do jobs try again, and give up in the end?"
    jobs = dict(patient.resources("jobs"))
    timed = {address for address, job in jobs.items() if job.get("timeout_seconds") is not None}
    retried: set[str] = set()
    for address, task in patient.tasks():
        if task.get("max_retries") is not None:
            retried.add(address)
        if task.get("timeout_seconds") is not None:
            timed.add(address)
    without = [address for address in jobs if address not in timed or address not in retried]
    if not without:
        found = first(evidence(value, address) for address, value in jobs.items())
        health = Health.GOOD
    else:
        found = first(
            evidence(
                jobs[address],
                f"{address} has no "
                + " and no ".join(
                    name
                    for name, have in (("timeout_seconds", timed), ("max_retries", retried))
                    if address not in have
                ),
            )
            for address in without
        )
        health = Health.WEAK
    return Check(
        id="retries",
        question=question,
        health=health,
        evidence=found or absent("databricks.yml", "no jobs"),
        next="Set `timeout_seconds` and `max_retries` on tasks that talk to others."
        if without
        else "",
        command="brickyard validate" if without else "",
    )


def _pins(patient: Patient) -> Check:
    question = "Does the same commit install the same libraries tomorrow?"
    locks = patient.matching("*uv.lock", "*poetry.lock", "*requirements.lock", "*Pipfile.lock")
    loose = []
    for name in patient.matching("*requirements*.txt"):
        for number, raw in enumerate(patient.files[name].decode(errors="replace").splitlines(), 1):
            line = raw.split("#")[0].strip()
            if line and not line.startswith("-") and "==" not in line and "@" not in line:
                loose.append(Evidence(file=name, line=number, text=f"not pinned: {line}"))
    for address, job in patient.resources("jobs"):
        for place, value in job.walk():
            if place[-1:] == ("package",) or (
                len(place) >= 2 and place[-2] == "dependencies" and value.text
            ):
                text = value.text
                if text and LOOSE.match(text) and "==" not in text and "/" not in text:
                    loose.append(evidence(value, f"{address} installs {text}"))
    if not loose:
        found = first(Evidence(file=name) for name in locks)
        none = absent("the bundle", "nothing is installed without a version")
        return Check(id="pins", question=question, health=Health.GOOD, evidence=found or none)
    return Check(
        id="pins",
        question=question,
        health=Health.WEAK,
        evidence=first(loose, 5),
        next="Pin every version (`==`), or deploy a lock file.",
        command="brickyard policy check -t prod",
    )


def _way_back(patient: Patient) -> Check:
    question = "Is there a release to go back to?"
    records = patient.records
    if records is None:
        return Check(
            id="rollback",
            question=question,
            health=Health.UNKNOWN,
            evidence=absent("the workspace", "was not asked"),
            next="Look again with the workspace reachable.",
            command="brickyard release history -t prod",
        )
    good = [one for one in records if one.succeeded]
    listed = tuple(
        Evidence(file=f"release {one.sequence}", text=f"{one.commit[:10]}, {one.started[:10]}")
        for one in good[-3:]
    )
    health = Health.GOOD if len(good) > 1 else Health.WEAK if good else Health.MISSING
    return Check(
        id="rollback",
        question=question,
        health=health,
        evidence=listed or absent("the workspace", "no release that succeeded"),
        next=""
        if health is Health.GOOD
        else "Release by promotion: what is deployed by hand has no way back.",
        command="" if health is Health.GOOD else "brickyard release promote --to dev",
    )
