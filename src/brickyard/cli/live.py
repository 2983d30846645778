"""What is being waited for, shown while it lasts.

On a terminal one line at the bottom is rewritten in place, with the seconds so far; it appears
after half a second and is gone when the wait ends. Elsewhere (CI, a pipe, TERM=dumb) nothing is
rewritten: a wait that goes on says so in a line of its own, every few seconds at first, then every
minute. Goes to stderr, by ANSI codes alone: no package is needed for it.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from types import TracebackType

import click

from brickyard.cli.dialect import is_official

APPEARS_AFTER_S = 0.5
REDRAWN_EVERY_S = 0.2
REMINDERS_S = (10.0, 30.0, 60.0)
MARKS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
CLEAR = "\r\x1b[2K"
_shown: list[LiveLine] = []


class LiveLine:
    """Use as a context. `doing` says what is waited for from now on, `say` prints a line above."""

    def __init__(self, text: str = "", *, is_silent: bool = False) -> None:
        self._text = text
        self._began = time.monotonic()
        self._reminded = 0.0
        self._is_silent = is_silent
        self._is_brief = is_official()  # no line that the official CLI does not have
        self._is_drawn = False
        self._rewrites = rewrites_lines()
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_drawing, daemon=True)

    def __enter__(self) -> LiveLine:
        _shown.append(self)
        if not self._is_silent:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._clear()
        _shown.remove(self)

    def doing(self, text: str, *, since: float | None = None) -> None:
        """What is waited for; '' for nothing. The same text again keeps its seconds."""
        with self._lock:
            if text != self._text:
                self._began, self._reminded = time.monotonic(), 0.0
            if since is not None:
                self._began = since
            self._text = text
            if not text:
                self._clear()

    def say(self, line: str) -> None:
        """A line that stays."""
        with self._lock:
            self._clear()
            click.echo(line, err=True)

    def _keep_drawing(self) -> None:
        while not self._ended.wait(REDRAWN_EVERY_S):
            with self._lock:
                spent = time.monotonic() - self._began
                if not self._text or spent < APPEARS_AFTER_S:
                    continue
                if self._rewrites:
                    self._draw(spent)
                elif not self._is_brief and spent >= _next_reminder(self._reminded):
                    self._reminded = spent
                    click.echo(f"{self._text} ({spent:.0f} s so far)", err=True)

    def _draw(self, spent: float) -> None:
        mark = MARKS[int(time.monotonic() * 8) % len(MARKS)]
        tail = f" ({spent:.0f} s)"
        room = shutil.get_terminal_size().columns - len(tail) - 3
        text = self._text if len(self._text) <= room else self._text[: max(room - 1, 0)] + "…"
        click.echo(CLEAR + click.style(f"{mark} {text}{tail}", dim=True), err=True, nl=False)
        self._is_drawn = True

    def _clear(self) -> None:
        if self._is_drawn:
            click.echo(CLEAR, err=True, nl=False)
            self._is_drawn = False


def say(line: str) -> None:
    """A line on stderr, above the line that is being rewritten, if there is one."""
    if _shown:
        _shown[-1].say(line)
    else:
        click.echo(line, err=True)


def rewrites_lines() -> bool:
    """Whether stderr is a terminal that can rewrite a line."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def took(seconds: float) -> str:
    """` (12 s)` for what a person noticed, '' for less."""
    if seconds < 0.5:
        return ""
    return f" ({seconds:.1f} s)" if seconds < 10 else f" ({seconds:.0f} s)"


def _next_reminder(last: float) -> float:
    later = next((at for at in REMINDERS_S if at > last), None)
    return later if later is not None else last + REMINDERS_S[-1]
