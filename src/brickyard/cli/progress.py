"""Progress of an apply and of a run, as lines on stderr.

A step that takes long says so every few seconds, so that a waiting deploy does not look stuck.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING

import click

from brickyard.cli.diagnostics import painter

if TYPE_CHECKING:
    from brickyard.deploy import Event, Step

REMIND_AFTER_S = 10.0
COLOURS = {"Failed": "red", "Skipped": "yellow"}


class ApplyProgress:
    """Shows the events of an apply; use as a context around it."""

    def __init__(self, *, quiet: int = 0) -> None:
        self._quiet = quiet
        self._paint = painter(sys.stderr.isatty())
        self._started: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._reminder = threading.Thread(target=self._remind, daemon=True)

    def __enter__(self) -> ApplyProgress:
        self._reminder.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._reminder.join()

    def __call__(self, event: Event) -> None:
        address = event.node.address
        with self._lock:
            if event.word == "Started":
                self._started[address] = (event.node.label, time.monotonic())
                return
            _, began = self._started.pop(address, ("", time.monotonic()))
            spent = time.monotonic() - began
        if event.word in COLOURS:
            word = self._paint(event.word, COLOURS[event.word])
            click.echo(f"{word} {event.node.label}: {event.detail}", err=True)
        elif not self._quiet:
            took = f" ({spent:.0f} s)" if spent >= 2 else ""
            click.echo(f"{self._paint(event.word, 'green')} {event.node.label}{took}", err=True)

    def _remind(self) -> None:
        while not self._ended.wait(REMIND_AFTER_S):
            if self._quiet:
                continue
            now = time.monotonic()
            with self._lock:
                waiting = [(name, now - began) for name, began in self._started.values()]
            for name, spent in waiting:
                if spent >= REMIND_AFTER_S:
                    click.echo(f"Still working on {name} ({spent:.0f} s)", err=True)


def say(text: str) -> None:
    """A line about what happens now."""
    click.echo(text, err=True)


def show_step(step: Step) -> None:
    """One change of a run's or task's state, in the official CLI's form."""
    now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    name = f"{step.name}" + (f" / {step.task_key}" if step.task_key else "")
    parts = [step.state.life_cycle, step.state.result, step.state.message]
    click.echo(f'{now} "{name}" {" ".join(part for part in parts if part)}', err=True)
