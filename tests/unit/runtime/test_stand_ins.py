"""Stand-ins for tools of a cluster do what MLflow's commands ask, and refuse the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from brickyard.runtime import stand_ins


def test_rsync_copies_a_file_once(tmp_path: Path) -> None:
    source, target = tmp_path / "a.tar.gz", tmp_path / "tars"
    source.write_text("first")
    target.mkdir()
    words = ["rsync", "-a", "-v", "--ignore-existing", str(source), str(target)]
    assert stand_ins.main(words) == 0
    source.write_text("second")
    assert stand_ins.main(words) == 0
    assert (target / "a.tar.gz").read_text() == "first"


@pytest.mark.parametrize(
    "words",
    [
        ["rsync", "--delete", "a", "b"],
        ["rsync", "-a", "a"],
        ["rsync", "-a", "missing", "target"],
        ["pyenv", "shell", "3.11"],
        ["pyenv"],
    ],
)
def test_other_uses_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert stand_ins.main(words) == 1
    assert capsys.readouterr().err.startswith(words[0])


def test_pyenv_installs_below_the_root_that_mlflow_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    asked: list[tuple[str, ...]] = []

    def uv(*words: str) -> subprocess.CompletedProcess[str]:
        asked.append(words)
        known = words[:2] == ("python", "find") and words[-1] == "3.11"
        return subprocess.CompletedProcess(words, 0 if known else 2, stdout=f"{sys.executable}\n")

    monkeypatch.setattr(stand_ins, "_uv", uv)
    assert stand_ins.main(["pyenv", "root"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}\n"
    for _ in range(2):
        assert stand_ins.main(["pyenv", "install", "--skip-existing", "3.11.99"]) == 0
    assert (tmp_path / "versions/3.11.99/bin/python").resolve() == Path(sys.executable).resolve()
    assert [words[1] for words in asked] == ["find", "install", "find"]
    assert "takes its place" in capsys.readouterr().err
    assert stand_ins.main(["pyenv", "install", "9.9.9"]) == 1


def test_pyenv_lists_what_is_here_before_what_can_be_fetched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = (
        '[{"version": "3.12.9", "path": null, "implementation": "cpython"},'
        ' {"version": "3.11.15", "path": null, "implementation": "cpython"},'
        ' {"version": "3.11.7", "path": "/usr/bin/python3.11", "implementation": "cpython"},'
        ' {"version": "3.13.0rc1", "path": null, "implementation": "cpython"},'
        ' {"version": "3.10.1", "path": null, "implementation": "pypy"}]'
    )

    def uv(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 0, stdout=listed)

    monkeypatch.setattr(stand_ins, "_uv", uv)
    assert stand_ins.main(["pyenv", "install", "--list"]) == 0
    assert capsys.readouterr().out.split() == ["3.12.9", "3.11.7"]
