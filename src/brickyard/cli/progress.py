"""What an apply, a run and a release say on stderr while they go on.

Each has a `LiveLine` for what is waited for, and prints what has happened above it.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

import click

from brickyard.cli.diagnostics import painter
from brickyard.cli.dialect import is_official
from brickyard.cli.live import LiveLine, took

if TYPE_CHECKING:
    from brickyard.deploy import Event, Step

COLOURS = {"Failed": "red", "Skipped": "yellow"}


class ApplyProgress:
    """Shows the events of an apply."""

    def __init__(self, line: LiveLine, *, quiet: int = 0) -> None:
        self._line = line
        self._quiet = quiet
        self._paint = painter(sys.stderr.isatty())
        self._started: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self._is_official = is_official()  # what happened is then said at the end

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        with self._lock:
            if event.word == "Started":
                self._started[event.node.address] = (event.node.label, now)
                began = now
            else:
                _, began = self._started.pop(event.node.address, ("", now))
            self._show_waiting()
        if self._is_official:
            return
        if event.word in COLOURS:
            word = self._paint(event.word, COLOURS[event.word])
            self._line.say(f"{word} {event.node.label}: {event.detail}")
        elif event.word != "Started" and not self._quiet:
            word = self._paint(event.word, "green")
            self._line.say(f"{word} {event.node.label}{took(now - began)}")

    def _show_waiting(self) -> None:
        if not self._started:
            self._line.doing("finishing")
            return
        names = [name for name, _ in self._started.values()]
        oldest = min(began for _, began in self._started.values())
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        self._line.doing(f"working on {names[0]}{more}", since=oldest)


class RunProgress:
    """Shows a run's changes of state, in the official CLI's form."""

    def __init__(self, line: LiveLine) -> None:
        self._line = line
        self._active: dict[str, None] = {}
        self._tells_tasks = not is_official()

    def __call__(self, step: Step) -> None:
        now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        name = f"{step.name}" + (f" / {step.task_key}" if step.task_key else "")
        parts = [step.state.life_cycle, step.state.result, step.state.message]
        if self._tells_tasks or not step.task_key:
            self._line.say(f'{now} "{name}" {" ".join(part for part in parts if part)}')
        if step.task_key and step.state.life_cycle == "RUNNING":
            self._active[step.task_key] = None
        else:
            self._active.pop(step.task_key, None)
        self._line.doing(_waiting_for(tuple(self._active)))


class ReleaseProgress:
    """One line per finding of a release, with the time it took; what is waited for meanwhile."""

    def __init__(self, line: LiveLine, *, is_silent: bool = False) -> None:
        self._line = line
        self._is_silent = is_silent
        self._began: dict[str, float] = {}

    def doing(self, step: str, text: str) -> None:
        """A step waits for `text` from now on; its time counts from the first such call."""
        began = self._began.setdefault(step, time.monotonic())
        self._line.doing(f"{_padded(step)} {text}", since=began)

    def say(self, step: str, text: str) -> None:
        """What a step found or did."""
        if self._is_silent:
            return
        began = self._began.pop(step, None)
        spent = took(time.monotonic() - began) if began is not None else ""
        label = _padded(step)
        mark = click.style(label, fg="cyan") if sys.stderr.isatty() else label
        self._line.doing("")
        self._line.say(f"{mark} {text}{spent}")


def _padded(step: str) -> str:
    return f"{step or 'release':<10}"


def _waiting_for(tasks: tuple[str, ...]) -> str:
    if not tasks:
        return "waiting for the run"
    more = f" and {len(tasks) - 1} more" if len(tasks) > 1 else ""
    return f"running {tasks[0]}{more}"
