"""How an app's source says what to run."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from brickyard.workspace.apps.listening import listens
from brickyard.workspace.apps.preinstalled import BY_MODULE, DOCUMENTED, VERSIONS
from brickyard.workspace.apps.source import BadSource, EnvVar, copy_source, read_source, with_port
from brickyard.workspace.processes import Mounts


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_the_deployment_wins_over_app_yaml_variable_by_variable(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        app_yaml="command: [python, a.py]\nenv: [{name: A, value: 1}, {name: B, valueFrom: b}]",
        a_py="",
    )
    told = read_source(folder)
    assert told.command == ("python", "a.py")
    assert told.variables == (EnvVar(name="A", value="1"), EnvVar(name="B", value_from="b"))
    given = read_source(folder, ("flask", "run"), (EnvVar(name="B", value="2"),))
    assert given.command == ("flask", "run")
    assert given.variables == (EnvVar(name="A", value="1"), EnvVar(name="B", value="2"))


def test_without_a_command_the_first_python_file_is_run_else_node(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="nothing to run"):
        read_source(tmp_path)
    written(tmp_path, package_json="{}")
    assert read_source(tmp_path).command == ("npm", "run", "start")
    written(tmp_path, b_py="", a_py="")
    assert read_source(tmp_path).command == ("python", "a.py")


@pytest.mark.parametrize(
    "text", ["- a list", "command: {a: b}", "env: {A: b}", "env: [{value: no name}]", "a: [", "x"]
)
def test_an_app_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadSource):
        read_source(written(tmp_path, app_yml=text, a_py=""))


def test_packages_come_from_one_file_and_from_what_is_imported(tmp_path: Path) -> None:
    written(tmp_path, a_py="import streamlit as st\nimport os\nfrom flask import Flask\n")
    written(tmp_path, pyproject_toml='[project]\ndependencies = ["Flask==3.0"]\n')
    assert read_source(tmp_path).requirements == ("Flask==3.0", "streamlit")
    assert read_source(tmp_path, ("uv", "run", "start")).requirements == ()
    written(tmp_path, requirements_txt="streamlit~=1.38\nflask\n")
    assert read_source(tmp_path).requirements == ("streamlit~=1.38", "flask")


def test_what_databricks_has_installed_is_found_by_its_use(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "one.py").write_text("from databricks import sql\nimport mlflow.genai\n")
    written(tmp_path, a_py="from databricks.sdk.core import Config\nimport pandas, fastapi\n")
    written(tmp_path, app_yaml="command: [python, -m, uvicorn, 'a:app']", requirements_txt="mlflow")
    assert read_source(tmp_path).requirements == (
        *("mlflow", "databricks-sdk", "databricks-sql-connector", "fastapi", "uvicorn[standard]"),
    )
    assert dict(VERSIONS)["databricks-sdk"] == "0.33.0"
    named = {one.partition("[")[0] for one in BY_MODULE.values()}
    assert named == set(DOCUMENTED)


def test_links_of_the_source_are_copied_and_not_followed(tmp_path: Path) -> None:
    given, secret = tmp_path / "given", tmp_path / "secret"
    given.mkdir()
    secret.write_text("command: [told]")
    (given / "app.yaml").symlink_to(secret)
    (given / "a.py").write_text("")
    home = Mounts(home=tmp_path / "home")
    (tmp_path / "home").mkdir()
    copy_source(given, tmp_path / "copy", home, tmp_path / "logs" / "log")
    assert (tmp_path / "copy" / "app.yaml").is_symlink()
    assert read_source(tmp_path / "copy").command == ("python", "a.py")


def test_the_port_is_the_one_variable_of_a_command() -> None:
    words = ["serve", "--port", "$DATABRICKS_APP_PORT", "${DATABRICKS_APP_PORT}", "$HOME"]
    assert with_port(words, 7) == ["serve", "--port", "7", "7", "$HOME"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_listening_port_is_found_with_its_process() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert not listens(os.getpid(), port)
        listener.listen()
        assert listens(os.getpid(), port)
    assert not listens(os.getpid(), port)
