"""Files followed while they are edited: what is looked at, sent, promised and removed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_workspace import ROOT, MakeProject

from brickyard.deploy.http import Unreachable
from brickyard.deploy.project import Project
from brickyard.deploy.sync import Changes
from brickyard.deploy.syncing import Events, How, LocalView, Session, watch

FILES = f"{ROOT}/files"


class Seen(Events):
    def __init__(self) -> None:
        self.actions: list[str] = []
        self.errors: list[str] = []

    def progress(self, action: str, name: str, progress: float) -> None:
        if progress == 1.0:
            self.actions.append(f"{action} {name}")

    def failed(self, error: Exception, *, again_in_s: float) -> None:
        self.errors.append(f"{error}, {again_in_s:.0f}")


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    made: Project = make_project({})
    (made.root / "src").mkdir()
    (made.root / "src" / "a.py").write_text("1")
    (made.root / "b.txt").write_text("b")
    return made


def started(project: Project, *, how: How | None = None) -> tuple[Session, Seen]:
    seen = Seen()
    session = Session(project, seen, how or How())
    session.first(say=lambda _: None)
    return session, seen


def there(project: Project) -> list[str]:
    files = project.workspace.world["files"]  # type: ignore[attr-defined]
    return sorted(name.removeprefix(f"{FILES}/") for name in files if name.startswith(FILES))


def promised(project: Project) -> dict[str, str]:
    files = project.workspace.world["files"]  # type: ignore[attr-defined]
    found: dict[str, str] = json.loads(files[f"{ROOT}/state/files.json"])["files"]
    return found


def write(path: Path, text: str) -> None:
    """A change that any file system's clock shows."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_a_quiet_round_asks_the_workspace_nothing(project: Project) -> None:
    session, seen = started(project)
    assert seen.actions[0] == "put src"
    assert sorted(seen.actions[1:]) == ["put b.txt", "put src/a.py"]
    calls = project.workspace.calls  # type: ignore[attr-defined]
    before = len(calls)
    assert session.round() == Changes()
    assert len(calls) == before


def test_only_what_was_touched_is_read_and_sent(project: Project) -> None:
    session, seen = started(project)
    seen.actions.clear()
    write(project.root / "src" / "a.py", "2")
    write(project.root / "new" / "c.txt", "c")
    session.round()
    assert seen.actions[0] == "put new"
    assert sorted(seen.actions[1:]) == ["put new/c.txt", "put src/a.py"]
    (project.root / "b.txt").unlink()
    seen.actions.clear()
    session.round()
    assert seen.actions == ["delete b.txt"]
    assert there(project) == ["new/c.txt", "src/a.py"]


def test_what_is_about_to_change_is_struck_and_promised_again_at_the_end(project: Project) -> None:
    session, _ = started(project)
    full = promised(project)
    write(project.root / "src" / "a.py", "2")
    session.round()
    assert promised(project) == {"b.txt": full["b.txt"], "src/a.py": ""}
    session.settle()
    assert promised(project)["src/a.py"] not in ("", full["src/a.py"])
    assert started(project)[0].round() == Changes()


def test_the_same_file_again_costs_no_further_list(project: Project) -> None:
    session, _ = started(project)
    calls = project.workspace.calls  # type: ignore[attr-defined]
    counts = []
    for text in ("2", "3", "4"):
        write(project.root / "src" / "a.py", text)
        before = len(calls)
        session.round()
        counts.append(len(calls) - before)
    assert counts[1:] == [3, 3]  # the lock, the list, the file


def test_a_file_of_somebody_else_is_never_deleted(project: Project) -> None:
    project.files.write(f"{FILES}/theirs.txt", b"t")
    session, _ = started(project, how=How(full=True))
    (project.root / "b.txt").unlink()
    session.round()
    assert there(project) == ["src/a.py", "theirs.txt"]


def test_a_round_waits_for_a_deploy_and_compares_with_what_it_left(project: Project) -> None:
    session, seen = started(project)
    lock = f"{ROOT}/state/deploy.lock"
    project.files.write(lock, b"{}")
    write(project.root / "src" / "a.py", "2")
    assert session.round() == Changes()
    project.files.delete(lock)
    other, _ = started(project)
    assert other.held == {file.remote_name: file.digest for file in session.view.files.values()}
    seen.actions.clear()
    assert session.round() == Changes()
    assert seen.actions == []


def test_a_dry_run_writes_nothing(project: Project) -> None:
    session, seen = started(project, how=How(dry_run=True))
    assert "put b.txt" in seen.actions
    write(project.root / "b.txt", "2")
    assert [file.name for file in session.round().put] == ["b.txt"]
    session.settle()
    assert project.workspace.world["files"] == {}  # type: ignore[attr-defined]


def test_a_watch_outlives_errors_and_tries_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen()
    pauses = iter_pauses(project)
    outage = {"left": 2}
    listed = Session._is_locked

    def failing(session: Session) -> bool:
        if outage["left"]:
            outage["left"] -= 1
            raise Unreachable("https://fake", "no route")
        return listed(session)

    def pause(_: float) -> None:
        next(pauses)()

    monkeypatch.setattr(Session, "_is_locked", failing)
    with pytest.raises(KeyboardInterrupt):
        watch(project, seen, How(), interval_s=1.0, pause=pause)
    assert [error.rpartition(", ")[2] for error in seen.errors] == ["2", "4"]
    assert promised(project)["src/a.py"]
    assert project.files.read(f"{FILES}/src/a.py") == b"2"


def iter_pauses(project: Project) -> Iterator[Any]:
    """Edit a file in the first pause, interrupt in the fifth."""
    yield lambda: write(project.root / "src" / "a.py", "2")
    for _ in range(3):
        yield lambda: None

    def interrupt() -> None:
        raise KeyboardInterrupt

    yield interrupt


def test_ignored_files_are_not_looked_at_until_the_rules_change(project: Project) -> None:
    (project.root / ".gitignore").write_text("out/\n")
    write(project.root / "out" / "x.txt", "x")
    view = LocalView(project)
    assert view.look()
    assert sorted(view.files) == [".gitignore", "b.txt", "src/a.py"]
    write(project.root / "out" / "x.txt", "y")
    assert not view.look()
    write(project.root / ".gitignore", "other/\n")
    assert view.look()
    assert "out/x.txt" in view.files
