"""How long clients are waited for, and how many of them at once.

Whoever sends a request drop by drop, or does not read the answer, holds a connection and costs
nothing else; so time and number have a bound. A flood of such clients ends their own connections,
not those of others: where too many are waited for, the one that was waited for longest goes. A
request that is here whole is never given up.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, Protocol


class Waits(Enum):
    """What a client is waited for."""

    NOTHING = auto()  # the turn is ours
    NEXT = auto()  # the first byte of a request
    HEAD = auto()  # its head, from the first byte to the last
    BODY = auto()  # its body; a second more for each LEAST_BYTES that came
    READER = auto()  # that some of an answer is read


SECONDS: Final[Mapping[Waits, float]] = {
    Waits.NEXT: 75.0,
    Waits.HEAD: 30.0,
    Waits.BODY: 30.0,
    Waits.READER: 300.0,
}
LEAST_BYTES: Final = 1024
MOST: Final = 1000
OPEN_FILES: Final = 8192  # that this process may have, where the system lets it
LOOKS: Final = 30  # in the shortest of these times


class Waiting(Protocol):
    """A connection, as it is seen from here."""

    def overdue(self) -> None:
        """Its time is over: it ends, or waits anew if it may."""
        ...

    def give_up(self) -> None:
        """End: others need the place."""
        ...


class Patience:
    """Belongs to the event loop. One for all ports."""

    def __init__(self, most: int = MOST, seconds: Mapping[Waits, float] = SECONDS) -> None:
        self.seconds = seconds
        self._most = most
        self._look_s = min(seconds.values()) / LOOKS
        self._until: dict[Waiting, float] = {}  # in the order in which waiting began
        self._is_looking = False

    def make_room(self) -> None:
        """For one more connection."""
        while len(self._until) >= self._most:
            oldest = next(iter(self._until))
            self.done(oldest)
            oldest.give_up()

    def wait(self, one: Waiting, seconds: float) -> None:
        self._until.pop(one, None)
        self._until[one] = time.monotonic() + seconds
        if not self._is_looking:
            self._look_later()

    def done(self, one: Waiting) -> None:
        self._until.pop(one, None)

    def _look(self) -> None:
        now = time.monotonic()
        for one in [one for one, until in self._until.items() if until <= now]:
            self.done(one)
            one.overdue()
        self._is_looking = False
        if self._until:
            self._look_later()

    def _look_later(self) -> None:
        self._is_looking = True
        asyncio.get_running_loop().call_later(self._look_s, self._look)


def places() -> int:
    """How many may be waited for: half of the files that may be open, of which more are asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, soft // 2)
