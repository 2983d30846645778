"""Medians of alternating runs, and their ratio: machines drift, so only ratios are kept."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One measured pair; times in seconds, or what `unit` says."""

    what: str
    ours_s: float
    against: str
    theirs_s: float
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.ours_s / self.theirs_s if self.theirs_s else float("inf")

    def __str__(self) -> str:
        return (
            f"{self.what:<44} {self.shown(self.ours_s):>12}   "
            f"{self.against:<40} {self.shown(self.theirs_s):>12}   {self.ratio:>6.3f}×"
        )

    def shown(self, amount: float) -> str:
        if self.unit != "s":
            return f"{amount:.0f} {self.unit}"
        return f"{amount * 1000:.2f} ms" if amount < 0.1 else f"{amount:.2f} s"


def compare(
    what: str,
    ours: Callable[[], object],
    against: str,
    theirs: Callable[[], object],
    *,
    rounds: int = 7,
) -> Comparison:
    """Run both in turn, after one warm-up each."""
    ours()
    theirs()
    mine: list[float] = []
    other: list[float] = []
    for _ in range(rounds):
        mine.append(timed(ours))
        other.append(timed(theirs))
    return Comparison(
        what=what,
        ours_s=statistics.median(mine),
        against=against,
        theirs_s=statistics.median(other),
    )


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def command(arguments: Sequence[str], **options: object) -> Callable[[], object]:
    """A whole process, its output thrown away; a failing one stops the benchmark."""
    environment = options.get("env")
    folder = options.get("cwd")

    def run() -> None:
        subprocess.run(
            arguments,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment if isinstance(environment, Mapping) else None,
            cwd=str(folder) if folder else None,
        )

    return run
