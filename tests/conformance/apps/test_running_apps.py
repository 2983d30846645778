"""Apps that run: what they are told, what passes their door, who may enter, how they end."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from databricks.sdk.errors import OperationFailed, PermissionDenied, ResourceConflict
from databricks.sdk.service import apps
from databricks.sdk.service.apps import App, AppAccessControlRequest, AppPermissionLevel

from brickyard.workspace.processes import has_own_ports

from .conftest import MAIN, put_source

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from tests.conftest import EmbeddedServer

pytestmark = pytest.mark.slow
Make = Callable[..., Any]
APP_YAML = """
command: [python, main.py, "--port", "$DATABRICKS_APP_PORT"]
env:
- {name: PLAIN, value: from-file}
- {name: OTHER, value: from-file}
- {name: PASSWORD, valueFrom: password}
- {name: ENDPOINT, valueFrom: kept}
"""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(url: str, path: str, *, token: str = "", method: str = "GET", **options: Any) -> Answer:
    """One request that follows nothing."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    headers = dict(options.get("headers") or {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, body=options.get("body"), headers=headers)
    got = connection.getresponse()
    answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read().decode())
    connection.close()
    return answer


def wait_for(look: Callable[[], bool], *, limit_s: float = 120) -> None:
    give_up_at = time.monotonic() + limit_s
    while not look():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


class Running(NamedTuple):
    name: str
    url: str
    folder: str


@pytest.fixture(scope="module")
def running(dev: WorkspaceClient, make: Make) -> Any:
    """An app that was deployed from a folder, with a secret among its resources."""
    scope = f"app-{uuid.uuid4().hex[:8]}"
    dev.secrets.create_scope(scope)
    dev.secrets.put_secret(scope, "password", string_value="open sesame")
    secret = apps.AppResourceSecret(
        scope=scope, key="password", permission=apps.AppResourceSecretSecretPermission.READ
    )
    dev.api_client.do("POST", "/api/2.0/postgres/projects", query={"project_id": scope}, body={})
    branch = f"projects/{scope}/branches/production"
    kept = apps.AppResourcePostgres(
        branch=branch,
        database=f"{branch}/databases/databricks-postgres",
        permission=apps.AppResourcePostgresPostgresPermission.CAN_CONNECT_AND_CREATE,
    )
    made = make(
        no_compute=False,
        resources=[
            apps.AppResource(name="password", secret=secret),
            apps.AppResource(name="kept", postgres=kept),
        ],
        user_api_scopes=["sql"],
    )
    folder = f"/Workspace/Shared/{made.name}"
    put_source(dev, folder, main_py=MAIN % {"version": "one"}, app_yaml=APP_YAML)
    variables = [apps.EnvVar(name="OTHER", value="from-deployment")]
    deployment = apps.AppDeployment(source_code_path=folder, env_vars=variables)
    done = dev.apps.deploy_and_wait(made.name, deployment)
    assert done.status.message == "App started successfully"
    yield Running(made.name, made.url, folder)
    dev.apps.delete(made.name)
    dev.secrets.delete_scope(scope)


@pytest.mark.documented
def test_an_app_is_told_who_it_is_and_who_is_there(
    dev: WorkspaceClient, workspace: EmbeddedServer, running: Running
) -> None:
    forged = {"X-Forwarded-Email": "root@evil", "X-Own": "kept"}
    got = ask(
        running.url, "/a%2Fb?c=d", token=workspace.token(), method="POST", headers=forged, body="hi"
    )
    told = got.json
    assert (got.status, told["path"], told["body"]) == (200, "/a%2Fb?c=d", "hi")
    me, app = dev.current_user.me(), dev.apps.get(running.name)
    headers = told["headers"]
    assert headers["X-Forwarded-Email"] == me.user_name
    assert headers["X-Forwarded-User"] == f"{me.id}@{dev.get_workspace_id()}"
    assert (headers["X-Own"], "Authorization" in headers) == ("kept", False)
    visitor = workspace.client("dev", token=headers["X-Forwarded-Access-Token"])
    assert visitor.current_user.me().user_name == me.user_name
    list(visitor.warehouses.list())
    with pytest.raises(PermissionDenied, match="required scopes: unity-catalog"):
        list(visitor.catalogs.list())
    assert ask(running.url, "/", token=headers["X-Forwarded-Access-Token"]).status == 403
    env = told["env"]
    assert env["DATABRICKS_APP_NAME"] == running.name
    assert env["DATABRICKS_CLIENT_ID"] == app.service_principal_client_id
    assert (env["PLAIN"], env["OTHER"]) == ("from-file", "from-deployment")
    assert env["PASSWORD"] == "open sesame"
    assert env["ENDPOINT"].endswith("/branches/production/endpoints/primary")
    assert (env["PGDATABASE"], env["PGPORT"]) == ("databricks_postgres", "5432")
    assert (env["PGUSER"], env["PGAPPNAME"]) == (app.service_principal_client_id, running.name)
    way = dev.api_client.do("GET", f"/api/2.0/postgres/{env['ENDPOINT']}")
    assert env["PGHOST"] == way["status"]["hosts"]["host"]
    if has_own_ports():
        assert env["DATABRICKS_APP_PORT"] == "8000"
    assert "DATABRICKS_TOKEN" not in env
    assert "main.py" in told["files"]
    shown = json.dumps(app.as_dict())
    assert "open sesame" not in shown


@pytest.mark.documented
def test_an_app_acts_as_its_own_service_principal(
    dev: WorkspaceClient, workspace: EmbeddedServer, running: Running
) -> None:
    token, robot = workspace.token(), dev.apps.get(running.name).service_principal_client_id
    me = ask(running.url, "/myself?path=/api/2.0/preview/scim/v2/Me", token=token)
    assert me.json["userName"] == robot
    kept = next(one.postgres for one in dev.apps.get(running.name).resources or () if one.postgres)
    branch = ask(running.url, f"/myself?path=/api/2.0/postgres/{kept.branch}", token=token)
    assert branch.json["name"] == kept.branch
    jobs = ask(running.url, "/myself?path=/api/2.0/apps/" + running.name, token=token)
    assert jobs.status == 403


@pytest.mark.belief
def test_an_app_sees_nothing_of_the_data_directory(
    workspace: EmbeddedServer, running: Running
) -> None:
    home = urllib.parse.quote(str(workspace.home))
    got = ask(running.url, f"/read?path={home}", token=workspace.token())
    assert got.text.split(",") == ["apps", "environments"]


@pytest.mark.documented
def test_answers_are_streamed_and_redirects_passed_on(
    workspace: EmbeddedServer, running: Running
) -> None:
    token = workspace.token()
    moved = ask(running.url, "/moved", token=token)
    assert (moved.status, moved.headers["location"]) == (302, "/elsewhere")
    request = urllib.request.Request(
        running.url + "/parts", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as got:
        assert got.read(6) == b"first "  # before the rest exists
        ask(running.url, "/go", token=token)
        assert got.read() == b"second"


@pytest.mark.documented
def test_websockets_pass_both_ways_for_who_may_enter(
    workspace: EmbeddedServer, running: Running
) -> None:
    import aiohttp

    async def talk(headers: Mapping[str, str]) -> tuple[str, str | None]:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(running.url + "/socket", protocols=("chat",)) as stream,
        ):
            await stream.send_str("hello")
            return await stream.receive_str(timeout=10), stream.protocol

    mine = {"Authorization": f"Bearer {workspace.token()}"}
    assert asyncio.run(talk(mine)) == ("HELLO", "chat")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        asyncio.run(talk({}))


@pytest.mark.documented
def test_the_door_opens_for_tokens_with_can_use_only(
    dev: WorkspaceClient, workspace: EmbeddedServer, running: Running, somebody: Any
) -> None:
    assert ask(running.url, "/").status == 401
    assert ask(running.url, "/", token="dapi00").status == 403
    assert ask(running.url, "/", token=workspace.token("prod")).status == 403
    other = somebody()
    token = other.config.authenticate()["Authorization"].removeprefix("Bearer ")
    assert ask(running.url, "/", token=token).status == 403
    me = other.current_user.me().user_name
    entry = AppAccessControlRequest(
        service_principal_name=me, permission_level=AppPermissionLevel.CAN_USE
    )
    dev.apps.update_permissions(running.name, access_control_list=[entry])
    assert ask(running.url, "/", token=token).json["headers"]["X-Forwarded-Email"] == me
    assert ask(running.url, "/logz", token=token).status == 403  # for its managers
    assert (
        ask(running.url, "/", token=workspace.token(), headers={"Host": "evil.example"}).status
        == 403
    )


@pytest.mark.belief
def test_a_browser_signs_in_once_for_one_app(workspace: EmbeddedServer, running: Running) -> None:
    page = {"Accept": "text/html"}
    sent_away = ask(running.url, "/deep?x=1", headers=page)
    assert sent_away.status == 302
    assert sent_away.headers["location"] == "/.auth/login?next=%2Fdeep%3Fx%3D1"
    assert 'name="token"' in ask(running.url, "/.auth/login", headers=page).text

    def sign_in(token: str, after: str, **headers: str) -> Answer:
        form = urllib.parse.urlencode({"token": token, "next": after})
        return ask(running.url, "/.auth/login", method="POST", body=form, headers=headers)

    assert sign_in("dapi00", "/").status == 403
    assert sign_in(workspace.token(), "/", Origin="http://127.0.0.1:1").status == 403
    assert sign_in(workspace.token(), "//evil.example").headers["location"] == "/"
    done = sign_in(workspace.token(), "/deep?x=1")
    assert (done.status, done.headers["location"]) == (303, "/deep?x=1")
    cookie = done.headers["set-cookie"].partition(";")[0]
    assert "HttpOnly" in done.headers["set-cookie"]
    told = ask(running.url, "/", headers={"Cookie": f"{cookie}; own=1"}).json
    assert told["headers"]["Cookie"] == "own=1"
    assert ask(running.url, "/", headers={"Cookie": cookie + "0"}).status == 401
    crossed = {"Cookie": cookie, "Origin": "http://127.0.0.1:1"}
    assert ask(running.url, "/", headers=crossed).status == 401
    assert ask(workspace.host(), "/api/2.0/apps", headers={"Cookie": cookie}).status == 401


@pytest.mark.documented
def test_a_deployment_replaces_the_source_and_a_bad_one_does_not(
    dev: WorkspaceClient, workspace: EmbeddedServer, running: Running
) -> None:
    token = workspace.token()
    before = dev.apps.get(running.name)
    put_source(dev, running.folder, main_py="raise SystemExit('no such luck')")
    deployment = apps.AppDeployment(source_code_path=running.folder)
    with pytest.raises(OperationFailed, match="no such luck"):
        dev.apps.deploy_and_wait(running.name, deployment)
    assert ask(running.url, "/", token=token).json["version"] == "one"
    after = dev.apps.get(running.name)
    assert after.active_deployment.deployment_id == before.active_deployment.deployment_id
    put_source(dev, running.folder, main_py=MAIN % {"version": "two"})
    begun = dev.apps.deploy(running.name, deployment)
    with pytest.raises(ResourceConflict, match="active deployment in progress"):
        dev.apps.deploy(running.name, deployment)
    done = begun.result()
    assert ask(running.url, "/", token=token).json["version"] == "two"
    got = dev.apps.get(running.name)
    assert got.active_deployment.deployment_id == done.deployment_id
    assert got.default_source_code_path == running.folder
    states = [one.status.state.value for one in dev.apps.list_deployments(running.name)]
    assert states[:3] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    unknown = [apps.EnvVar(name="X", value_from="nothing")]
    with pytest.raises(OperationFailed, match="error resolving resource nothing"):
        dev.apps.deploy_and_wait(
            running.name,
            apps.AppDeployment(source_code_path=running.folder, env_vars=unknown),
        )


@pytest.mark.belief
def test_a_crashed_app_says_so_and_is_started_again(
    dev: WorkspaceClient, workspace: EmbeddedServer, running: Running
) -> None:
    token = workspace.token()
    assert ask(running.url, "/crash", token=token).status == 502
    seen: set[str] = set()

    def is_back() -> bool:
        status = dev.apps.get(running.name).app_status
        seen.add(status.state.value)
        if status.state.value == "CRASHED":
            assert "crashing as asked" in status.message
        return status.state.value == "RUNNING" and "CRASHED" in seen

    wait_for(is_back)
    assert ask(running.url, "/", token=token).status == 200
    assert "crashing as asked" in ask(running.url, "/logz", token=token).text


@pytest.mark.recorded
def test_a_stopped_app_answers_nobody_and_starts_with_what_it_ran(
    dev: WorkspaceClient, workspace: EmbeddedServer, running: Running
) -> None:
    token = workspace.token()
    before = dev.apps.get(running.name).active_deployment.deployment_id
    dev.apps.stop_and_wait(running.name)
    got = dev.apps.get(running.name)
    assert (got.active_deployment, got.app_status.state.value) == (None, "UNAVAILABLE")
    assert ask(running.url, "/", token=token).status == 503
    dev.apps.start_and_wait(running.name)
    wait_for(lambda: dev.apps.get(running.name).active_deployment is not None)
    assert dev.apps.get(running.name).active_deployment.deployment_id == before
    assert ask(running.url, "/", token=token).status == 200


@pytest.mark.documented
def test_somebody_without_special_rights_runs_an_app_of_their_own_files(
    dev: WorkspaceClient, somebody: Any
) -> None:
    other = somebody()
    home = f"/Workspace/Users/{other.current_user.me().user_name}"
    folder = put_source(other, f"{home}/site", main_py=MAIN % {"version": "mine"})
    name = f"app-{uuid.uuid4().hex[:8]}"
    made = other.apps.create_and_wait(App(name=name))
    try:
        other.apps.deploy_and_wait(name, apps.AppDeployment(source_code_path=folder))
        token = other.config.authenticate()["Authorization"].removeprefix("Bearer ")
        assert ask(made.url, "/", token=token).json["version"] == "mine"
        private = put_source(dev, "/Workspace/Users/root-only", main_py=MAIN % {"version": "no"})
        with pytest.raises(PermissionDenied):
            other.apps.deploy(name, apps.AppDeployment(source_code_path=private))
    finally:
        other.apps.delete(name)


@pytest.mark.documented
def test_with_auto_sync_an_app_follows_its_source(
    dev: WorkspaceClient, workspace: EmbeddedServer, make: Make
) -> None:
    made = make(no_compute=False)
    folder = f"/Workspace/Shared/{made.name}"
    put_source(dev, folder, main_py=MAIN % {"version": "one"})
    mode = apps.AppDeploymentMode.AUTO_SYNC
    done = dev.apps.deploy_and_wait(
        made.name, apps.AppDeployment(source_code_path=folder, mode=mode)
    )
    put_source(dev, folder, main_py=MAIN % {"version": "two"})

    def is_second() -> bool:
        got = ask(made.url, "/", token=workspace.token())
        return got.status == 200 and got.json["version"] == "two"

    wait_for(is_second)
    assert dev.apps.get(made.name).active_deployment.deployment_id == done.deployment_id


@pytest.mark.belief
def test_after_a_kill_apps_run_at_the_same_address_and_deployments_are_finished(
    own_workspace: EmbeddedServer,
) -> None:
    client = own_workspace.client("dev")
    made = client.apps.create_and_wait(App(name="sudden"))
    folder = put_source(client, "/Workspace/Shared/sudden", main_py=MAIN % {"version": "one"})
    deployment = apps.AppDeployment(source_code_path=folder)
    client.apps.deploy_and_wait("sudden", deployment)
    client.apps.create(App(name="resting"), no_compute=True)
    put_source(client, folder, main_py=MAIN % {"version": "two"})
    begun = client.apps.deploy("sudden", deployment).deployment_id
    own_workspace.kill()
    own_workspace.start()
    client = own_workspace.client("dev")
    assert client.apps.get("sudden").url == made.url

    def is_finished() -> bool:
        return client.apps.get_deployment("sudden", begun).status.state.value == "SUCCEEDED"

    wait_for(is_finished)
    told = ask(made.url, "/", token=own_workspace.token()).json
    assert (told["version"], told["env"]["DATABRICKS_HOST"]) == ("two", own_workspace.host())
    assert client.apps.get("resting").compute_status.state.value == "STOPPED"
