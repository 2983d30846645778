"""Running steps in dependency order, several at a time.

A step starts when everything it waits for has succeeded. A failed step fails those that wait for
it, by name, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WORKERS: Final = 10


class Cycle(Exception):
    """The steps wait for each other in a ring; the message spells it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one step: done, failed by `error`, or skipped because of `blocked_by`."""

    error: Exception | None = None
    blocked_by: str | None = None

    @property
    def is_done(self) -> bool:
        return self.error is None and self.blocked_by is None


def run_graph(
    needs: Mapping[str, Collection[str]],
    work: Callable[[str], None],
    *,
    workers: int = WORKERS,
) -> Mapping[str, Outcome]:
    """Run `work(step)` for every key of `needs`. Names outside `needs` count as done.

    `Exception`s of a step become its outcome; KeyboardInterrupt and the like end the run after
    the steps in flight.
    """
    check_acyclic(needs)
    open_needs = {step: {n for n in wanted if n in needs} for step, wanted in needs.items()}
    outcomes: dict[str, Outcome] = {}
    running: dict[Future[None], str] = {}
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="apply")
    try:
        while open_needs or running:
            for step in _ready(open_needs, outcomes):
                blocker = _blocker(open_needs.pop(step), outcomes)
                if blocker is not None:
                    outcomes[step] = Outcome(blocked_by=blocker)
                else:
                    running[pool.submit(work, step)] = step
            if running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    outcomes[running.pop(future)] = _outcome(future)
    finally:
        pool.shutdown(cancel_futures=True)
    return outcomes


def check_acyclic(
    needs: Mapping[str, Collection[str]], labels: Mapping[tuple[str, str], str] | None = None
) -> None:
    """Raise `Cycle` naming the ring, if there is one; `labels` are the references in it."""
    finished: set[str] = set()
    for start in sorted(needs):
        trail: list[str] = []
        stack = [(start, iter(sorted(needs[start])))] if start not in finished else []
        if stack:
            trail.append(start)
        while stack:
            step, waiting = stack[-1]
            for wanted in waiting:
                if wanted not in needs or wanted in finished:
                    continue
                if wanted in trail:
                    raise Cycle(_ring(trail[trail.index(wanted) :], labels or {}))
                trail.append(wanted)
                stack.append((wanted, iter(sorted(needs[wanted]))))
                break
            else:
                finished.add(step)
                trail.pop()
                stack.pop()


def _ring(steps: Sequence[str], labels: Mapping[tuple[str, str], str]) -> str:
    """`cycle detected: a refers to b via ${b.id} which refers to a via ${a.id}`."""
    if len(steps) == 1:
        (step,) = steps
        return f"cycle detected: {step} refers to itself via {labels.get((step, step), '')}"
    ring = [*steps[1:], steps[0], steps[1]]  # the official CLI begins after the first by name
    links = [
        f"refers to {after} via {labels.get((before, after), '')}"
        for before, after in pairwise(ring)
    ]
    return f"cycle detected: {ring[0]} {' which '.join(links)}"


def _ready(open_needs: Mapping[str, Collection[str]], outcomes: Mapping[str, Outcome]) -> list[str]:
    return [
        step for step, wanted in sorted(open_needs.items()) if all(n in outcomes for n in wanted)
    ]


def _blocker(wanted: Collection[str], outcomes: Mapping[str, Outcome]) -> str | None:
    """The step whose failure is the reason, if any of `wanted` did not succeed."""
    failed = next((name for name in sorted(wanted) if not outcomes[name].is_done), None)
    return failed if failed is None else outcomes[failed].blocked_by or failed


def _outcome(future: Future[None]) -> Outcome:
    error = future.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return Outcome(error=error)
