"""Artifact addresses and the signatures that open them."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.mlflow import signing
from brickyard.workspace.mlflow.artifacts import inside, local_path
from brickyard.workspace.mlflow.signing import Signed, Signer

ROOT = Path("/data")
BASE = "dbfs:/databricks/mlflow-tracking"
GRANT = Signed(method="PUT", workspace="dev", path="1/Traces/tr-1/artifacts/traces.json")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        (f"{BASE}/1/abc/artifacts/m/x.txt", "1/Runs/abc/artifacts/m/x.txt"),
        (f"{BASE}/1/logged_models/m-1/artifacts", "1/LoggedModels/m-1/artifacts"),
        (f"{BASE}/1/tr-9/artifacts", "1/Traces/tr-9/artifacts"),
        (f"{BASE}/1", "1"),
    ],
)
def test_an_artifact_uri_means_a_folder_of_the_workspace(uri: str, path: str) -> None:
    assert local_path(ROOT, "dev", uri) == ROOT / "dev" / path


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "dbfs:/Volumes/a/b/c",
        f"{BASE}/1/../../../secrets",
        f"{BASE}/1/%2e%2e/x",
        BASE,
    ],
)
def test_other_uris_are_refused(uri: str) -> None:
    with pytest.raises(ApiError):
        local_path(ROOT, "dev", uri)


def test_a_path_segment_cannot_leave_its_folder() -> None:
    for segment in ("..", ".", "", "a/b", "a\0"):
        with pytest.raises(ApiError):
            inside(ROOT, "1", segment)


def test_a_signature_opens_exactly_what_was_signed(tmp_path: Path) -> None:
    signer = Signer(tmp_path / "key")
    assert signer.read(signer.sign(GRANT)) == GRANT
    assert Signer(tmp_path / "key").read(signer.sign(GRANT)) == GRANT
    with pytest.raises(ApiError, match="not valid"):
        Signer(tmp_path / "other").read(signer.sign(GRANT))
    with pytest.raises(ApiError, match="not valid"):
        signer.read("x" + signer.sign(GRANT))


def test_a_signature_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Signer(tmp_path / "key")
    monkeypatch.setattr(signing, "LIFETIME_S", -1)
    with pytest.raises(ApiError, match="expired"):
        signer.read(signer.sign(GRANT))
