"""The workspace's pages, as a browser gets them: every link leads somewhere, and only one's own."""

from __future__ import annotations

import html
import http.cookiejar
import io
import json
import re
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import catalog, compute, jobs, serving, sql, vectorsearch
from databricks.sdk.service.workspace import ImportFormat

pytestmark = [pytest.mark.slow, pytest.mark.belief]

LINK: Final = re.compile(r'href="(/[^"]*)"')
EVIL: Final = "<script>alert(1)</script>"
RECORD: Final = "/Shared/.bundle/pages/dev.releases/00001-0123456789abcdef.json"
ELSEWHERE: Final = ("/mlflow/",)  # MLflow's own pages, which have tests of their own


class Browser:
    """Keeps cookies and follows nobody's redirects but those that are asked for."""

    def __init__(self, host: str) -> None:
        self.host = host
        keeper = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(keeper, NoRedirect)

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, Any, str]:
        """(status, headers, text)."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(self.host + path, data, {"Accept": "text/html"})
        try:
            answer = self._opener.open(request, timeout=60)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            return answer.status, answer.headers, answer.read().decode(errors="replace")

    def sign_in(self, token: str, after: str = "/") -> str:
        """Where it leads."""
        status, headers, text = self.ask("/login", {"token": token, "next": after})
        assert status == 303, text
        return str(headers["Location"])


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@pytest.fixture(scope="module")
def browser(workspace: Any) -> Browser:
    made = Browser(workspace.host("dev"))
    made.sign_in(workspace.token("dev"))
    return made


@pytest.fixture(scope="module")
def name() -> str:
    return f"pages_{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def run(workspace: Any, name: str) -> jobs.Run:
    """A run that ended, of a job whose name is HTML, with something of every other kind beside."""
    client = workspace.client("dev")
    warehouse = next(iter(client.warehouses.list())).id
    client.schemas.create(name, "dev")
    client.volumes.create("dev", name, "files", catalog.VolumeType.MANAGED)
    client.files.upload(f"/Volumes/dev/{name}/files/deep/er.txt", io.BytesIO(b"x"))
    client.registered_models.create(catalog_name="dev", schema_name=name, name="model")
    for text in (
        f"CREATE TABLE dev.{name}.things AS SELECT 1 AS id, '{EVIL}' AS said",
        f"CREATE FUNCTION dev.{name}.twice(x INT) RETURNS INT RETURN x * 2",
    ):
        done = client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")
        assert done.status.state is sql.StatementState.SUCCEEDED, done.status
    client.serving_endpoints.create(
        name.replace("_", "-"),
        ai_gateway=serving.AiGatewayConfig(
            usage_tracking_config=serving.AiGatewayUsageTrackingConfig(enabled=True)
        ),
    )
    client.vector_search_endpoints.create_endpoint(name, vectorsearch.EndpointType.STANDARD)
    client.pipelines.create(name=name, catalog="dev", schema=name, serverless=True)
    client.clusters.create("15.4.x-scala2.12", cluster_name=name, num_workers=0)
    client.instance_pools.create(name, "i3.xlarge")
    client.lakeview.create(sql_dashboard(name))
    client.workspace.mkdirs("/Shared/.bundle/pages/dev.releases")
    record = {"bundle": "pages", "sequence": 1, "result": "succeeded", "gate": ["a >= 1: 2"]}
    record["approvals"] = [{"who": "ann", "decision": "approve", "why_void": "wrote the commit"}]
    record |= {"steps": [{"step": "ask", "action": "query", "result": "succeeded"}]}
    put(
        client, "/Shared/.bundle/pages/dev.releases/00001-0123456789abcdef.json", json.dumps(record)
    )
    put(client, f"/Shared/{name}.py", "print('\\x1b[31mred\\x1b[0m', 1)\n")
    task = jobs.Task(
        task_key="say", spark_python_task=jobs.SparkPythonTask(f"/Workspace/Shared/{name}.py")
    )
    task.environment_key = "base"
    base = jobs.JobEnvironment("base", compute.Environment(environment_version="2"))
    made = client.jobs.create(name=f"{name} {EVIL}", tasks=[task], environments=[base])
    return client.jobs.run_now(made.job_id).result()


def sql_dashboard(name: str) -> Any:
    from databricks.sdk.service.dashboards import Dashboard

    return Dashboard(display_name=name, serialized_dashboard='{"pages": []}')


def put(client: WorkspaceClient, path: str, text: str) -> None:
    content = io.BytesIO(text.encode())
    client.workspace.upload(path, content, format=ImportFormat.AUTO, overwrite=True)


def test_every_link_leads_somewhere(browser: Browser, run: jobs.Run, name: str) -> None:
    seen: dict[str, int] = {}
    ahead = ["/"]
    while ahead:
        path = ahead.pop()
        if path in seen or path.startswith(ELSEWHERE) or _is_of_others(path, name, run):
            continue
        seen[path], headers, text = browser.ask(path)
        assert seen[path] == 200, f"{path}: {text[-2000:]}"
        assert EVIL not in text
        assert "script-src 'nonce-" in headers["Content-Security-Policy"]
        ahead += [html.unescape(link) for link in LINK.findall(text)]
    data = f"/explore/data/{{}}dev/{name}/{{}}"
    wanted = {
        f"/jobs/{run.job_id}/runs/{run.run_id}",
        data.format("", "things"),
        data.format("volumes/", "files") + "/deep",
        data.format("models/", "model"),
        data.format("functions/", "twice"),
        f"/ml/endpoints/{name.replace('_', '-')}",
        f"/compute/vector-search/{name}",
        f"/files{RECORD}",
    }
    assert wanted <= set(seen)
    for kind in ("pipelines", "compute/clusters", "compute/instance-pools", "dashboardsv3"):
        assert any(path.startswith(f"/{kind}/") for path in seen), kind


def _is_of_others(path: str, name: str, run: jobs.Run) -> bool:
    """What other tests made in the same workspace is not gone through."""
    parts = urllib.parse.unquote(path).strip("/").split("/")
    if parts[0] == "explore":
        inside = (
            parts[3:]
            if len(parts) > 2 and parts[2] in ("volumes", "models", "functions")
            else parts[2:]
        )
        return len(inside) > 1 and inside[1] != name
    if parts[0] == "files":
        return (len(parts) > 2 and parts[1] == "Users") or (len(parts) > 3 and parts[3] != "pages")
    if parts[0] == "jobs":
        return len(parts) > 1 and parts[1] != str(run.job_id)
    return parts[0] in ("apps", "genie", "sql") and len(parts) > 2


def test_a_run_tells_what_its_task_said(browser: Browser, run: jobs.Run) -> None:
    _, _, text = browser.ask(f"/jobs/{run.job_id}/runs/{run.run_id}")
    assert "red 1" in text
    assert "SUCCESS" in text
    assert "\x1b" not in text
    assert 'http-equiv="refresh"' not in text


def test_a_release_is_shown_step_by_step(browser: Browser, run: jobs.Run) -> None:
    text = " ".join(re.sub(r"<[^>]+>", " ", browser.ask(f"/files{RECORD}")[2]).split())
    assert "pages, release 1 " in text
    assert "ask query succeeded" in text
    assert "a &gt;= 1: 2" in text
    assert "ann approve wrote the commit" in text


def test_rows_are_shown_to_who_asks(browser: Browser, run: jobs.Run, name: str) -> None:
    path = f"/explore/data/dev/{name}/things"
    assert "First 1 rows" not in browser.ask(path)[2]
    text = browser.ask(f"{path}?rows=1")[2]
    assert "First 1 rows" in text
    assert html.escape(EVIL) in text


def test_who_has_not_signed_in_gets_the_form_and_nothing_else(
    workspace: Any, run: jobs.Run
) -> None:
    stranger = Browser(workspace.host("dev"))
    for path in ("/", "/jobs", f"/jobs/{run.job_id}", "/explore/data", "/no/such/page"):
        status, _, text = stranger.ask(path)
        assert status == 401, path
        assert EVIL not in html.unescape(text)
    status, headers, _ = stranger.ask("/login", {"token": "dapi-wrong", "next": "/"})
    assert (status, headers["Set-Cookie"]) == (403, None)
    for after in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:1"):
        assert stranger.sign_in(workspace.token("dev"), after) == "/"
    assert stranger.sign_in(workspace.token("dev"), "/jobs?x=1#y") == "/jobs?x=1#y"
    assert stranger.ask("/jobs")[0] == 200
    assert stranger.ask("/logout", {})[0] == 303
    assert stranger.ask("/jobs")[0] == 401


def test_pages_show_what_the_person_may_see(
    workspace: Any, somebody: Callable[..., WorkspaceClient], run: jobs.Run, name: str
) -> None:
    other = somebody("dev").config.authenticate()["Authorization"].removeprefix("Bearer ")
    guest = Browser(workspace.host("dev"))
    guest.sign_in(other)
    assert name not in guest.ask("/jobs")[2]
    for path in (f"/jobs/{run.job_id}", f"/jobs/{run.job_id}/runs/{run.run_id}"):
        status, _, text = guest.ask(path)
        assert status in (403, 404), path
        assert "red 1" not in text
    assert guest.ask(f"/files/Users/{workspace.user('dev')}")[0] in (403, 404)


def test_a_program_gets_json(workspace: Any) -> None:
    request = urllib.request.Request(workspace.host("dev") + "/jobs/1")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        assert json.loads(answer.read())["error_code"] == "UNAUTHENTICATED"
