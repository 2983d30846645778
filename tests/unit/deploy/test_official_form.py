"""The form of what is written and read: order of members, refusals in plain text, moved lists."""

from __future__ import annotations

import pytest

from brickyard.deploy.http import Answer, Workspace, bearer
from brickyard.deploy.plan import Action, Actual, Desired, plan
from brickyard.deploy.state import Entry, State, go_json, in_order


def test_members_stand_by_name_but_for_permissions_and_grants() -> None:
    job = {"name": "a", "depends": {"b": 1, "a": 2}}
    assert go_json(in_order(job)) == '{"depends":{"a":2,"b":1},"name":"a"}'
    entry = {"group_name": "users", "level": "CAN_VIEW"}
    recorded = {"object_id": "/jobs/1", "__embed__": [entry]}
    assert go_json(in_order(recorded)) == (
        '{"object_id":"/jobs/1","__embed__":[{"level":"CAN_VIEW","group_name":"users"}]}'
    )


def test_a_catalog_that_tells_its_securable_type_is_written_by_name() -> None:
    catalog = {"name": "a", "full_name": "a", "securable_type": "CATALOG", "comment": "c"}
    assert list(in_order(catalog)) == ["comment", "full_name", "name", "securable_type"]  # type: ignore[call-overload]
    assert list(in_order({"securable_type": "schema", "full_name": "x"})) == [  # type: ignore[call-overload]
        "securable_type",
        "full_name",
    ]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"QUOTA_EXCEEDED: too many", "QUOTA_EXCEEDED", "too many"),
        (b"nobody is there", "UNKNOWN", "nobody is there"),
        (b"<html>no</html>", "UNKNOWN", "<html>no</html>"),
        (b"<html><head><title>404 Not Found</title>", "UNKNOWN", "404 Not Found"),
        (b'{"error_code": "A", "message": "b"}', "A", "b"),
    ],
)
def test_refusals_that_are_no_json_are_read(
    body: bytes, code: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workspace, "_once", lambda *_: Answer(404, {}, body))
    client = Workspace(host="https://h", authorize=bearer("t"))
    with pytest.raises(Exception, match=message) as refused:
        client.get("/x", {"y": "1"})
    assert (refused.value.code, refused.value.message) == (code, message)  # type: ignore[attr-defined]
    assert refused.value.url == "https://h/x?y=1"  # type: ignore[attr-defined]


def test_a_read_that_fails_is_asked_again_and_a_create_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [Answer(500, {}, b""), Answer(502, {}, b""), Answer(200, {}, b"{}")]
    left = list(answers)
    monkeypatch.setattr(Workspace, "_once", lambda *_: left.pop(0))
    client = Workspace(host="https://h", authorize=bearer("t"), pause=lambda _: None)
    assert client.get("/x") == {}
    left = list(answers)
    with pytest.raises(Exception, match="500"):
        client.post("/x")
    assert len(left) == 2


def test_a_scopes_permissions_go_with_it() -> None:
    acls = [{"level": "MANAGE", "user_name": "jane@x.com"}]
    address = "resources.secret_scopes.s"
    recorded = {"scope_name": "old", "acls": [{"permission": "MANAGE", "principal": "jane@x.com"}]}
    state = State(
        lineage="l",
        serial=1,
        entries={
            address: Entry(id="old", state={"name": "old"}),
            f"{address}.permissions": Entry(id="old", state=recorded),
        },
    )
    wanted = [
        Desired(address=address, type="secret_scopes", key="s", value={"name": "new"}),
        Desired(
            address=f"{address}.permissions",
            type="secret_scopes",
            key="s",
            value=acls,
            part="permissions",
        ),
    ]
    actual = {
        address: Actual(configuration={"name": "old"}, whole={"name": "old"}),
        f"{address}.permissions": Actual(configuration=acls, whole=recorded),
    }
    nodes = plan(state, wanted, actual).nodes
    assert nodes[address].action is Action.RECREATE
    moved = nodes[f"{address}.permissions"]
    assert moved.action is Action.UPDATE_ID
    assert moved.changes["scope_name"].old == "old"
