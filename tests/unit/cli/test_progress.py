"""What is shown while a command waits: on a terminal, and where there is none."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from brickyard.cli import live
from brickyard.cli import progress as progress_module
from brickyard.cli.live import LiveLine, took
from brickyard.cli.progress import ApplyProgress, ReleaseProgress, RunProgress
from brickyard.deploy.job_runs import RunState, Step


@dataclass
class Node:
    address: str
    label: str


@dataclass
class Event:
    word: str
    node: Node
    detail: str = ""


def on_a_terminal(code: str) -> str:
    """What a terminal gets from `code` when stderr is one."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from brickyard.cli.live import LiveLine, say; import time\n" + code,
        ],
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "40"},
    )
    os.close(theirs)
    read = b""
    while True:
        try:
            got = os.read(ours, 4096)
        except OSError:  # Linux says so when the other end is closed
            break
        if not got:
            break
        read += got
    assert process.wait() == 0
    os.close(ours)
    return read.decode()


def test_a_terminal_sees_one_line_rewritten_and_cleared_at_the_end() -> None:
    shown = on_a_terminal(
        "with LiveLine('waiting for ' + 'x' * 60):\n"
        "    time.sleep(1.2); say('done one'); time.sleep(.4)"
    )
    assert shown.count("waiting for xxx") > 2
    assert re.search(r"… \([1-9] s\)", shown)
    assert "\r\x1b[2Kdone one\r\n" in shown
    assert shown.endswith("\r\x1b[2K")
    assert "x" * 41 not in shown


def test_a_short_wait_shows_nothing() -> None:
    assert on_a_terminal("with LiveLine('x'): pass") == ""


def test_without_a_terminal_a_long_wait_says_so_in_lines_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REMINDERS_S", (0.5, 600.0))
    shown = ""
    with LiveLine("working on schemas.s"):
        give_up_at = time.monotonic() + 60
        while not shown and time.monotonic() < give_up_at:
            time.sleep(0.05)
            shown = capsys.readouterr().err
    assert re.fullmatch(r"working on schemas\.s \(\d+ s so far\)\n", shown)
    assert capsys.readouterr().err == ""


def test_an_apply_says_what_was_done_and_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveLine() as line:
        progress = ApplyProgress(line)
        made, broken = Node("resources.schemas.s", "schemas.s"), Node("resources.jobs.j", "jobs.j")
        for event in (
            Event("Started", made),
            Event("Started", broken),
            Event("Created", made),
            Event("Failed", broken, "no"),
        ):
            progress(event)  # type: ignore[arg-type]
    assert capsys.readouterr().err == "Created schemas.s\nFailed jobs.j: no\n"


def test_a_run_says_each_change_of_state(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveLine() as line:
        progress = RunProgress(line)
        progress(Step(name="nightly", task_key="a", state=RunState(life_cycle="RUNNING")))
        progress(
            Step(
                name="nightly",
                task_key="a",
                state=RunState(life_cycle="TERMINATED", result="SUCCESS"),
            )
        )
    shown = capsys.readouterr().err.splitlines()
    assert [line[20:] for line in shown] == [
        '"nightly / a" RUNNING',
        '"nightly / a" TERMINATED SUCCESS',
    ]


def test_a_release_says_one_line_for_each_step_with_its_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((100.0, 100.3, 100.6))
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=clock.__next__))
    with LiveLine() as line:
        progress = ReleaseProgress(line)
        progress.doing("ingest", "starting the job")
        progress.doing("ingest", "job ingest: running")
        progress.say("ingest", "job ingest succeeded")
        progress.say("gate", "holds: recall >= 0.8 (0.9)")
    first, second = capsys.readouterr().err.splitlines()
    assert first == "ingest     job ingest succeeded (0.6 s)"
    assert second == "gate       holds: recall >= 0.8 (0.9)"


def test_a_silent_release_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveLine(is_silent=True) as line:
        ReleaseProgress(line, is_silent=True).say("gate", "holds")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, ""), (0.61, " (0.6 s)"), (9.44, " (9.4 s)"), (61.2, " (61 s)")]
)
def test_times_are_as_exact_as_a_person_needs(seconds: float, text: str) -> None:
    assert took(seconds) == text
