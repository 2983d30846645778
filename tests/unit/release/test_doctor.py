"""The seven points: each check has evidence and, where something is missing, a next step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from brickyard.cli import root
from brickyard.deploy import load_project
from brickyard.release.doctor import Health, examine, look_at

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "data_quality_agent"
POINTS = [
    "lack of automation",
    "data control and drift",
    "evaluation and monitoring",
    "quality and reliability",
    "MLOps infrastructure",
    "team and governance misalignment",
    "cost and scalability",
]
BARE = "bundle: {name: bare}\n"
WORSE = """\
bundle: {name: worse}
targets:
  prod: {mode: production}
resources:
  jobs:
    nightly:
      name: nightly
      tasks:
        - task_key: t
          existing_cluster_id: 1234-567890-abcde123
          libraries: [{pypi: {package: requests}}]
          notebook_task: {notebook_path: ./n.py}
  clusters:
    box:
      cluster_name: box
      spark_version: 15.4.x-scala2.12
      num_workers: 1
      autotermination_minutes: 0
"""


def examined(folder: Path, target: str | None = None) -> list[dict[str, Any]]:
    return examine(look_at(load_project(folder, target, environment={})))


def by_id(points: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for point in points for check in point["checks"]}


def bundle(folder: Path, text: str) -> Path:
    (folder / "databricks.yml").write_text(text)
    (folder / "n.py").write_text("# Databricks notebook source\nprint(1)\n")
    return folder


def test_the_seven_points_in_their_order() -> None:
    assert [one["point"] for one in examined(EXAMPLE, "prod")] == POINTS


def test_what_the_example_does_is_seen_where_it_is_written() -> None:
    found = by_id(examined(EXAMPLE, "prod"))
    gates = found["gates"]
    assert gates["health"] == Health.GOOD
    lines = (EXAMPLE / "brickyard.yml").read_text().splitlines()
    assert {place["file"] for place in gates["evidence"]} == {"brickyard.yml"}
    said = [lines[place["line"] - 1].split(":")[0].strip() for place in gates["evidence"]]
    assert "metrics" in said, said
    assert found["run_as"]["health"] == Health.GOOD
    assert found["approvals"]["health"] in (Health.GOOD, Health.MISSING)


def test_a_bare_bundle_lacks_most_of_it(tmp_path: Path) -> None:
    found = by_id(examined(bundle(tmp_path, BARE)))
    missing = {name for name, check in found.items() if check["health"] == Health.MISSING}
    expected = {"ci", "rollout", "jobs", "gates", "monitors", "approvals", "tests", "documents"}
    assert expected <= missing


def test_what_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    found = by_id(examined(bundle(tmp_path, WORSE), "prod"))
    assert [(one["line"], one["text"]) for one in found["compute"]["evidence"]] == [
        (10, "resources.jobs.nightly runs on a cluster by its id")
    ]
    assert [(one["line"], one["text"]) for one in found["pins"]["evidence"]] == [
        (11, "resources.jobs.nightly installs requests")
    ]
    assert "never stops" in found["idle"]["evidence"][0]["text"]
    assert "no run_as" in found["run_as"]["evidence"][0]["text"]


@pytest.mark.parametrize("text", [BARE, WORSE])
def test_what_is_not_good_says_what_to_do_next(tmp_path: Path, text: str) -> None:
    for name, check in by_id(examined(bundle(tmp_path, text))).items():
        assert check["evidence"], name
        if check["health"] in (Health.WEAK, Health.MISSING):
            assert check["next"], name
            assert is_a_command(check["command"]), check["command"]


def is_a_command(line: str) -> bool:
    """Whether it is one of ours, with options that it has."""
    found: click.Command = root()
    words = line.split()[1:]
    ctx = click.Context(found, info_name="brickyard")
    while words and isinstance(found, click.Group):
        below = found.get_command(ctx, words[0])
        if below is None:
            return False
        found, words = below, words[1:]
        ctx = click.Context(found, parent=ctx)
    known = {name for option in found.params for name in option.opts}
    return all(word in known for word in words if word.startswith("-"))
