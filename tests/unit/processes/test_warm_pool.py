"""Children of a Python that has its imports done: the same as others, only quicker."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from brickyard.workspace.processes import (
    Child,
    Launch,
    Mounts,
    WarmChild,
    WarmPool,
    enforcement,
    start,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux only")

PROGRAM = """
import json, os, sys, random
told = {
    "argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd(), "name": __name__,
    "warm": "sqlite3" in sys.modules, "own": "supervisor" in sys.modules, "uid": os.getuid(),
}
print(json.dumps(told), flush=True)
exec(sys.argv[1])
"""


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[WarmPool]:
    pool = WarmPool(("sqlite3",), environment={}, log=tmp_path / "warm.log")
    yield pool
    pool.stop()


def launch(folder: Path, code: str = "pass", **more: str) -> Launch:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    return Launch(
        command=(sys.executable, str(program), code),
        cwd=folder,
        environment={"GIVEN": "x", **more},
        log=folder / "log.txt",
        grace_s=2,
    )


def told(folder: Path) -> dict[str, object]:
    lines = (folder / "log.txt").read_text().splitlines()
    assert lines, "it said nothing"
    found: dict[str, object] = json.loads(lines[0])
    return found


def test_the_program_finds_what_a_new_interpreter_would_give_it(
    pool: WarmPool, tmp_path: Path
) -> None:
    child = pool.start(launch(tmp_path, "sys.exit(3)"))
    assert isinstance(child, WarmChild)
    assert child.wait(20) == 3
    found = told(tmp_path)
    assert found["warm"]
    assert not found["own"]
    assert found["name"] == "__main__"
    assert found["env"] == {"GIVEN": "x"}
    assert found["cwd"] == str(tmp_path)
    assert child.poll() == 3


def test_a_child_is_asked_to_end_or_ended(pool: WarmPool, tmp_path: Path) -> None:
    wait = "import time; time.sleep(60)"
    for end, code in ((WarmChild.terminate, 143), (WarmChild.kill, 137)):
        child = pool.start(launch(tmp_path, wait))
        assert isinstance(child, WarmChild)
        assert child.wait(0.2) is None
        end(child)
        assert child.wait(10) == code


def test_children_end_with_who_holds_them(pool: WarmPool, tmp_path: Path) -> None:
    wait = "print(os.getpid(), flush=True); import time; time.sleep(60)"
    child = pool.start(launch(tmp_path, wait))
    assert isinstance(child, WarmChild)
    give_up_at = time.monotonic() + 60
    log = tmp_path / "log.txt"
    while not log.exists() or log.read_text().count("\n") < 2:
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    child._connection.close()  # as when the workspace dies
    pid = int(log.read_text().splitlines()[1])
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_mounts_hold_in_a_copy_too(pool: WarmPool, tmp_path: Path) -> None:
    if enforcement().kind != "namespace":
        pytest.skip("no namespaces here")
    (tmp_path / "secret").write_text("s")
    (tmp_path / "run").mkdir()
    wanted = launch(tmp_path / "run", f"print(os.path.exists({str(tmp_path / 'secret')!r}))")
    mounts = Mounts(home=tmp_path, writable=(tmp_path / "run",))
    child = pool.start(replace(wanted, mounts=mounts))
    assert isinstance(child, WarmChild)
    assert child.wait(20) == 0
    assert (tmp_path / "run" / "log.txt").read_text().splitlines()[1] == "False"


def test_a_child_that_must_start_cold_does(pool: WarmPool, tmp_path: Path) -> None:
    """Its variables count before the first import."""
    child = pool.start(launch(tmp_path, OMP_NUM_THREADS="1"))
    assert isinstance(child, Child)
    assert child.wait(20) == 0
    assert not told(tmp_path)["warm"]


def test_a_pool_whose_process_died_starts_another(pool: WarmPool, tmp_path: Path) -> None:
    assert pool.start(launch(tmp_path)).wait(20) == 0
    assert pool._process is not None
    pool._process.kill()
    pool._process.wait()
    child = pool.start(launch(tmp_path))
    assert isinstance(child, WarmChild)
    assert child.wait(20) == 0


def test_copies_draw_numbers_of_their_own(tmp_path: Path) -> None:
    pool = WarmPool(("numpy",), environment={}, log=tmp_path / "warm.log")
    draw = "import numpy; print(numpy.random.rand(), random.random())"
    drawn = set()
    for _ in range(2):
        pool.start(launch(tmp_path, draw)).wait(60)
        drawn.add((tmp_path / "log.txt").read_text().splitlines()[-1])
    pool.stop()
    assert len(drawn) == 2


def test_a_log_is_kept_in_two_halves(pool: WarmPool, tmp_path: Path) -> None:
    flood = "[print('x' * 999 + str(i)) for i in range(5000)]"
    for begin in (pool.start, start):
        wanted = replace(launch(tmp_path, flood), log_bytes=400_000)
        assert begin(wanted).wait(30) == 0
        size = sum(os.path.getsize(file) for file in tmp_path.glob("log.txt*"))  # noqa: PTH202
        assert 200_000 < size <= 400_000
        assert (tmp_path / "log.txt").read_text().rstrip().endswith("x4999")
