"""Resolving and planning large bundles, against reading the same text with PyYAML's C loader."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from benchmarks.timing import Comparison, compare
from brickyard.bundle import CurrentUser, Facts, resolve

JOBS = 1000


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
