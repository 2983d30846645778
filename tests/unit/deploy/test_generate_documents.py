"""Documents of dashboards and Genie spaces: how they are written, and when again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_workspace import MakeProject

from brickyard.deploy.generate import DASHBOARD, GENIE_SPACE, Cannot, dashboard_at
from brickyard.deploy.generate.documents import Follower, follower, formatted
from brickyard.deploy.http import ApiFailure, Unreachable
from brickyard.deploy.project import Project


def test_a_document_is_sorted_and_indented_and_keeps_its_letters() -> None:
    got = {"serialized_dashboard": '{"b": [1.0, 2.5], "a": {"x": "é & <y>"}, "c": {}}'}
    assert formatted(DASHBOARD, got, Path("x")).decode() == (
        '{\n  "a": {\n    "x": "é & <y>"\n  },\n  "b": [\n    1,\n    2.5\n  ],\n  "c": {}\n}\n'
    )


def test_a_space_without_its_document_is_not_written() -> None:
    with pytest.raises(Cannot, match="did not include serialized_space"):
        formatted(GENIE_SPACE, {"title": "T"}, Path("s.json"))


class Answering:
    """Stands for a workspace: `get` answers from a list, path by path, and counts."""

    def __init__(self, answers: dict[str, list[Any]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def get(self, path: str, query: Any = None) -> Any:
        self.asked.append(path)
        left = self.answers[path]
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found


STATUS = "/api/2.0/workspace/get-status"
ONE = "/api/2.0/lakeview/dashboards/7"


def following(project: Project, path: Path, answers: dict[str, list[Any]]) -> Follower:
    workspace: Any = Answering(answers)
    object.__setattr__(project, "client", workspace)
    return Follower(project, DASHBOARD, "7", path, True, lambda _: None)


def dashboard(text: str, changed: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    return {"serialized_dashboard": text, "path": "/d", "update_time": changed}


def test_a_dashboard_is_fetched_again_only_when_its_time_has_moved(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project({})
    path = tmp_path / "d.lvdash.json"
    same = {"modified_at": 1767225600000}
    one = following(
        project,
        path,
        {
            ONE: [dashboard('{"a": 1}'), dashboard('{"a": 2}', "2026-01-01T00:00:01Z")],
            STATUS: [same, {"modified_at": 1767225601000}, {"modified_at": 1767225601000}],
        },
    )
    assert [one.take(), one.take(), one.take(), one.take()] == [True, False, True, False]
    assert path.read_text() == '{\n  "a": 2\n}\n'
    assert one.project.workspace.asked.count(ONE) == 2  # type: ignore[attr-defined]


def test_a_follower_outlives_an_outage(make_project: MakeProject, tmp_path: Path) -> None:
    outage = Unreachable("https://x", "no route")
    one = following(
        make_project({}),
        tmp_path / "d.json",
        {ONE: [dashboard("{}")], STATUS: [outage, {"modified_at": 0}]},
    )
    told: list[Exception] = []
    pauses = iter([None, None])

    def pause(_: float) -> None:
        if next(pauses, StopIteration) is StopIteration:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.follow(told.append, pause)
    assert told == [outage]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"object_type": "NOTEBOOK"}, "expected a dashboard, found a notebook"),
        ({"object_type": "DASHBOARD"}, "expected a non-empty dashboard resource ID"),
        (
            ApiFailure(status=404, code="X", message="gone", method="GET", path=""),
            'dashboard "d" not found',
        ),
        (
            ApiFailure(
                status=400, code="X", message="dbsqlDashboard is old", method="GET", path=""
            ),
            'dashboard "d" is a legacy dashboard',
        ),
    ],
)
def test_a_path_must_lead_to_a_dashboard(answer: Any, message: str) -> None:
    workspace: Any = Answering({STATUS: [answer]})
    with pytest.raises(Cannot, match=message):
        dashboard_at(workspace, "/x/d")


def test_only_a_deployed_resource_with_a_file_can_be_followed(make_project: MakeProject) -> None:
    project = make_project(
        {"dashboards": {"bare": {"display_name": "x"}, "filed": {"file_path": "src/x.json"}}}
    )
    for key, message in (
        ("nope", 'dashboard resource "nope" is not defined'),
        ("bare", 'dashboard resource "bare" has no file path defined'),
        ("filed", 'dashboard resource "filed" is not deployed'),
    ):
        with pytest.raises(Cannot, match=message):
            follower(project, DASHBOARD, key, force=True, say=lambda _: None)
