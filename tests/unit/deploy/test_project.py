"""What is gathered round a bundle: user, host, overrides, answers to its look-ups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from brickyard.bundle import Question
from brickyard.deploy import NotRunning, Project, load_project
from brickyard.deploy.embedded import Embedded, home_folder, identity
from brickyard.deploy.http import Answer, Workspace, bearer
from brickyard.deploy.lookups import NoAnswer, answer
from brickyard.values import Severity, value_of

BUNDLE = """\
bundle:
  name: demo
variables:
  greeting:
    default: hello
targets:
  dev:
    mode: development
    default: true
  staging: {}
  real:
    mode: development
    workspace:
      host: https://example.cloud.databricks.com
resources:
  schemas:
    s:
      catalog_name: dev
      name: ${var.greeting}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "databricks.yml").write_text(BUNDLE)
    return tmp_path


def load(folder: Path, target: str | None = None, **options: Any) -> Project:
    environment = {"BRICKYARD_HOME": str(folder / "home")} | options.pop("environment", {})
    return load_project(folder, target, environment=environment, **options)


def test_an_embedded_target_knows_its_user_offline(folder: Path) -> None:
    dev = load(folder)
    assert dev.address.environment == "dev"
    assert dev.user.user_name.endswith("@localhost")
    assert dev.path("root_path") == f"/Workspace/Users/{dev.user.user_name}/.bundle/demo/dev"
    staging = load(folder, "staging")
    assert staging.user.is_service_principal
    assert staging.user.display_name == "deployer-staging"


def test_a_real_host_offline_has_a_placeholder_and_says_so(folder: Path) -> None:
    project = load(folder, "real")
    assert not project.address.is_embedded
    (note,) = [found for found in project.diagnostics if found.code == "deploy/offline"]
    assert note.severity is Severity.RECOMMENDATION
    local = load(folder, "real", local=True)
    assert local.address.environment == "dev"
    assert local.folder != project.folder


def test_variables_come_from_the_command_line_the_environment_and_the_overrides_file(
    folder: Path,
) -> None:
    def name(project: Project) -> str:
        return project.text("resources.schemas.s.name").rpartition("_")[2]

    place = folder / ".databricks" / "bundle" / "dev"
    place.mkdir(parents=True)
    (place / "variable-overrides.json").write_text(json.dumps({"greeting": "file"}))
    assert name(load(folder)) == "file"
    assert name(load(folder, environment={"BUNDLE_VAR_greeting": "env"})) == "env"
    assert name(load(folder, variables={"greeting": "given"})) == "given"
    (place / "variable-overrides.json").write_text("{")
    (problem,) = load(folder).diagnostics
    assert problem.code == "deploy/overrides-not-json"
    assert problem.summary.endswith("variable-overrides.json:1:2: unexpected end of JSON input")


def test_identities_of_embedded_workspaces_never_change() -> None:
    assert identity("dev", "jane").user_name == "jane@localhost"
    assert identity("staging", "x").user_name == "335f7490-54fb-5c44-821d-d74bc9284e41"
    assert identity("prod", "x").user_name == "e1810f89-d4f7-5943-9973-74cd534a8711"


def test_the_embedded_workspace_is_started_when_nobody_answers(tmp_path: Path) -> None:
    home = home_folder({"BRICKYARD_HOME": str(tmp_path)})
    (home / "run").mkdir()
    stale = {"host": "http://127.0.0.1:9", "token": "t"}
    (home / "run" / "workspaces.json").write_text(json.dumps({"dev": stale}))

    def start() -> None:
        raise NotRunning("no engines here")

    with pytest.raises(NotRunning, match="no engines here"):
        Embedded(home=home, start=start).door("dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lister(Workspace):
    """Answers every list with the same two warehouses."""

    def send(self, method: str, path: str, **_: Any) -> Answer:
        found = {"warehouses": [{"name": n, "id": f"id-{n}"} for n in ("a", "b", "b")]}
        return Answer(200, {}, json.dumps(found).encode())


def ask(name: str) -> Mapping[str, str]:
    question = Question(id="variables.warehouse", kind="warehouse", name=name, value=value_of(name))
    return answer([question], Lister(host="https://x", authorize=bearer("t")))


def test_look_ups_find_one_object_or_say_what_is_wrong() -> None:
    assert ask("a") == {"variables.warehouse": "id-a"}
    with pytest.raises(NoAnswer, match="EndpointInfo named 'c' does not exist"):
        ask("c")
    with pytest.raises(NoAnswer, match="there are 2 instances of EndpointInfo"):
        ask("b")
