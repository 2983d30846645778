"""An endpoint whose model version a rollout makes: said so, and deployed once it is there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest
from fake_workspace import MakeProject
from test_deploy import world

from brickyard.deploy import Project, apply_plan, make_plan
from brickyard.release.promote import Promotion, carry_out
from brickyard.release.rollout import Rollout, StepFailed

ENTITY = {"entity_name": "dev.s.m", "entity_version": "1"}
BUNDLE = {
    "model_serving_endpoints": {"ep": {"name": "ep", "config": {"served_entities": [ENTITY]}}},
    "schemas": {"s": {"catalog_name": "dev", "name": "s"}},
}
ADDRESS = "resources.model_serving_endpoints.ep"


def register(project: Project, version: str) -> None:
    """A run registers a version of the model."""
    made = world(project)
    made.setdefault("versions", []).append(version)
    project.workspace.disk.write_text(json.dumps(made))  # type: ignore[attr-defined]


def test_a_deploy_says_that_the_model_version_comes_first(make_project: MakeProject) -> None:
    project = make_project(BUNDLE)
    done = apply_plan(project, make_plan(project))
    (failure,) = done.failures
    assert "serves a model version that is not there yet" in failure
    assert done.waiting == (ADDRESS,)
    assert "resources.schemas.s" in done.state.entries
    register(project, "1")
    assert apply_plan(project, make_plan(project)).failures == ()


def test_other_failures_are_not_waiting(make_project: MakeProject) -> None:
    project = make_project(BUNDLE, refuses={"unity-catalog/schemas": "no"})
    assert apply_plan(project, make_plan(project)).waiting == ()


@dataclass
class Release:
    """The deploy of a promotion and its rollout, without Git and records."""

    project: Project
    said: list[str] = field(default_factory=list)

    @cached_property
    def rollout(self) -> Rollout:
        say = self.said.append
        return Rollout(
            project=self.project, read_file=lambda _: None, say=lambda _, text: say(text)
        )

    def deploy(self, *, has_rollout: bool = True) -> None:
        wanted = Promotion(root=Path(), to="dev", say=lambda _, text: self.said.append(text))
        plan = make_plan(self.project)
        carry_out(wanted, self.project, plan, self.rollout if has_rollout else None)


@pytest.fixture
def release(make_project: MakeProject) -> Release:
    return Release(make_project(BUNDLE))


def test_a_release_deploys_the_endpoint_once_a_step_needs_it(release: Release) -> None:
    release.deploy()
    assert f"{ADDRESS} waits for the rollout" in release.said
    register(release.project, "1")
    assert release.rollout.id_of("model_serving_endpoints", "ep") == "ep"
    assert "made what waited for the rollout" in release.said


def test_a_release_deploys_it_at_the_end_at_the_latest(release: Release) -> None:
    release.deploy()
    register(release.project, "1")
    release.rollout.run(())
    assert ADDRESS in release.project.store.pull().state.entries


def test_a_rollout_that_makes_no_version_fails_the_release(release: Release) -> None:
    release.deploy()
    with pytest.raises(StepFailed, match="not there yet"):
        release.rollout.run(())


def test_without_a_rollout_it_fails_at_once(release: Release) -> None:
    with pytest.raises(StepFailed, match="not there yet"):
        release.deploy(has_rollout=False)
