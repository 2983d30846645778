"""A bundle's Python, run by the file protocol of `databricks-bundles` in an environment of its own.

The environment here holds a module of that name which speaks the protocol and nothing else.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import dedent, indent

from brickyard.deploy import Project, load_project
from brickyard.values import Diagnostic, Severity

PROTOCOL = """
import json, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
tree = json.load(open(given["--input"]))
found, places = [], []
import functions
functions.run(given["--phase"], tree, found, places)
json.dump(tree, open(given["--output"], "w"))
for name, rows in (("--diagnostics", found), ("--locations", places)):
    open(given[name], "w").write("".join(json.dumps(row) + "\\n" for row in rows))
sys.exit(1 if any(row["severity"] == "error" for row in found) else 0)
"""
YAML = """
bundle: {name: shop}
python: {venv_path: .venv, resources: ["functions:load"], mutators: ["functions:change"]}
resources: {jobs: {b: {name: b}}}
"""


def project(folder: Path, functions: str, *, has_package: bool = True, more: str = "") -> Project:
    package = folder / "packages" / "databricks" / "bundles"
    package.mkdir(parents=True)
    if has_package:
        (package / "build.py").write_text(PROTOCOL)
    interpreter = folder / ".venv" / "bin" / "python3"
    interpreter.parent.mkdir(parents=True)
    paths = f"{folder / 'packages'}:{folder}"
    interpreter.write_text(f'#!/bin/sh\nPYTHONPATH={paths} exec {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    (folder / "databricks.yml").write_text(YAML + more)
    body = indent(dedent(functions), "    ")
    (folder / "functions.py").write_text(f"def run(phase, tree, found, places):\n{body}")
    return load_project(folder, environment={"PATH": os.environ["PATH"]})


def errors(made: Project) -> list[Diagnostic]:
    return [one for one in made.diagnostics if one.severity is Severity.ERROR]


def test_functions_add_and_change_resources_and_their_places_are_kept(tmp_path: Path) -> None:
    functions = """
        jobs = tree["resources"]["jobs"]
        assert tree["experimental"]["python"]["mutators"] == ["functions:change"]
        if phase == "load_resources":
            jobs["a"] = {"name": "a"}
            place = {"file": __file__, "line": 4, "column": 2}
            places.append({"path": "resources.jobs.a", **place})
            found.append({"severity": "warning", "summary": "careful", "location": place})
        else:
            for order, job in enumerate(jobs.values()):
                job["description"] = f"changed {order}"
    """
    made = project(tmp_path, functions)
    assert not errors(made)
    jobs = made.resolved.tree.get("resources.jobs")
    assert jobs is not None
    assert [jobs.items[key].items["description"].data for key in "ab"] == ["changed 0", "changed 1"]
    assert jobs.items["a"].items["max_concurrent_runs"].data == 1
    assert [str(place) for place in jobs.items["a"].locations] == ["functions.py:4:2"]
    (careful,) = [one for one in made.diagnostics if one.summary == "careful"]
    assert [str(place) for place in careful.locations] == ["functions.py:4:2"]


def test_an_error_of_the_functions_is_an_error_of_the_bundle(tmp_path: Path) -> None:
    made = project(
        tmp_path, '    found.append({"severity": "error", "summary": "no", "path": "x"})\n'
    )
    assert [(one.summary, one.path) for one in errors(made)] == [("no", "x")]


def test_a_missing_package_is_said_with_the_place_of_the_setting(tmp_path: Path) -> None:
    (problem,) = errors(project(tmp_path, "    pass\n", has_package=False))
    assert problem.summary.startswith('python mutator process failed: "')
    assert "databricks-bundles is not installed" in problem.detail
    assert [str(place) for place in problem.locations] == ["databricks.yml:3:1"]


def test_a_missing_environment_is_said_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "databricks.yml").write_text(YAML)
    (problem,) = errors(load_project(tmp_path, environment={"PATH": os.environ["PATH"]}))
    assert problem.summary.startswith(
        'failed to get Python interpreter path: can\'t find ".venv/bin/python3"'
    )
    assert "uv sync" in problem.detail
    assert problem.locations


def test_nothing_runs_where_running_code_is_restricted(tmp_path: Path) -> None:
    (tmp_path / "databricks.yml").write_text(YAML)
    restricted = {"DATABRICKS_BUNDLE_RESTRICTED_CODE_EXECUTION": "1"}
    (problem,) = errors(load_project(tmp_path, environment=restricted))
    assert problem.summary.startswith("Running Python code is not allowed when DATABRICKS_BUNDLE")


def test_a_mutated_job_keeps_the_places_of_what_was_not_changed(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "n.py").write_text("# Databricks notebook source\n")
    (tmp_path / "jobs" / "j.yml").write_text(
        "resources: {jobs: {c: {tasks: [{task_key: t,"
        " notebook_task: {notebook_path: ../src/n.py}}]}}}"
    )
    functions = """
        if phase == "apply_mutators":
            tree["resources"]["jobs"]["c"]["description"] = "new"
    """
    made = project(tmp_path, functions, more="include: [jobs/*.yml]")
    assert not errors(made)
    task = made.resolved.tree.get("resources.jobs.c.tasks[0].notebook_task.notebook_path")
    assert task is not None
    assert task.text.endswith("/files/src/n")
    assert [place.file for place in task.locations] == ["jobs/j.yml"]


def test_a_checked_out_commit_uses_the_environment_of_the_folder_it_is_released_from(
    tmp_path: Path,
) -> None:
    nothing = "pass"
    project(tmp_path, nothing)
    tree = tmp_path / ".databricks" / "releases" / "0123456789abcdef"
    tree.mkdir(parents=True)
    for name in ("databricks.yml", "functions.py"):
        (tree / name).write_text((tmp_path / name).read_text())
    environment = {"PATH": os.environ["PATH"]}
    assert not errors(load_project(tree, environment=environment))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "databricks.yml").write_text((tmp_path / "databricks.yml").read_text())
    (found,) = errors(load_project(elsewhere, environment=environment))
    assert "failed to get Python interpreter path" in found.summary
