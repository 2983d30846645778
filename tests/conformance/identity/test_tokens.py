"""Tokens, OAuth and what a request without a good credential gets."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated

ME = "/api/2.0/preview/scim/v2/Me"


def ask(
    url: str, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
) -> tuple[int, Any]:
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.documented
def test_metadata_needs_no_token_and_names_the_workspace(workspace: Any) -> None:
    status, body = ask(workspace.host("dev") + "/.well-known/databricks-config")
    assert status == 200
    assert body["oidc_endpoint"] == workspace.host("dev") + "/oidc"
    client = workspace.client("dev")
    assert body["workspace_id"] == str(client.get_workspace_id())


@pytest.mark.documented
def test_a_request_without_a_token_is_unauthenticated(workspace: Any) -> None:
    status, body = ask(workspace.host("dev") + ME)
    assert (status, body["error_code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.belief
def test_a_wrong_token_is_refused_in_json(workspace: Any) -> None:
    wrong = WorkspaceClient(host=workspace.host("dev"), token="dapi" + "0" * 40)
    with pytest.raises((PermissionDenied, Unauthenticated)):
        wrong.current_user.me()


@pytest.mark.belief
def test_a_token_is_good_in_its_own_workspace_only(workspace: Any) -> None:
    elsewhere = WorkspaceClient(host=workspace.host("prod"), token=workspace.token("dev"))
    with pytest.raises(PermissionDenied, match="another workspace"):
        elsewhere.current_user.me()


@pytest.mark.documented
def test_a_token_lives_until_it_is_deleted(workspace: Any) -> None:
    client = workspace.client("dev")
    made = client.tokens.create(comment="for a test", lifetime_seconds=600)
    own = WorkspaceClient(host=workspace.host("dev"), token=made.token_value)
    assert own.current_user.me().user_name == client.current_user.me().user_name
    assert made.token_info.token_id in {one.token_id for one in client.tokens.list()}
    client.tokens.delete(made.token_info.token_id)
    with pytest.raises(PermissionDenied):
        own.current_user.me()
    with pytest.raises(NotFound):
        client.tokens.delete(made.token_info.token_id)


@pytest.mark.documented
def test_a_token_expires(workspace: Any) -> None:
    made = workspace.client("dev").tokens.create(lifetime_seconds=5)
    own = WorkspaceClient(host=workspace.host("dev"), token=made.token_value)
    assert own.current_user.me().user_name
    time.sleep(max(0, made.token_info.expiry_time / 1000 + 0.1 - time.time()))
    with pytest.raises(PermissionDenied, match="expired"):
        own.current_user.me()


@pytest.mark.documented
def test_tokens_of_others_are_seen_by_administrators_only(workspace: Any, somebody: Any) -> None:
    robot = somebody()
    theirs = robot.tokens.create(comment="theirs").token_info.token_id
    assert theirs not in {one.token_id for one in workspace.client("dev").tokens.list()}
    managed = workspace.client("dev").token_management.list()
    assert theirs in {one.token_id for one in managed}
    with pytest.raises(PermissionDenied):
        list(robot.token_management.list())
    default = workspace.client("dev").tokens.list()
    with pytest.raises(NotFound):
        robot.tokens.delete(next(iter(default)).token_id)


@pytest.mark.documented
def test_basic_authentication_takes_a_token_as_password(workspace: Any) -> None:
    pair = base64.b64encode(f"token:{workspace.token('dev')}".encode()).decode()
    status, _ = ask(workspace.host("dev") + ME, {"Authorization": f"Basic {pair}"})
    assert status == 200


@pytest.mark.documented
def test_a_service_principal_signs_in_with_its_secret(workspace: Any, somebody: Any) -> None:
    robot = somebody()
    me = robot.current_user.me()
    assert me.user_name == robot.config.client_id
    assert "admins" not in {group.display for group in me.groups or []}


@pytest.mark.documented
def test_a_service_principal_cannot_sign_in_where_it_is_not_assigned(
    workspace: Any, somebody: Any
) -> None:
    robot = somebody("dev")
    form = {
        "grant_type": "client_credentials",
        "client_id": robot.config.client_id,
        "client_secret": robot.config.client_secret,
    }
    status, body = ask(workspace.host("dev") + "/oidc/v1/token", form=form)
    assert (status, body["token_type"]) == (200, "Bearer")
    assert body["expires_in"] == 3600
    status, body = ask(workspace.host("prod") + "/oidc/v1/token", form=form)
    assert (status, body["error"]) == (401, "invalid_client")


@pytest.mark.documented
def test_other_grants_are_refused_in_the_form_of_oauth(workspace: Any) -> None:
    form = {"grant_type": "authorization_code", "code": "1"}
    status, body = ask(workspace.host("dev") + "/oidc/v1/token", form=form)
    assert (status, body["error"]) == (400, "unsupported_grant_type")
    assert "personal access token" in body["error_description"]


@pytest.mark.documented
def test_a_deleted_secret_gives_no_more_tokens(workspace: Any) -> None:
    admin = workspace.client("dev")
    robot = admin.service_principals.create(display_name=f"robot-{uuid.uuid4().hex[:6]}")
    secret = admin.service_principal_secrets_proxy.create(robot.id, lifetime="600s")
    form = {
        "grant_type": "client_credentials",
        "client_id": robot.application_id,
        "client_secret": secret.secret,
    }
    url = workspace.host("dev") + "/oidc/v1/token"
    status, first = ask(url, form=form)
    assert status == 200
    assert [one.id for one in admin.service_principal_secrets_proxy.list(robot.id)] == [secret.id]
    admin.service_principal_secrets_proxy.delete(robot.id, secret.id)
    assert ask(url, form=form)[0] == 401
    admin.service_principals.delete(robot.id)
    status, _ = ask(workspace.host("dev") + ME, bearer(first["access_token"]))
    assert status == 403
