"""Projects from the templates that come along: made, checked, deployed, run and released."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from brickyard.templates import BUILT_IN

LOCAL = [one.name for one in BUILT_IN if "://" not in one.folder]
EVERY = bool(os.environ.get("BRICKYARD_ALL_CLIENTS"))  # what takes long to install, too
UV = str(Path(sys.executable).with_name("uv"))
WITH_PIPELINE = [
    *(
        "agent",
        "empty",
        "ingestion-pipeline",
        "classic-ml",
        "retrieval-agent",
        "data-quality-agent",
    ),
    *("streamlit-app", "empty", "lakeflow-pipelines"),
]
pytestmark = pytest.mark.belief


def brickyard(folder: Path, environment: dict[str, str], *arguments: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "brickyard", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=180,
    )


WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture
def environment(workspace: Any) -> dict[str, str]:
    return {**os.environ, **workspace.environment("dev")}


def made_from(
    template: str, folder: Path, environment: dict[str, str], *, deployed: bool = True
) -> Path:
    """A project with a name of its own, in its folder."""
    name = f"{template.rpartition('-')[2]}_{uuid.uuid4().hex[:8]}"
    (folder / "answers.json").write_text(json.dumps({"project_name": name}))
    made = brickyard(folder, environment, "init", template, "--config-file", "answers.json")
    assert made.returncode == 0, made.stderr
    if deployed:
        done = brickyard(folder / name, environment, "deploy")
        assert done.returncode == 0, done.stderr
    return folder / name


def destroy(project: Path, environment: dict[str, str]) -> None:
    destroyed = brickyard(project, environment, "destroy", "--auto-approve")
    assert destroyed.returncode == 0, destroyed.stderr


@pytest.mark.parametrize("template", LOCAL)
def test_every_template_makes_a_bundle_without_findings(
    tmp_path: Path, environment: dict[str, str], template: str
) -> None:
    (tmp_path / "answers.json").write_text('{"project_name": "shop"}')
    arguments = (template, "--config-file", "answers.json", "-o", "json")
    made = brickyard(tmp_path, environment, "init", *arguments)
    assert made.returncode == 0, made.stderr
    assert "shop/databricks.yml" in json.loads(made.stdout)["outputs"]
    assert "brickyard deploy" in made.stderr
    if "venv_path" in (tmp_path / "shop/databricks.yml").read_text():
        unready = brickyard(tmp_path / "shop", environment, "validate", "--offline")
        assert "uv sync" in unready.stderr, "Python resources need their environment first"
        return
    for target in ("dev", "prod"):
        checked = brickyard(
            tmp_path / "shop", environment, "validate", "--strict", "--offline", "-t", target
        )
        assert checked.returncode == 0, checked.stderr
    held = brickyard(
        tmp_path / "shop", environment, "policy", "check", "-t", "prod", "--evidence", "static"
    )
    assert held.returncode == 0, held.stdout
    assert " 0 violations" in held.stdout
    assert "holds    pinned-requirements-in-production" in held.stdout
    again = brickyard(tmp_path, environment, "bundle", "init", *arguments)
    assert again.returncode == 1
    assert "already exist: " in again.stderr


@pytest.mark.parametrize("template", WITH_PIPELINE)
def test_a_project_with_a_pipeline_is_tested_and_deployed(
    tmp_path: Path, environment: dict[str, str], template: str
) -> None:
    project = made_from(template, tmp_path, environment, deployed=False)
    pipeline = (project / ".github/workflows/brickyard.yml").read_text()
    assert "release promote --to prod" in pipeline
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    done = brickyard(project, environment, "deploy")
    assert done.returncode == 0, done.stderr
    again = brickyard(project, environment, "plan", "--detailed-exitcode")
    assert again.returncode == 0, again.stdout + again.stderr
    if template == "ingestion-pipeline":
        for key in ("land", "ingestion", "check"):
            ran = brickyard(project, environment, "run", key)
            assert ran.returncode == 0, ran.stderr
        assert '"kept": 0.75' in ran.stdout + ran.stderr
    destroy(project, environment)


def test_a_project_of_sql_is_deployed_and_runs(
    tmp_path: Path, environment: dict[str, str], workspace: Any
) -> None:
    project = made_from("default-sql", tmp_path, environment)
    ran = brickyard(project, environment, "run", project.name)
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(brickyard(project, environment, "summary", "-o", "json").stdout)
    schema = summary["resources"]["schemas"]["main"]["id"]
    assert workspace.client("dev").tables.get(f"{schema}.orders_by_day").name == "orders_by_day"
    destroy(project, environment)


def test_a_project_of_python_runs_its_wheel(tmp_path: Path, environment: dict[str, str]) -> None:
    project = made_from("default-python", tmp_path, environment)
    ran = brickyard(project, environment, "run", project.name)
    assert ran.returncode == 0, ran.stderr
    assert "square" in ran.stdout
    destroy(project, environment)


@pytest.mark.slow
def test_an_agent_is_released(tmp_path: Path, workspace: Any) -> None:
    environment = workspace.environment()
    project = made_from("agent", tmp_path, environment, deployed=False)
    who = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "An agent")):
        subprocess.run(["git", *words], cwd=project, check=True)
    released = brickyard(project, environment, "release", "promote", "--to", "dev")
    assert released.returncode == 0, released.stderr
    assert "answered_right >= 0.9" in released.stdout + released.stderr
    destroy(project, environment)


def test_resources_in_python_are_deployed_and_run(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """As its README says: `uv sync`, which installs databricks-bundles, then deploy."""
    project = made_from("pydabs", tmp_path, environment, deployed=False)
    assert Path(UV).exists()
    variables = {key: value for key, value in environment.items() if key != "VIRTUAL_ENV"}
    for words in ([UV, "sync", "--quiet"], [".venv/bin/python", "-m", "pytest", "-q"]):
        done = subprocess.run(
            words, cwd=project, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    deployed = brickyard(project, environment, "deploy")
    assert deployed.returncode == 0, deployed.stderr
    again = brickyard(project, environment, "plan", "--detailed-exitcode")
    assert again.returncode == 0, again.stdout + again.stderr
    ran = brickyard(project, environment, "run", f"{project.name}_job")
    assert ran.returncode == 0, ran.stderr
    assert '{"rows": 10}' in ran.stdout
    destroy(project, environment)


ASK_THE_PAGE = """\
import sys
from streamlit.testing.v1 import AppTest

page = AppTest.from_file(sys.argv[1], default_timeout=120).run()
assert not page.exception, page.exception
page.chat_input[0].set_value("How long does delivery take?").run()
assert not page.exception, page.exception
print([[text.value for text in said.markdown] for said in page.chat_message])
"""


@pytest.mark.slow
@pytest.mark.skipif(not EVERY, reason="Streamlit is large; `make clients` installs it")
def test_a_page_of_streamlit_asks_what_was_released(tmp_path: Path, workspace: Any) -> None:
    """The page itself, by Streamlit's own test; and as it is served, with its websocket."""
    environment = workspace.environment()
    project = made_from("streamlit-app", tmp_path, environment, deployed=False)
    who = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "A page")):
        subprocess.run(["git", *words], cwd=project, check=True)
    released = brickyard(project, environment, "release", "promote", "--to", "dev")
    assert released.returncode == 0, released.stderr
    summary = json.loads(brickyard(project, environment, "summary", "-o", "json").stdout)
    endpoint = summary["resources"]["model_serving_endpoints"]["endpoint"]["id"]

    python = tmp_path / "env/bin/python"
    for words in (
        ["venv", "--quiet", "--python", sys.executable, str(tmp_path / "env")],
        ["pip", "install", "--quiet", "--python", str(python), "-r", "app/requirements.txt"],
    ):
        subprocess.run([UV, *words], cwd=project, check=True)
    asked = subprocess.run(
        [str(python), "-c", ASK_THE_PAGE, str(project / "app/app.py")],
        env={**workspace.environment("dev"), "SERVING_ENDPOINT": endpoint},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    assert "Orders are delivered within three working days." in asked.stdout

    ran = brickyard(project, environment, "run", "site")
    assert ran.returncode == 0, ran.stderr
    url = urlsplit(workspace.client("dev").apps.get(f"{project.name}-dev".replace("_", "-")).url)
    answers = {}
    for path, more in (
        ("/", {}),
        ("/_stcore/health", {}),
        ("/_stcore/stream", WEBSOCKET),
    ):
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=60)
        connection.request(
            "GET", path, headers={"Authorization": f"Bearer {workspace.token('dev')}", **more}
        )
        answers[path] = connection.getresponse().status
        connection.close()
    assert answers == {"/": 200, "/_stcore/health": 200, "/_stcore/stream": 101}
    destroy(project, environment)


def test_what_is_no_template_is_told(tmp_path: Path, environment: dict[str, str]) -> None:
    for template, word in (("nowhere", "none in nowhere"), ("default-scala", "runs no JVM")):
        refused = brickyard(tmp_path, environment, "init", template)
        assert refused.returncode == 1
        assert word in refused.stderr
        assert "Traceback" not in refused.stderr
