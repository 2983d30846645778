"""Hashes that are remembered, and when they are not believed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from brickyard.deploy import local_files
from brickyard.deploy.local_files import REMEMBERED, LocalFile, look_at

LONG_AGO_S = 1_600_000_000


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of this test count as touched well before they are read."""
    monkeypatch.setattr(local_files, "SETTLED_NS", -60_000_000_000)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def look(root: Path, folder: Path) -> dict[str, str]:
    names = sorted(path.name for path in root.iterdir())
    return {file.name: file.digest for file in look_at(root, names, folder=folder)}


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    root, folder = tmp_path / "root", tmp_path / "target"
    root.mkdir()
    for name in ("a.py", "b.py"):
        (root / name).write_text(name)
    return root, folder


def read_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    real = local_files.local_file

    def noted(name: str, source: Path) -> LocalFile:
        seen.append(name)
        return real(name, source)

    monkeypatch.setattr(local_files, "local_file", noted)
    return seen


def test_only_what_changed_is_read_again(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, folder = places
    assert look(root, folder) == {"a.py": digest("a.py"), "b.py": digest("b.py")}
    read = read_names(monkeypatch)
    assert look(root, folder) == {"a.py": digest("a.py"), "b.py": digest("b.py")}
    assert read == []
    (root / "b.py").write_text("B.PY")
    (root / "c.py").write_text("c")
    (root / "a.py").unlink()
    assert look(root, folder) == {"b.py": digest("B.PY"), "c.py": digest("c")}
    assert read == ["b.py", "c.py"]


def test_a_change_that_hides_its_time_and_size_is_seen(places: tuple[Path, Path]) -> None:
    root, folder = places
    os.utime(root / "a.py", (LONG_AGO_S, LONG_AGO_S))
    look(root, folder)
    (root / "a.py").write_text("A.PY")
    os.utime(root / "a.py", (LONG_AGO_S, LONG_AGO_S))
    assert look(root, folder)["a.py"] == digest("A.PY")


def test_a_file_touched_while_it_was_read_is_read_again(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, folder = places
    monkeypatch.setattr(local_files, "SETTLED_NS", 60_000_000_000)
    look(root, folder)
    read = read_names(monkeypatch)
    look(root, folder)
    assert read == ["a.py", "b.py"]


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 1, "root": "R", "files": {"a.py": [1]}}'],
)
def test_a_damaged_list_costs_nothing_but_time(places: tuple[Path, Path], damage: bytes) -> None:
    root, folder = places
    look(root, folder)
    (folder / REMEMBERED).write_bytes(damage.replace(b"R", str(root).encode()))
    assert look(root, folder)["a.py"] == digest("a.py")


def test_another_folder_with_the_same_names_is_not_taken_for_this_one(
    places: tuple[Path, Path],
) -> None:
    root, folder = places
    look(root, folder)
    document = json.loads((folder / REMEMBERED).read_bytes())
    document["root"] = "/elsewhere"
    for one in document["files"].values():
        one[4] = "wrong"
    (folder / REMEMBERED).write_text(json.dumps(document))
    assert look(root, folder)["a.py"] == digest("a.py")


def test_a_file_that_is_gone_is_an_error(places: tuple[Path, Path]) -> None:
    root, folder = places
    with pytest.raises(FileNotFoundError):
        look_at(root, ["gone.py"], folder=folder)
