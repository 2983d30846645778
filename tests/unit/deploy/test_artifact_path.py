"""A volume as `artifact_path` must be there."""

from __future__ import annotations

from typing import cast

import pytest

from brickyard.bundle import CurrentUser, Facts, Resolved, resolve
from brickyard.deploy.artifact_path import check_artifact_path
from brickyard.deploy.http import ApiFailure, Workspace

VOLUME = "resources: {volumes: {v: {catalog_name: c, schema_name: s, name: v}}}\n"


class OneVolume:
    """A workspace that has the volume `c.s.there` and hides `c.s.secret`."""

    def get(self, path: str) -> dict[str, str]:
        name = path.rpartition("/")[2]
        if name == "c.s.there":
            return {"full_name": name}
        status = 403 if name == "c.s.secret" else 404
        raise ApiFailure(status=status, code="NO", message="no", method="GET", path=path)


def found(path: str, more: str = "") -> list[tuple[str, int]]:
    text = f"bundle: {{name: b}}\nworkspace: {{artifact_path: {path}}}\n{more}"
    bundle: Resolved = resolve(
        {"databricks.yml": text.encode()}, facts=Facts(user=CurrentUser(user_name="u@x"))
    )
    problems = check_artifact_path(bundle, cast("Workspace", OneVolume()))
    assert all(one.path == "workspace.artifact_path" and one.detail for one in problems)
    return [(one.summary, len(one.locations)) for one in problems]


@pytest.mark.parametrize("path", ["/Volumes/c/s/there/x", "/Workspace/a", "~/x"])
def test_a_folder_that_can_be_written_is_fine(path: str) -> None:
    assert found(path) == []


def test_a_volume_that_is_not_there_is_an_error_and_says_who_would_make_it() -> None:
    assert found("/Volumes/c/s/v") == [("volume c.s.v does not exist", 1)]
    assert found("/Volumes/c/s/v", VOLUME) == [("volume c.s.v does not exist", 2)]
    assert found("/Volumes/c/s/secret") == [("cannot access volume c.s.secret: no", 1)]


def test_a_path_that_names_no_volume_is_an_error() -> None:
    ((summary, _),) = found("/Volumes/c/s")
    assert summary.endswith("/Volumes/<catalog>/<schema>/<volume>/..., got /Volumes/c/s")
