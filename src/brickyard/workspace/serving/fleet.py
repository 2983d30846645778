"""The running scorers of each endpoint: which are live, which takes a request, when one may go.

A request takes hold of a scorer and lets go of it when answered; an update swaps the whole set at
once, and a replaced scorer ends when nobody holds it. So no request meets a process that is going.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from brickyard.workspace.serving.config import Config, Entity
from brickyard.workspace.serving.scorer import Scorer

DRAIN_TIMEOUT_S = 300.0
DRAIN_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What serves an endpoint now."""

    config: Config
    scorers: Mapping[str, Scorer]  # by served entity name

    def entity(self, name: str) -> Entity:
        return next(one for one in self.config.entities if one.name == name)

    def reusable(self, wanted: Entity) -> Scorer | None:
        """The running scorer that can serve the wanted entity as it is."""
        scorer = self.scorers.get(wanted.name)
        if scorer is not None and self.entity(wanted.name).runs_as(wanted):
            return scorer
        return None


class Fleet:
    """Thread-safe; every operation but `retire` and `stop` is instant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: dict[str, Live] = {}

    def live(self, endpoint_id: str) -> Live | None:
        with self._lock:
            return self._live.get(endpoint_id)

    def take(self, endpoint_id: str, served: str | None = None) -> tuple[str, Scorer] | None:
        """A scorer by the traffic's split, or of this served entity; it must be let go of.

        None: nothing is live. KeyError: no such served entity.
        """
        with self._lock:
            live = self._live.get(endpoint_id)
            if live is None:
                return None
            name = served or _pick(live.config.traffic)
            scorer = live.scorers[name]
            scorer.in_flight += 1
            scorer.used_at = time.monotonic()
            return name, scorer

    def let_go(self, scorer: Scorer) -> None:
        with self._lock:
            scorer.in_flight -= 1
            scorer.used_at = time.monotonic()

    def drowse(self) -> list[Scorer]:
        """Those that scale to zero and had nothing to do for long; marked, to be put to sleep.

        A request that comes meanwhile wakes them.
        """
        now = time.monotonic()
        with self._lock:
            found = [
                (live.scorers[one.name], one.idle_s)
                for live in self._live.values()
                for one in live.config.entities
                if one.idle_s is not None and one.name in live.scorers
            ]
            idle = [
                one
                for one, idle_s in found
                if one.in_flight == 0
                and one.is_ready
                and not one.is_asleep
                and now - one.used_at > idle_s
            ]
            for one in idle:
                one.is_asleep = True
        return idle

    def swap(self, endpoint_id: str, live: Live | None) -> tuple[Scorer, ...]:
        """Put another set in place; the scorers that are no longer in use."""
        with self._lock:
            before = self._live.pop(endpoint_id, None)
            if live is not None:
                self._live[endpoint_id] = live
        kept = set(live.scorers.values()) if live else set()
        return tuple(one for one in before.scorers.values() if one not in kept) if before else ()

    def retire(self, scorers: tuple[Scorer, ...], *, wait_s: float = DRAIN_TIMEOUT_S) -> None:
        """End them, each as soon as its last request is answered."""
        deadline = time.monotonic() + wait_s
        left = list(scorers)
        while left:
            with self._lock:
                idle = [one for one in left if one.in_flight == 0]
            if time.monotonic() > deadline:
                idle = left
            for scorer in idle:
                scorer.stop()
            left = [one for one in left if one not in idle]
            if left:
                time.sleep(DRAIN_POLL_S)

    def stop(self) -> None:
        """End everything, now and at once."""
        with self._lock:
            scorers = [one for live in self._live.values() for one in live.scorers.values()]
            self._live.clear()
        threads = [threading.Thread(target=one.stop) for one in scorers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _pick(traffic: Mapping[str, int]) -> str:
    names = [name for name, share in traffic.items() if share > 0]
    if len(names) == 1:
        return names[0]
    return random.choices(names, weights=[traffic[name] for name in names])[0]
