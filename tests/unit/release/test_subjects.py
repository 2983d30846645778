"""A step that names a resource which the bundle has not is found before anything is done."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from brickyard.release.faults import StepFailed
from brickyard.release.promote import check_subjects
from brickyard.release.settings import read_settings
from brickyard.values import value_of

BUNDLE = {"resources": {"jobs": {"train": {"name": "t"}}, "apps": {"site": {"name": "s"}}}}


def checked(rollout: str, environment: str = "dev") -> None:
    settings = read_settings(f"rollout: {rollout}\n".encode())
    assert not settings.diagnostics
    project: Any = SimpleNamespace(
        resolved=SimpleNamespace(tree=value_of(BUNDLE), target=environment)
    )
    check_subjects(project, settings, environment)


@pytest.mark.parametrize(
    "step",
    [
        "{step: a, run_job: train}",
        "{step: a, run_job: jobs.train}",
        "{step: a, start_app: site}",
        "{step: a, run_job: nothing, in: prod}",
        "{step: a, sql: SELECT 1, require: {n: '>= 1'}}",
    ],
)
def test_what_the_bundle_has_may_be_named(step: str) -> None:
    checked(f"[{step}]")


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (
            "{step: a, run_job: trian}",
            r"step a names jobs\.trian, .* dev does not have; it has train",
        ),
        ("{step: a, monitor: m}", r"quality_monitors\.m, .*it has no quality_monitors"),
        ("{step: a, start_app: train}", r"apps\.train"),
    ],
)
def test_what_it_has_not_stops_the_release(step: str, text: str) -> None:
    with pytest.raises(StepFailed, match=text):
        checked(f"[{step}]")
