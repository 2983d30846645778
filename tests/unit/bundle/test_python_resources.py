"""Resources made in Python: what may be added and changed, and the steps that they go through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from bundles import errors, fine, plain

from brickyard.bundle import CurrentUser, Facts, PythonAnswer, Resolved, resolve
from brickyard.values import Location

TEXT = """
bundle: {name: demo}
python: {resources: ["mine:load"], venv_path: .venv}
targets: {dev: {mode: development}}
resources: {jobs: {a: {name: first}}}
"""


def made(change: Mapping[str, Any], *, phase: str = "load_resources") -> Resolved:
    """The bundle when Python gives these jobs in that phase, and nothing new in the other."""

    def run(
        now: str, settings: Mapping[str, Any], configuration: Mapping[str, Any]
    ) -> PythonAnswer:
        assert settings["venv_path"] == ".venv"
        assert configuration["experimental"]["python"] == settings
        jobs = configuration["resources"]["jobs"]
        jobs = {**jobs, **change} if now == phase else jobs
        kept = {key: job for key, job in jobs.items() if job is not None}
        places = {"resources.jobs.b": Location("mine.py", 7, 3)}
        return PythonAnswer(output={**configuration, "resources": {"jobs": kept}}, places=places)

    facts = Facts(user=CurrentUser(user_name="jane@x.com"))
    return resolve({"databricks.yml": TEXT.encode()}, facts=facts, run_python=run)


def test_an_added_resource_goes_through_every_step_and_knows_where_it_was_made() -> None:
    found = fine(made({"b": {"name": "second", "tasks": []}}))
    assert plain(found, "resources.jobs.b.name") == "[dev jane] second"
    assert plain(found, "resources.jobs.a.name") == "[dev jane] first"
    assert plain(found, "resources.jobs.b.edit_mode") == "UI_LOCKED"
    job = found.tree.get("resources.jobs.b")
    assert job is not None
    assert job.location == Location("mine.py", 7, 3)


def test_a_mutator_changes_what_is_there_and_nothing_is_prefixed_twice() -> None:
    changed = {"name": "[dev jane] first", "max_concurrent_runs": 9}
    found = fine(made({"a": changed}, phase="apply_mutators"))
    assert plain(found, "resources.jobs.a.name") == "[dev jane] first"
    assert plain(found, "resources.jobs.a.max_concurrent_runs") == 9


@pytest.mark.parametrize(
    ("change", "phase", "word"),
    [
        ({"a": {"name": "other"}}, "load_resources", "unexpected updated resources: [{jobs a}]"),
        ({"b": {"name": "new"}}, "apply_mutators", "unexpected added resources: [{jobs b}]"),
        ({"a": None}, "load_resources", "unexpected deleted resources"),
    ],
)
def test_a_phase_may_not_do_the_work_of_the_other(
    change: Mapping[str, Any], phase: str, word: str
) -> None:
    (problem,) = errors(made(change, phase=phase))
    assert word in problem.summary


def test_without_a_way_to_run_python_the_bundle_is_refused() -> None:
    facts = Facts(user=CurrentUser(user_name="jane@x.com"))
    (problem,) = errors(resolve({"databricks.yml": TEXT.encode()}, facts=facts))
    assert problem.path == "python"
    assert "DATABRICKS_BUNDLE_RESTRICTED_CODE_EXECUTION" in problem.summary
