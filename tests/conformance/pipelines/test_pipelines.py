"""Pipelines as objects: kept, listed, edited, permitted, deleted."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceConflict,
)
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.pipelines import (
    FileLibrary,
    PathPattern,
    PipelineLibrary,
    PipelineState,
    RunAs,
)

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

pytestmark = pytest.mark.documented
Make = Callable[..., str]


def test_a_pipeline_is_kept_as_given_and_replaced_whole(dev: WorkspaceClient, make: Make) -> None:
    name = f"kept {uuid.uuid4().hex[:8]}"
    libraries = [
        PipelineLibrary(file=FileLibrary("/Workspace/Shared/one.py")),
        PipelineLibrary(glob=PathPattern("/Workspace/Shared/rest/**")),
    ]
    one = make(
        name=name, catalog="dev", schema="bronze", libraries=libraries, parameters={"a": "b"}
    )
    got = dev.pipelines.get(one)
    me = dev.current_user.me().user_name
    assert (got.name, got.state, got.creator_user_name) == (name, PipelineState.IDLE, me)
    assert (got.run_as_user_name, got.parameters) == (me, {"a": "b"})
    assert (got.spec.id, got.spec.storage, got.spec.libraries) == (one, None, libraries)
    dev.pipelines.update(
        one, name=name + "2", catalog="dev", expected_last_modified=got.last_modified
    )
    after = dev.pipelines.get(one)
    assert (after.name, after.spec.name, after.spec.libraries) == (name + "2", name + "2", [])
    with pytest.raises(ResourceConflict, match="was modified since"):
        dev.pipelines.update(one, name=name, expected_last_modified=got.last_modified)
    dev.pipelines.delete(one)
    for gone in (dev.pipelines.get, dev.pipelines.delete):
        with pytest.raises(NotFound, match=f"The specified pipeline {one} was not found"):
            gone(one)


def test_names_are_unique_unless_asked_otherwise(dev: WorkspaceClient, make: Make) -> None:
    name = f"shop-{uuid.uuid4().hex[:8]}"
    one = make(name=name)
    with pytest.raises(ResourceConflict, match="allow_duplicate_names = true"):
        make(name=name)
    two = make(name=name, allow_duplicate_names=True)
    other = make(name=f"{name}-other")
    with pytest.raises(ResourceConflict):
        dev.pipelines.update(other, name=name)
    found = [p.pipeline_id for p in dev.pipelines.list_pipelines(filter=f"name LIKE '{name}'")]
    assert found == sorted([one, two])
    some = dev.pipelines.list_pipelines(filter=f"name LIKE '%{name[3:]}%'", max_results=1)
    assert {p.pipeline_id for p in some} == {one, two, other}
    assert dev.pipelines.get(one).spec.storage == f"dbfs:/pipelines/{one}"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"catalog": "dev", "target": "dev.bronze"}, "is not a valid name"),
        ({"schema": "a", "target": "b"}, "exactly one of schema and target"),
        ({"libraries": [PipelineLibrary()]}, "libraries\\[0\\] needs exactly one of"),
        ({"run_as": RunAs(user_name="nobody@nowhere")}, "nobody@nowhere"),
    ],
)
def test_bad_settings_are_refused(make: Make, settings: dict[str, object], message: str) -> None:
    with pytest.raises((BadRequest, NotFound), match=message):
        make(**settings)


def test_lists_say_what_they_cannot_filter_by(dev: WorkspaceClient) -> None:
    for text in ("id='1'", "name LIKE 'a' AND name LIKE 'b'", "name ~ 'a'", "name = 'a'"):
        with pytest.raises(InvalidParameterValue, match="ilter"):
            list(dev.pipelines.list_pipelines(filter=text))
    with pytest.raises(InvalidParameterValue, match="at most 100"):
        list(dev.pipelines.list_pipelines(max_results=101))


def test_levels_allow_what_they_say(
    dev: WorkspaceClient, make: Make, somebody: Callable[..., WorkspaceClient]
) -> None:
    one, robot = make(), somebody()
    who = str(robot.current_user.me().user_name)
    with pytest.raises(PermissionDenied):
        robot.pipelines.get(one)
    assert one not in {p.pipeline_id for p in robot.pipelines.list_pipelines()}
    for level, may_edit in (("CAN_VIEW", False), ("CAN_RUN", False), ("CAN_MANAGE", True)):
        entry = AccessControlRequest(
            service_principal_name=who, permission_level=PermissionLevel(level)
        )
        held = dev.permissions.update("pipelines", one, access_control_list=[entry])
        assert (held.object_id, held.object_type) == (f"/pipelines/{one}", "pipelines")
        name = str(robot.pipelines.get(one).name)
        if may_edit:
            robot.pipelines.update(one, name=name)
        else:
            with pytest.raises(PermissionDenied):
                robot.pipelines.update(one, name=name)
            with pytest.raises(PermissionDenied):
                robot.pipelines.delete(one)
    me = dev.current_user.me().user_name
    with pytest.raises(PermissionDenied, match="run as someone else"):
        robot.pipelines.update(one, name=name, run_as=RunAs(user_name=me))
