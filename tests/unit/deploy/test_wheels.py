"""Wheels: which is newest, and copies whose version says when they were built."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from brickyard.bundle.wheel_names import compare_versions
from brickyard.deploy.artifacts import BuildFailed, prepare
from brickyard.deploy.wheels import BadWheel, newest_wheels, patch_wheel

NAME = "shop-1.2.3-py3-none-any.whl"
INFO = "shop-1.2.3.dist-info"
METADATA = "Metadata-Version: 2.1\nName: shop\nVersion: 1.2.3\n\nVersion 1.2.3 is the first.\n"


def wheel(folder: Path, name: str = NAME, metadata: str = METADATA) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as made:
        made.writestr("shop/__init__.py", "x = 1\n")
        made.writestr(f"{INFO}/METADATA", metadata)
        made.writestr(
            f"{INFO}/RECORD", f"shop/__init__.py,sha256=a,6\n{INFO}/METADATA,sha256=b,1\n"
        )
    os.utime(folder / name, ns=(7, 1_700_000_000_123_456_789))
    return folder / name


@pytest.mark.parametrize(
    ("low", "high"),
    [("1.2.9", "1.2.10"), ("1.2.3", "1.2.3+5"), ("1.2", "1.2.0"), ("1.0rc1", "1.0rc2")],
)
def test_versions_are_compared_by_number(low: str, high: str) -> None:
    assert compare_versions(low, high) < 0 < compare_versions(high, low)


def test_of_one_distribution_only_the_newest_wheel_stays_and_what_is_no_wheel_too() -> None:
    names = ["a-1.9-py3-none-any.whl", "x.jar", "b-1-py3-none-any.whl", "a-1.10-py3-none-any.whl"]
    kept = [file.name for file in newest_wheels(Path(name) for name in names)]
    assert kept == ["a-1.10-py3-none-any.whl", "x.jar", "b-1-py3-none-any.whl"]


def test_a_patched_wheel_says_its_new_version_everywhere(tmp_path: Path) -> None:
    made = patch_wheel(wheel(tmp_path), tmp_path / "patched")
    version = "1.2.3+1700000000123456789"
    assert made.name == f"shop-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made) as opened:
        assert opened.testzip() is None
        metadata = opened.read(f"shop-{version}.dist-info/METADATA")
        record = opened.read(f"shop-{version}.dist-info/RECORD").decode().splitlines()
    assert metadata.decode() == METADATA.replace("Version: 1.2.3", f"Version: {version}")
    digest = base64.urlsafe_b64encode(hashlib.sha256(metadata).digest()).rstrip(b"=").decode()
    assert record == [
        "shop/__init__.py,sha256=a,6",
        f"shop-{version}.dist-info/METADATA,sha256={digest},{len(metadata)}",
    ]


def test_patching_again_changes_nothing_and_old_copies_go(tmp_path: Path) -> None:
    source, folder = wheel(tmp_path), tmp_path / "patched"
    first = patch_wheel(source, folder)
    written = first.stat().st_mtime_ns
    assert patch_wheel(source, folder) == first
    assert first.stat().st_mtime_ns == written
    os.utime(source, ns=(8, 8))
    assert patch_wheel(source, folder) != first
    assert not first.exists()


def test_a_wheel_that_lies_about_its_version_is_not_patched(tmp_path: Path) -> None:
    other = wheel(tmp_path, metadata=METADATA.replace("1.2.3", "9"))
    with pytest.raises(BadWheel, match=r"METADATA has version 9 and the file's name 1.2.3"):
        patch_wheel(other, tmp_path / "patched")
    assert not list((tmp_path / "patched").iterdir())


def test_libraries_and_environments_get_the_patched_wheel_with_its_extras(tmp_path: Path) -> None:
    wheel(tmp_path / "dist")
    job = {
        "tasks": [
            {"task_key": "t", "libraries": [{"whl": "dist/*.whl"}, {"pypi": {"package": "x"}}]}
        ],
        "environments": [
            {"environment_key": "e", "spec": {"dependencies": [f"./dist/{NAME}[dev]", "numpy"]}}
        ],
    }
    artifact = {"type": "whl", "dynamic_version": True, "files": [{"source": "dist/*.whl"}]}
    made = prepare(
        {"jobs": {"j": job}},
        {"a": artifact},
        root=tmp_path,
        artifact_path="/Volumes/c/s/v",
        patched=tmp_path / "patched",
    )
    remote = "/Volumes/c/s/v/.internal/shop-1.2.3+1700000000123456789-py3-none-any.whl"
    built = made.resources["jobs"]["j"]
    assert built["tasks"][0]["libraries"] == [{"whl": remote}, {"pypi": {"package": "x"}}]
    assert built["environments"][0]["spec"]["dependencies"] == [f"{remote}[dev]", "numpy"]
    (upload,) = made.uploads
    assert upload.target == remote
    assert upload.source.parent == tmp_path / "patched" / "a_shop"


@pytest.mark.parametrize(
    ("library", "said"),
    [("no/*.whl", "no files match pattern: no/"), ("no.whl", "file doesn't exist no.whl")],
)
def test_a_library_that_is_not_there_is_named(tmp_path: Path, library: str, said: str) -> None:
    job = {"tasks": [{"task_key": "t", "libraries": [{"whl": library}]}]}
    with pytest.raises(BuildFailed, match=said):
        prepare({"jobs": {"j": job}}, {}, root=tmp_path, artifact_path="/x")


def test_two_libraries_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.jar").write_text(folder)
    job = {"tasks": [{"task_key": "t", "libraries": [{"jar": "a/x.jar"}, {"jar": "b/x.jar"}]}]}
    with pytest.raises(BuildFailed, match=r"Duplicate local library names: x.jar"):
        prepare({"jobs": {"j": job}}, {}, root=tmp_path, artifact_path="/x")
