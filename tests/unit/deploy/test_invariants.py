"""What holds for every bundle: deployed then planned is empty, a plan survives its file, and so on.

Bundles are made from a seed: schemas and jobs that refer to each other in every way that a type can
be referred to, with permissions or without, deployed from one state to another.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from fake_workspace import MakeProject
from test_deploy import deployed, world

from brickyard.deploy import apply_plan, destroy, make_plan, read_plan, write_plan

FIELDS = ("id", "name", "catalog_name", "full_name")


def bundle(rng: random.Random) -> dict[str, Any]:
    schemas = {
        f"s{number}": {"catalog_name": "dev", "name": f"schema_{number}"}
        for number in range(rng.randint(0, 4))
    }
    jobs: dict[str, Any] = {}
    for number in range(rng.randint(0, 6)):
        jobs[f"j{number}"] = job(rng, f"job {number}", list(schemas), list(jobs))
    return {"schemas": schemas, "jobs": jobs}


def job(rng: random.Random, name: str, schemas: list[str], jobs: list[str]) -> dict[str, Any]:
    """Refers only to what is given, so no bundle has a cycle."""
    made: dict[str, Any] = {"name": name, "max_concurrent_runs": rng.randint(1, 3)}
    made["tasks"] = [
        {"task_key": f"t{at}", "run_job_task": {"job_id": f"${{resources.jobs.{one}.id}}"}}
        for at, one in enumerate(rng.sample(jobs, min(len(jobs), rng.randint(0, 2))))
    ] or [{"task_key": "t"}]
    made["parameters"] = [
        {"name": f"p{at}", "default": f"in ${{resources.schemas.{one}.{rng.choice(FIELDS[1:])}}}"}
        for at, one in enumerate(rng.sample(schemas, min(len(schemas), rng.randint(0, 2))))
    ]
    if rng.random() < 0.5:
        made["tags"] = {"team": rng.choice(("a", "b")), "": ""} if rng.random() < 0.2 else {}
    if rng.random() < 0.5:
        made["permissions"] = [{"level": "CAN_MANAGE", "user_name": "jane@x"}]
    return made


@pytest.mark.parametrize("seed", range(20))
def test_a_bundle_is_deployed_planned_empty_changed_and_destroyed(
    make_project: MakeProject, seed: int
) -> None:
    rng = random.Random(seed)
    for resources in (bundle(rng), bundle(rng)):
        project = make_project(resources)
        plan = make_plan(project)
        kept = read_plan(write_plan(plan), "plan.json")
        assert write_plan(kept) == write_plan(plan)
        assert write_plan(make_plan(project)) == write_plan(plan)
        assert apply_plan(project, kept).failures == ()
        assert make_plan(project).is_empty
        there = world(project)
        names = sorted(one["name"] for one in there["jobs"].values())
        assert names == sorted(one["name"] for one in resources["jobs"].values())
        assert len(there["schemas"]) == len(resources["schemas"])
        before = len(project.workspace.calls)
        deployed(project)
        assert not [call for call in project.workspace.calls[before:] if "create" in call]
    assert destroy(project).succeeded
    assert world(project)["jobs"] == world(project)["schemas"] == {}
    assert destroy(make_project(resources)).succeeded
