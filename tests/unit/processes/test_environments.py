"""Environments that need no network: what is there already, and wheels made here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from brickyard.workspace.processes import Environments, UnresolvedEnvironment

pytest.importorskip("uv")


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environments:
    monkeypatch.setenv("UV_OFFLINE", "1")
    folder = tmp_path / "home" / "environments"
    folder.mkdir(parents=True)
    return Environments(folder, home=tmp_path / "home")


def wheel(folder: Path, version: str) -> Path:
    path = folder / f"tiny_pkg-{version}-py3-none-any.whl"
    info = f"tiny_pkg-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_pkg.py", f"VERSION = {version!r}\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-pkg\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_no_requirements_means_the_workspaces_own_interpreter(environments: Environments) -> None:
    assert environments.environment([]) == Path(sys.executable)


def test_a_wheel_is_layered_over_the_own_environment_and_cached(
    environments: Environments, tmp_path: Path
) -> None:
    python = environments.environment([str(wheel(tmp_path, "1.0"))])
    code = "import tiny_pkg, yaml; print(tiny_pkg.VERSION)"
    assert subprocess.check_output([python, "-c", code], text=True) == "1.0\n"
    assert environments.environment([str(tmp_path / "tiny_pkg-1.0-py3-none-any.whl")]) == python


def test_another_version_is_another_environment(environments: Environments, tmp_path: Path) -> None:
    first = environments.environment([str(wheel(tmp_path, "1.0"))])
    assert environments.environment([str(wheel(tmp_path, "2.0"))]) != first


def test_preferred_versions_are_taken_for_what_the_requirements_leave_open(
    environments: Environments, tmp_path: Path
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for version in ("1.0", "2.0", "3.0"):
        wheel(shelf, version)
    found = {}
    for line in ("tiny-pkg", "tiny-pkg>=3"):
        lines = [f"--find-links {shelf}", "--no-index", line]
        for preferred in ({}, {"tiny-pkg": "2.0", "not-asked-for": "1"}):
            python = environments.environment(lines, preferred=preferred)
            code = "import tiny_pkg; print(tiny_pkg.VERSION)"
            version = subprocess.check_output([python, "-c", code], text=True).strip()
            found[line, bool(preferred)] = version
    assert found == {
        ("tiny-pkg", False): "3.0",
        ("tiny-pkg", True): "2.0",
        ("tiny-pkg>=3", False): "3.0",
        ("tiny-pkg>=3", True): "3.0",
    }


def test_what_cannot_be_resolved_says_what_and_why(environments: Environments) -> None:
    with pytest.raises(UnresolvedEnvironment, match="no-such-package-anywhere"):
        environments.environment(["no-such-package-anywhere==1"])


def test_files_of_the_data_directory_are_not_read_for_anybody(
    environments: Environments, tmp_path: Path
) -> None:
    private = tmp_path / "home" / "private.txt"
    private.write_text("no-such-package-hunter2\n")
    link = tmp_path / "innocent.txt"
    link.symlink_to(private)
    for line in (f"-r {private}", f"-r {link}", f"-c {tmp_path}/home/environments/../private.txt"):
        with pytest.raises(UnresolvedEnvironment, match="no access") as refused:
            environments.environment([line])
        assert "hunter2" not in str(refused.value)
    with pytest.raises(UnresolvedEnvironment, match="no access"):
        environments.environment([str(wheel(tmp_path / "home", "1.0"))])


def test_builds_see_no_credentials_of_the_workspaces_environment() -> None:
    from brickyard.workspace.processes.environments import _private

    secret = ("AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "GITHUB_TOKEN", "PGPASSWORD")
    assert all(_private(name) for name in secret)
    assert not any(_private(name) for name in ("PATH", "UV_INDEX_X_PASSWORD", "PIP_CERT", "HOME"))
