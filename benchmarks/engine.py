"""Resolving and planning large bundles, against reading the same data with a C parser."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from benchmarks.timing import Comparison, compare
from brickyard.bundle import CurrentUser, Facts, resolve
from brickyard.deploy.plan import Actual, Desired, plan
from brickyard.deploy.state import Entry, State, write_state

JOBS = 1000
RESOURCES = 500


def comparisons() -> Iterator[Comparison]:
    text = bundle(JOBS)
    files = {"databricks.yml": text.encode()}
    facts = Facts(user=CurrentUser(user_name="someone@localhost"))

    def ours() -> None:
        found = resolve(files, facts=facts, target="dev", variables={})
        assert not found.has_errors
        assert len(found.resources) == JOBS

    def theirs() -> None:
        yaml.load(text, Loader=yaml.CSafeLoader)

    yield compare(f"resolve {JOBS} jobs", ours, "yaml.load, C loader", theirs, rounds=3)
    yield planning()


def planning() -> Comparison:
    """A plan of many unchanged jobs, against reading their state file as JSON."""
    tasks = [{"task_key": name, "notebook_task": {"notebook_path": "/a"}} for name in "abcde"]
    settings = {"name": "nightly", "max_concurrent_runs": 1, "tasks": tasks}
    addresses = [f"resources.jobs.job_{number}" for number in range(RESOURCES)]
    entries = {address: Entry(id="1", state=settings) for address in addresses}
    state = State(lineage="l", serial=1, entries=entries)
    desired = [
        Desired(address=address, type="jobs", key=address.rsplit(".", 1)[-1], value=settings)
        for address in addresses
    ]
    actual = {
        address: Actual(configuration=settings, whole={"settings": settings})
        for address in addresses
    }
    text = write_state(state)

    def ours() -> None:
        assert plan(state, desired, actual).is_empty

    return compare(
        f"plan {RESOURCES} unchanged jobs",
        ours,
        "json.loads of their state",
        lambda: json.loads(text),
    )


def bundle(jobs: int) -> str:
    """A bundle of many jobs with variables, parameters and dependencies between tasks."""
    lines = ["bundle: {name: large}", "variables: {catalog: {default: dev}}"]
    lines += ["targets: {dev: {mode: development, default: true}}", "resources:", "  jobs:"]
    for number in range(jobs):
        lines += [
            f"    job_{number}:",
            f"      name: job {number}",
            "      parameters:",
            '        - {name: catalog, default: "${var.catalog}"}',
            "      tasks:",
            "        - task_key: first",
            "          notebook_task: {notebook_path: /Shared/first}",
            "        - task_key: second",
            "          depends_on: [{task_key: first}]",
            "          notebook_task: {notebook_path: /Shared/second}",
        ]
    return "\n".join(lines)
