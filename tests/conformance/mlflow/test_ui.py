"""MLflow's own pages behind the workspace's sign-in, as a browser's requests have them."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.belief]


class Browser:
    """Requests with a cookie and without following redirects."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.cookie = ""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, str]:
        """(status, headers, text)."""
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        told = {"Content-Type": "application/json", "Accept": "text/html", **headers}
        told |= {"Cookie": self.cookie} if self.cookie else {}
        request = urllib.request.Request(self.host + path, raw, told, method=method)
        try:
            answer = urllib.request.build_opener(NoRedirect).open(request, timeout=60)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            return answer.status, answer.headers, answer.read().decode(errors="replace")

    def sign_in(self, token: str) -> int:
        form = urllib.parse.urlencode({"token": token, "next": "/mlflow/#/experiments"}).encode()
        status, headers, _ = self.ask("POST", "/login", form)
        self.cookie = (headers["Set-Cookie"] or "").partition(";")[0]
        return status


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@pytest.fixture(scope="module")
def run(workspace: Any) -> Any:
    client = workspace.client("dev")
    name = f"/Users/{workspace.user('dev')}/ui-{uuid.uuid4().hex[:8]}"
    made = client.experiments.create_experiment(name)
    found = client.experiments.create_run(experiment_id=made.experiment_id).run.info
    path = f"/WorkspaceInternal/Mlflow/Artifacts/{found.experiment_id}/Runs/{found.run_id}"
    client.api_client.do("PUT", f"/api/2.0/fs/files{path}/artifacts/page.html", data=b"<b>hi</b>")
    return found


def query(run: Any, field: str = "mlflowGetRun") -> Any:
    text = f"query A($data: MlflowGetRunInput!) {{ {field}(input: $data) {{ run {{ info {{"
    return {"query": text + " runName } } } }", "variables": {"data": {"runId": run.run_id}}}


def test_a_person_signs_in_and_sees_what_is_theirs(workspace: Any, somebody: Any, run: Any) -> None:
    browser = Browser(workspace.host("dev"))
    status, _, page = browser.ask("GET", "/mlflow/")
    assert (status, "Paste a token" in page) == (401, True)
    assert browser.sign_in("dapi-wrong") == 403
    assert browser.sign_in(workspace.token("dev")) == 303
    status, headers, page = browser.ask("GET", "/mlflow/")
    assert (status, "static-files" in page) == (200, True)
    script = page.partition('src="')[2].partition('"')[0]
    assert browser.ask("GET", f"/mlflow/{script}")[0] == 200
    api = "/mlflow/ajax-api/2.0/mlflow"
    status, _, text = browser.ask("GET", f"{api}/runs/get?run_id={run.run_id}")
    assert json.loads(text)["run"]["info"]["run_id"] == run.run_id
    status, _, text = browser.ask("POST", "/mlflow/graphql", query(run))
    assert json.loads(text)["data"]["mlflowGetRun"]["run"]["info"]["runName"]
    artifact = f"/mlflow/get-artifact?run_uuid={run.run_id}&path=page.html"
    status, headers, text = browser.ask("GET", artifact)
    assert (status, text) == (200, "<b>hi</b>")
    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["Content-Disposition"] == "attachment"
    info = json.loads(browser.ask("GET", "/mlflow/ajax-api/3.0/mlflow/server-info")[2])
    assert info["workspaces_enabled"] is False
    status, headers, _ = browser.ask(
        "GET", f"/ml/experiments/{run.experiment_id}/runs/{run.run_id}"
    )
    assert headers["Location"].endswith(f"#/experiments/{run.experiment_id}/runs/{run.run_id}")


def test_the_experiments_permissions_hold_in_the_pages(
    workspace: Any, somebody: Any, run: Any
) -> None:
    other, browser = somebody("dev"), Browser(workspace.host("dev"))
    token = other.config.authenticate()["Authorization"].removeprefix("Bearer ")
    assert browser.sign_in(token) == 303
    api = "/mlflow/ajax-api/2.0/mlflow"
    asked = (
        ("GET", f"{api}/runs/get?run_id={run.run_id}", None),
        ("POST", f"{api}/runs/set-tag", {"run_id": run.run_id, "key": "a", "value": "b"}),
        ("POST", "/mlflow/graphql", query(run)),
        ("GET", f"/mlflow/get-artifact?run_uuid={run.run_id}&path=page.html", None),
        ("POST", f"{api}/upload-artifact?run_uuid={run.run_id}&path=x", {}),
        ("POST", f"{api}/experiments/search-datasets", {"experiment_ids": [run.experiment_id]}),
        ("GET", f"{api}/metrics/get-history-bulk?run_id={run.run_id}&metric_key=a", None),
    )
    for method, path, body in asked:
        assert browser.ask(method, path, body)[0] == 403, path
    assert browser.ask("POST", "/mlflow/graphql", query(run, "mlflowSearchModelVersions"))[0] == 403


def test_no_other_page_and_nobody_without_a_session_gets_anything(workspace: Any, run: Any) -> None:
    browser = Browser(workspace.host("dev"))
    api = f"/mlflow/ajax-api/2.0/mlflow/runs/get?run_id={run.run_id}"
    for path in (api, "/mlflow/static-files/favicon.ico", "/mlflow/ajax-api/2.0/mlflow/no/such"):
        assert browser.ask("GET", path)[0] == 401, path
    browser.sign_in(workspace.token("dev"))
    assert browser.ask("GET", api)[0] == 200
    assert browser.ask("GET", api, **{"Sec-Fetch-Site": "same-site"})[0] == 401
    told = {"run_id": run.run_id, "key": "a", "value": "b"}
    post = "/mlflow/ajax-api/2.0/mlflow/runs/set-tag"
    assert browser.ask("POST", post, told, Origin="http://127.0.0.1:1")[0] in (401, 403)
    assert browser.ask("POST", post, told)[0] == 200
    elsewhere = Browser(workspace.host("staging"))
    elsewhere.cookie = browser.cookie
    assert elsewhere.ask("GET", api)[0] == 401
    for path in ("..", "../../mlflow.db", "%2e%2e/x"):
        status, _, _ = browser.ask("GET", f"/mlflow/static-files/{path}")
        assert status in (400, 404), path
        status, _, _ = browser.ask("GET", f"/mlflow/get-artifact?run_uuid={run.run_id}&path={path}")
        assert status in (400, 404), path
