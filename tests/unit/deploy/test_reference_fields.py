"""References to fields: those that there are, by Terraform's names too, and what is not set."""

from __future__ import annotations

from typing import Any

import pytest
from fake_workspace import MakeProject
from test_deploy import deployed, world

from brickyard.deploy import make_plan
from brickyard.deploy.plan import BadReferences
from brickyard.deploy.reference_fields import NoField, check_field, in_bundles_words

JOB = {"name": "a", "tasks": [{"task_key": "t"}], "job_clusters": [{"job_cluster_key": "k"}]}


def with_job(description: str) -> dict[str, Any]:
    return {"jobs": {"a": JOB, "b": {"name": "b", "description": description}}}


@pytest.mark.parametrize(
    ("type", "field", "meant"),
    [
        ("jobs", "task[0].library[1].whl", "tasks[0].libraries[1].whl"),
        ("jobs", "task[0].for_each_task.task.library", "tasks[0].for_each_task.task.libraries"),
        ("jobs", "git_source.branch", "git_source.git_branch"),
        ("jobs", "tags.branch", "tags.branch"),
        ("pipelines", "library[0].notebook.path", "libraries[0].notebook.path"),
        ("models", "registered_model_id", "model_id"),
        ("postgres_branches", "spec.is_protected", "is_protected"),
        ("postgres_branches", "spec", "spec"),
        ("schemas", "library", "library"),
    ],
)
def test_terraforms_names_are_understood(type: str, field: str, meant: str) -> None:
    assert in_bundles_words(type, field) == meant


def test_fields_of_bundles_and_of_answers_are_known_and_no_others() -> None:
    for type, field in (("jobs", "creator_user_name"), ("jobs", "tasks[0].x"), ("schemas", "id")):
        check_field(type, field)
    with pytest.raises(NoField, match='nope: field "nope" not found in jobs'):
        check_field("jobs", "nope.x")


def test_a_reference_to_no_field_is_found_while_planning(make_project: MakeProject) -> None:
    resources = with_job("${resources.jobs.a.nope}")
    resources["jobs"]["c"] = {"name": "${resources.jobs.b.name}"}
    with pytest.raises(BadReferences) as told:
        make_plan(make_project(resources))
    first = 'cannot plan resources.jobs.b: cannot resolve "${resources.jobs.a.nope}"'
    assert [str(part) for part in told.value.parts] == [
        f'{first}: schema mismatch: nope: field "nope" not found in jobs',
        "cannot plan resources.jobs.c: dependency failed: resources.jobs.b",
        "planning failed",
    ]


def test_old_names_are_resolved(make_project: MakeProject) -> None:
    wanted = (
        "${resources.jobs.a.task[0].task_key} ${resources.jobs.a.job_cluster[0].job_cluster_key}"
    )
    project = make_project(with_job(wanted))
    deployed(project)
    assert [job.get("description") for job in world(project)["jobs"].values()] == [None, "t k"]


def test_what_stands_for_an_unset_field_is_unset(make_project: MakeProject) -> None:
    project = make_project(with_job("${resources.jobs.a.description}"))
    deployed(project)
    assert [job.get("description") for job in world(project)["jobs"].values()] == [None, None]
    assert make_plan(make_project(with_job("${resources.jobs.a.description}"))).is_empty
