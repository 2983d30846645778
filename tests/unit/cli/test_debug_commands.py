"""`bundle debug`: what editors ask, as the official CLI answers it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brickyard.cli import run
from brickyard.deploy.state import BadState
from brickyard.deploy.state_files import local_states

BUNDLE = """
bundle: {name: x}
include: [more.yml]
targets:
  prod: {mode: production, workspace: {host: https://a.b}}
  dev: {default: true, mode: development}
"""


def in_bundle(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (folder / "databricks.yml").write_text(text)
    (folder / "more.yml").write_text("targets: {nothing: }\n")
    monkeypatch.chdir(folder)


def test_the_targets_are_listed_without_one_being_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_bundle(tmp_path, monkeypatch, BUNDLE)
    assert run(["bundle", "debug", "list-targets"]) == 0
    lines = "dev (default) development\nnothing\nprod production https://a.b\n"
    assert capsys.readouterr().err == lines
    assert run(["bundle", "debug", "list-targets", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "targets": [
            {"name": "dev", "default": True, "mode": "development"},
            {"name": "nothing"},
            {"name": "prod", "mode": "production", "host": "https://a.b"},
        ]
    }


def test_a_bundle_without_targets_has_the_default_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "databricks.yml").write_text("bundle: {name: x}\n")
    monkeypatch.chdir(tmp_path)
    assert run(["bundle", "debug", "list-targets"]) == 0
    assert capsys.readouterr().err == "default\n"


def test_a_bundle_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_bundle(tmp_path, monkeypatch, "bundle:\n  name: x\n  - y\n")
    assert run(["bundle", "debug", "list-targets"]) == 1
    assert "databricks.yml: yaml: line" in capsys.readouterr().err


def test_every_field_of_a_resource_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bundle", "debug", "refschema"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "resources.jobs.*.tasks[*].libraries[*].whl\tstring\tINPUT" in lines
    assert "resources.schemas.*.properties.*\tstring\tINPUT" in lines
    assert len(lines) == len(set(lines)) > 2000


def test_terraform_is_not_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bundle", "debug", "terraform", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"terraform": None}


def test_local_states_are_told_by_serial(tmp_path: Path) -> None:
    assert local_states(tmp_path) == []
    (tmp_path / "terraform").mkdir()
    older, newer = tmp_path / "resources.json", tmp_path / "terraform" / "terraform.tfstate"
    older.write_text('{"serial": 2, "lineage": "a"}')
    newer.write_text('{"serial": 3, "lineage": "a"}')
    assert [one.line for one in local_states(tmp_path)] == [
        f'{older.as_posix()}: local direct state serial=2 lineage="a"',
        f'{newer.as_posix()}: local terraform state serial=3 lineage="a"',
    ]
    older.write_text("no")
    with pytest.raises(BadState, match=r"parsing .*resources\.json"):
        local_states(tmp_path)


def test_a_templates_questions_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = {
        "welcome_message": "Hi {{.name}}",
        "properties": {
            "folder": {"type": "string", "order": 2, "default": "src/{{.name}}"},
            "name": {"type": "string", "order": 1, "default": "a", "description": "of {{.other}}"},
            "count": {"type": "integer", "order": 3, "default": 3, "description": "{{.folder}}<"},
        },
    }
    (tmp_path / "databricks_template_schema.json").write_text(json.dumps(schema))
    (tmp_path / "answers.json").write_text('{"name": "b"}')
    monkeypatch.chdir(tmp_path)
    assert run(["bundle", "debug", "render-template-schema", "."]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["welcome_message"] == "Hi a"
    assert plain["properties"]["folder"]["default"] == "src/a"
    assert plain["properties"]["name"]["description"] == "of "
    command = ["bundle", "debug", "render-template-schema", ".", "--input-file", "answers.json"]
    assert run(command) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["properties"]["count"]["description"] == "src/b<"
    assert "\\u003c" in text
    assert list(json.loads(text)["properties"]) == ["count", "folder", "name"]
    assert run(["bundle", "debug", "render-template-schema"]) == 1
    assert "template path is required" in capsys.readouterr().err
