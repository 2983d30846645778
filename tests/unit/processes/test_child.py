"""Children under their supervisor, in a mount view that the kernel enforces."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from brickyard.workspace.processes import (
    Child,
    Launch,
    Limits,
    Mounts,
    VolumeMount,
    enforcement,
    start,
)

enforced = pytest.mark.skipif(
    enforcement().kind != "namespace", reason=f"no namespaces: {enforcement().reason}"
)
SH = "/bin/sh"


@dataclass(frozen=True)
class Catalog:
    name: str
    path: Path
    mode: str


@pytest.fixture
def view(tmp_path: Path) -> Mounts:
    for folder in ("catalogs/dev/v", "catalogs/prod/v", "catalogs/hidden", "files", "run", "keys"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "catalogs/prod/v/real.txt").write_text("data")
    catalogs = tmp_path / "catalogs"
    return Mounts(
        home=tmp_path,
        workspace_files=tmp_path / "files",
        catalogs=(
            Catalog("dev", catalogs / "dev", "rw"),
            Catalog("prod", catalogs / "prod", "ro"),
        ),
        volumes=(
            VolumeMount(catalog="dev", schema="s", name="v", path=catalogs / "dev/v"),
            VolumeMount(catalog="prod", schema="s", name="v", path=catalogs / "prod/v", mode="ro"),
        ),
        writable=(tmp_path / "run",),
    )


def shell(script: str, folder: Path, mounts: Mounts | None = None, **more: object) -> Child:
    return start(
        Launch(
            command=[SH, "-c", script],
            cwd=folder,
            environment={"PATH": os.environ["PATH"]},
            log=folder / "log.txt",
            mounts=mounts,
            **more,  # type: ignore[arg-type]
        )
    )


def output(script: str, view: Mounts) -> str:
    folder = view.writable[0]
    shell(script, folder, view).wait(30)
    return (folder / "log.txt").read_text()


def test_the_exit_status_and_the_log_are_the_childs_own(tmp_path: Path) -> None:
    child = shell("echo out; echo err >&2; exit 7", tmp_path)
    assert child.wait(10) == 7
    assert (tmp_path / "log.txt").read_text() == "out\nerr\n"


def test_a_program_that_is_not_there_says_so_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    child = start(Launch(command=["/no/such"], cwd=tmp_path, environment={}, log=log))
    assert child.wait(10) == 126
    assert "cannot start /no/such" in log.read_text()


def test_nothing_of_the_own_environment_reaches_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRICKYARD_TEST_SECRET", "hunter2")
    shell("env", tmp_path).wait(10)
    assert "hunter2" not in (tmp_path / "log.txt").read_text()


def test_terminate_is_followed_by_a_kill_when_the_child_ignores_it(tmp_path: Path) -> None:
    child = shell("trap '' TERM; echo ready; while :; do sleep 1; done", tmp_path, grace_s=0.3)
    _until_logged(tmp_path / "log.txt", "ready")
    child.terminate()
    assert child.wait(10) == 137


def test_a_timeout_ends_the_child_with_its_own_status(tmp_path: Path) -> None:
    assert shell("sleep 60", tmp_path, timeout_s=0.2).wait(10) == 124


def test_a_memory_limit_holds(tmp_path: Path) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS refuses the limit")
    child = start(
        Launch(
            command=[sys.executable, "-I", "-S", "-c", "bytearray(2_000_000_000)"],
            cwd=tmp_path,
            environment={},
            log=tmp_path / "log.txt",
            limits=Limits(memory_bytes=500_000_000),
        )
    )
    assert child.wait(10) == 1
    assert "MemoryError" in (tmp_path / "log.txt").read_text()


def test_everything_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    """The starter is killed with SIGKILL: nobody is left to clean up but the supervisor."""
    script = (
        "import os, pathlib, sys, time\n"
        "from brickyard.workspace.processes import Launch, start\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "start(Launch(command=['/bin/sh', '-c', 'echo $$; exec sleep 300'], cwd=folder,\n"
        "             environment={}, log=folder / 'log.txt'))\n"
        "time.sleep(300)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", script])
    pid = int(_until_logged(tmp_path / "log.txt", "\n"))
    starter.kill()
    starter.wait()
    _until_gone(pid)


@enforced
def test_a_writable_catalog_and_its_volume_can_be_written(view: Mounts) -> None:
    script = "echo hi > /Volumes/dev/s/v/new.txt && echo hi > /Workspace/file && echo done"
    assert output(script, view) == "done\n"
    assert (view.home / "catalogs/dev/v/new.txt").read_text() == "hi\n"
    assert (view.home / "files/file").exists()


@enforced
def test_a_read_only_catalog_can_be_read_and_not_written_by_either_path(view: Mounts) -> None:
    by_home = f"{view.home}/catalogs/prod/v"
    script = f"cat /Volumes/prod/s/v/real.txt; echo x > /Volumes/prod/s/v/x; echo x > {by_home}/x"
    text = output(script, view)
    assert text.startswith("data")
    assert text.count("Read-only file system") == 2
    assert not (view.home / "catalogs/prod/v/x").exists()


@enforced
def test_the_data_directory_is_hidden_but_for_what_the_view_names(view: Mounts) -> None:
    (view.home / "brickyard.db").write_text("secret")
    text = output(f"ls {view.home} {view.home}/catalogs; cat {view.home}/brickyard.db", view)
    assert "hidden" not in text
    assert "keys" not in text
    assert "secret" not in text


@enforced
def test_a_read_only_mount_cannot_be_undone_from_inside(view: Mounts) -> None:
    undo = (
        "mount -o remount,bind,rw /Volumes/prod/s/v; umount /Volumes/prod/s/v;"
        "unshare -rm mount -o remount,bind,rw /Volumes/prod/s/v;"
        "echo x > /Volumes/prod/s/v/x; grep CapEff /proc/self/status"
    )
    text = output(undo, view)
    assert not (view.home / "catalogs/prod/v/x").exists()
    assert "CapEff:\t0000000000000000" in text


@enforced
def test_a_child_that_left_its_session_dies_with_the_others(view: Mounts) -> None:
    folder = view.writable[0]
    child = shell("setsid sleep 300 & echo started; sleep 300", folder, view)
    _until_logged(folder / "log.txt", "started")
    marks = _processes_in(child.pid)
    assert marks
    child.kill()
    assert child.wait(10) == 137
    for pid in marks:
        _until_gone(pid)


def _until_logged(log: Path, text: str) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if log.exists() and text in (found := log.read_text()):
            return found
        time.sleep(0.02)
    raise AssertionError(f"{text!r} was not logged")


def _until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        done = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        if not done.stdout.strip() or done.stdout.startswith("Z"):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there")


def _processes_in(root: int) -> list[int]:
    """Every descendant of a process."""
    table = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    parents = {int(a): int(b) for a, b in (line.split() for line in table if line.strip())}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


@enforced
def test_a_volume_made_while_the_child_runs_appears(view: Mounts) -> None:
    shown = view.home / "run" / "volumes"
    shown.mkdir()
    view = replace(view, volumes_folder=shown)
    folder = view.writable[0]
    wait = "until [ -d /Volumes/dev/s/new ]; do sleep 0.05; done; echo x > /Volumes/dev/s/new/f"
    child = shell(f"cat /Volumes/prod/s/v/real.txt; {wait}; ls /Volumes/dev/s", folder, view)
    _until_logged(folder / "log.txt", "data")
    (view.home / "catalogs/dev/new").mkdir()
    path = view.home / "catalogs/dev/new"
    VolumeMount(catalog="dev", schema="s", name="new", path=path).link_in(shown)
    assert child.wait(10) == 0
    assert (path / "f").read_text() == "x\n"
    assert (folder / "log.txt").read_text() == "datanew\nv\n"


@dataclass(frozen=True)
class Open:
    parts: tuple[str, ...]
    path: Path
    mode: str


@enforced
def test_of_the_workspace_files_only_the_openings_are_there(view: Mounts, tmp_path: Path) -> None:
    for name in ("mine", "theirs", "read/edit"):
        (tmp_path / "files" / name).mkdir(parents=True)
    files = tmp_path / "files"
    (files / "theirs" / "f").write_text("hidden")
    (files / "read" / "f").write_text("shown")
    openings = (
        Open(("mine",), files / "mine", "rw"),
        Open(("read",), files / "read", "ro"),
        Open(("read", "edit"), files / "read/edit", "rw"),
    )
    script = (
        "ls /Workspace; cat /Workspace/read/f; echo; for d in mine read read/edit theirs .; do "
        "touch /Workspace/$d/new 2>/dev/null && echo wrote $d; done; ls " + str(files)
    )
    said = output(script, replace(view, openings=openings)).splitlines()
    assert said == ["mine", "read", "shown", "wrote mine", "wrote read/edit", "mine", "read"]


def test_what_a_view_shows_is_known_without_entering_it(view: Mounts, tmp_path: Path) -> None:
    (tmp_path / "files" / "link").symlink_to(tmp_path / "keys")
    assert view.shows(tmp_path / "files" / "x")
    assert view.shows(Path("/etc/hosts"))
    assert not view.shows(tmp_path / "keys" / "x")
    assert not view.shows(tmp_path / "files" / "link" / "x")
    assert not view.shows(tmp_path / "files" / ".." / "keys")
    assert not replace(view, openings=()).shows(tmp_path / "files" / "x")


@enforced
def test_the_workspaces_own_code_and_session_services_are_out_of_reach(view: Mounts) -> None:
    package = Path(sys.modules[Mounts.__module__].__file__ or "").parent
    script = (
        f"for d in {package} {sys.prefix}; do touch $d/planted 2>/dev/null && echo wrote $d; done; "
        f"ls /run/user 2>/dev/null; {sys.executable} -c 'import brickyard; print(1)'"
    )
    assert output(script, view).splitlines() == ["1"]
