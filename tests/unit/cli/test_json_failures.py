"""A command that fails with `-o json` says so in JSON, and only where it printed nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from brickyard.cli import run
from brickyard.cli.json_failures import wants_json

BUNDLE = "bundle: {name: tiny}\ntargets: {dev: {default: true}}\n"


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("drift -o json", True),
        ("drift --output json -t dev", True),
        ("drift --output=json", True),
        ("drift -ojson", True),
        ("drift -o json -o text", False),
        ("drift", False),
        ("exec -- x -o json", False),
        ("-o json drift -t dev", True),
    ],
)
def test_who_asks_for_json(line: str, asks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_OUTPUT_FORMAT", raising=False)
    assert wants_json(line.split()) is asks


def test_a_format_set_for_every_command_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_OUTPUT_FORMAT", "json")
    assert wants_json(["drift"])
    assert not wants_json(["drift", "-o", "text"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("release status -t nope", "there is no environment `nope`"),
        ("release promote --to dev", "is not in a Git repository"),
        ("release status", "Missing option"),
        ("ci run", "there is no pipeline yet"),
        ("drift -t dev --only nope", "is not one of"),
    ],
)
def test_what_went_wrong_is_an_object(
    line: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "databricks.yml").write_text(BUNDLE)
    (tmp_path / "brickyard.yml").write_text("environments: {dev: {catalog: dev}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run([*line.split(), "-o", "json"]) == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert says in found["error"]
    assert found["exit_code"] == 1
    assert says in printed.err, "people still read it"
    assert run(line.split()) == 1
    assert capsys.readouterr().out == ""


def test_findings_are_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "databricks.yml").write_text(BUNDLE)
    (tmp_path / "brickyard.yml").write_text("environments: {dev: {catalgo: dev}}\nrollout: 3\n")
    monkeypatch.chdir(tmp_path)
    assert run(["release", "status", "-t", "dev", "-o", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {one["file"] for one in found["findings"]} == {"brickyard.yml"}
    assert {one["severity"] for one in found["findings"]} >= {"error"}


def test_a_report_is_not_followed_by_a_second_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "databricks.yml").write_text(
        BUNDLE + "resources: {schemas: {s: {catalog_name: prod, name: s}}}\n"
    )
    (tmp_path / "brickyard.yml").write_text(
        "environments: {dev: {catalog: dev}}\npolicy: {mode: enforce}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRICKYARD_HOME", str(tmp_path / "home"))
    words = ["policy", "check", "-t", "dev", "--evidence", "static", "-o", "json"]
    assert run(words) == 1
    assert json.loads(capsys.readouterr().out)["rules"]["writes-only-its-own-catalog"] == "broken"


def test_a_pipeline_is_run_for_a_commit_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "databricks.yml").write_text(BUNDLE)
    (tmp_path / "brickyard.yml").write_text("environments: {dev: {catalog: dev}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run(["ci", "init", "--provider", "gitlab"]) == 0
    for line in ("ci run", "ci watch --count 1"):
        assert run(line.split()) == 1
        said = capsys.readouterr().err
        assert "is not in a Git repository" in said
        assert "git init" in said
        assert "fatal" not in said, "Git's own words"
    subprocess.run(["git", "init", "-q", "-b", "trunk"], cwd=tmp_path, check=True)
    assert run(["ci", "run"]) == 1
    assert "commit your work first" in capsys.readouterr().err
    assert run(["ci", "watch", "--count", "1"]) == 1
    assert "there is no branch `main`" in capsys.readouterr().err
