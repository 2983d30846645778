"""A bundle with an app: deployed, run, asked, changed, started by the bundle, destroyed."""

from __future__ import annotations

import http.client
import json
import re
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest

pytestmark = [pytest.mark.slow, pytest.mark.recorded]

BUNDLE = """\
bundle:
  name: {name}
targets:
  dev:
    default: true
    mode: development
resources:
  jobs:
    sweep:
      name: sweep
      tasks:
        - task_key: t
          condition_task: {{op: EQUAL_TO, left: a, right: a}}
  apps:
    site:
      name: {app}
      description: Greets.
      source_code_path: ./src/site
      resources:
        - name: sweep
          job: {{id: "${{resources.jobs.sweep.id}}", permission: CAN_MANAGE_RUN}}
      config:
        command: [python, serve.py]
        env:
          - {{name: GREETING, value: hello}}
          - {{name: SWEEP, value_from: sweep}}
"""
SERVE = """\
import http.server, json, os

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        told = {name: os.environ.get(name) for name in ("GREETING", "SWEEP")}
        body = json.dumps({"version": "one", **told}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

port = int(os.environ["DATABRICKS_APP_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Site).serve_forever()
"""


@pytest.fixture
def bundle(tmp_path: Path, workspace: Any) -> Iterator[BundleUnderTest]:
    name = f"site-{uuid.uuid4().hex[:8]}"
    folder = tmp_path / "bundle"
    (folder / "src" / "site").mkdir(parents=True)
    (folder / "src" / "site" / "serve.py").write_text(SERVE)
    (folder / "databricks.yml").write_text(BUNDLE.format(name=name, app=name))
    made = BundleUnderTest(name=name, folder=folder, environment=workspace.environment("dev"))
    yield made
    made("destroy", "--auto-approve", code=None)


def answer(url: str, token: str) -> Any:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    connection.request("GET", "/", headers={"Authorization": f"Bearer {token}"})
    got = connection.getresponse()
    text = got.read()
    connection.close()
    assert got.status == 200, text
    return json.loads(text)


def test_an_app_is_deployed_run_changed_and_destroyed(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    client, token = workspace.client("dev"), workspace.token()
    assert "app site is not deployed" in bundle("run", "site", code=1).err
    bundle("deploy")
    assert bundle("plan", "--detailed-exitcode").out.startswith("Plan: 0 to add, 0 to change")
    ran = bundle("run", "site")
    for said in ("Starting the app", "App is started!", "App started successfully"):
        assert said in ran.err
    found = re.search(r"You can access the app at (http\S+)", ran.err)
    assert found is not None
    url = found[1]
    job = bundle("summary", "-o", "json").data["resources"]["jobs"]["sweep"]["id"]
    told = answer(url, token)
    assert told == {"version": "one", "GREETING": "hello", "SWEEP": job}
    robot = client.apps.get(bundle.name).service_principal_client_id
    entries = client.jobs.get_permissions(job).access_control_list
    assert robot in {entry.service_principal_name for entry in entries}
    assert bundle("plan", "--detailed-exitcode").out.startswith("Plan: 0 to add, 0 to change")

    serve = bundle.folder / "src" / "site" / "serve.py"
    serve.write_text(SERVE.replace('"one"', '"two"'))
    bundle.edit("value: hello", "value: welcome")
    assert "update apps.site" in bundle("plan").out
    bundle("deploy")
    assert answer(url, token)["version"] == "one"  # a deploy alone runs nothing
    bundle("run", "apps.site")
    told = answer(url, token)
    assert (told["version"], told["GREETING"]) == ("two", "welcome")
    assert bundle("plan", "--detailed-exitcode").out.startswith("Plan: 0 to add, 0 to change")

    serve.write_text("raise SystemExit('it does not start')\n")
    bundle("deploy")
    failed = bundle("run", "site", code=1)
    assert "it does not start" in failed.err
    assert answer(url, token)["version"] == "two"

    bundle("destroy", "--auto-approve")
    assert bundle.name not in {app.name for app in client.apps.list()}
    assert "No active deployment" in bundle("destroy", "--auto-approve").err


def test_a_started_app_is_deployed_with_its_bundle(bundle: BundleUnderTest, workspace: Any) -> None:
    client, token = workspace.client("dev"), workspace.token()
    started = "      description: Greets.\n      lifecycle: {started: true}\n"
    bundle.edit("      description: Greets.\n", started)
    bundle("deploy")
    url = client.apps.get(bundle.name).url
    assert answer(url, token)["GREETING"] == "hello"
    assert bundle("plan", "--detailed-exitcode").out.startswith("Plan: 0 to add, 0 to change")
    bundle.edit("value: hello", "value: welcome")
    bundle("deploy")
    assert answer(url, token)["GREETING"] == "welcome"
    bundle.edit("started: true", "started: false")
    bundle("deploy")
    assert client.apps.get(bundle.name).compute_status.state.value == "STOPPED"
    assert bundle("plan", "--detailed-exitcode").out.startswith("Plan: 0 to add, 0 to change")
