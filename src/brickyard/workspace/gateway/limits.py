"""Rate limits: calls and tokens in each minute of the clock, by endpoint, user, group or principal.

Which limits hold for somebody, as Databricks has it: those of the endpoint always. Of the others,
one for the user or service principal by name goes before those of their groups, and these before
the one for every user; of several groups, one that still has room is enough.

A call is counted when it is let in, so calls hold exactly. Of tokens, those that are asked for (the
request's own, and `max_tokens` if it names one) are set aside when a request is let in, and put
right when it is answered; a request that names no `max_tokens` may pass the limit by its answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from brickyard.workspace.kernel import ApiError, Principal
from brickyard.workspace.serving.ai_gateway import RateLimit

MINUTE_S: Final = 60
REMEMBERED: Final = 10_000

Key = tuple[str, str, str]  # endpoint id, kind of limit, whose


@dataclass(slots=True)
class Window:
    """What was used in one minute."""

    minute: int = 0
    calls: int = 0
    tokens: int = 0


@dataclass(slots=True)
class Ticket:
    """A request that was let in: what was set aside for it, and where."""

    windows: Sequence[tuple[Window, int]]  # each with the minute it was counted in
    tokens: int


class Limits:
    """Belongs to the event loop: nothing waits between looking and counting."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._windows: dict[Key, Window] = {}

    def admit(
        self, endpoint_id: str, limits: Sequence[RateLimit], principal: Principal, tokens: int
    ) -> Ticket | None:
        """Count a request in, or raise REQUEST_LIMIT_EXCEEDED; None when nothing limits it."""
        if not limits:
            return None
        now = self._clock()
        minute = int(now // MINUTE_S)
        used: list[Window] = []
        for options in _holding(limits, principal):
            free = [
                [(self._window(endpoint_id, one, principal, minute), one) for one in option]
                for option in options
            ]
            passing = next((o for o in free if all(_fits(w, one, tokens) for w, one in o)), None)
            if passing is None:
                raise _exceeded(free[0][0][1], MINUTE_S - now % MINUTE_S)
            used += [window for window, _ in passing]
        unique = list({id(one): one for one in used}.values())
        for window in unique:
            window.calls += 1
            window.tokens += tokens
        return Ticket(windows=[(one, minute) for one in unique], tokens=tokens)

    @staticmethod
    def settle(ticket: Ticket | None, tokens: int | None) -> None:
        """What the request really took; None when nobody knows."""
        if ticket is None or tokens is None:
            return
        for window, minute in ticket.windows:
            if window.minute == minute:
                window.tokens += tokens - ticket.tokens

    def _window(
        self, endpoint_id: str, limit: RateLimit, principal: Principal, minute: int
    ) -> Window:
        whose = {"endpoint": "", "user": principal.user_name}.get(limit.key, limit.principal or "")
        key = (endpoint_id, limit.key, whose)
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= REMEMBERED:
                old = [at for at, one in self._windows.items() if one.minute < minute]
                for at in old:
                    del self._windows[at]
            window = self._windows[key] = Window(minute=minute)
        if window.minute != minute:
            window.minute, window.calls, window.tokens = minute, 0, 0
        return window


def _holding(
    limits: Sequence[RateLimit], principal: Principal
) -> Iterable[Sequence[Sequence[RateLimit]]]:
    """For each thing that must pass: the options, one of which is enough."""
    endpoint = [one for one in limits if one.key == "endpoint"]
    if endpoint:
        yield [endpoint]
    own = "service_principal" if principal.is_service_principal else "user"
    named = [one for one in limits if one.key == own and one.principal == principal.user_name]
    groups: dict[str, list[RateLimit]] = {}
    for one in limits:
        if one.key == "user_group" and one.principal in principal.groups:
            groups.setdefault(str(one.principal), []).append(one)
    everybody = [one for one in limits if one.key == "user" and not one.principal]
    if named:
        yield [named]
    elif groups:
        yield list(groups.values())
    elif everybody:
        yield [everybody]


def _fits(window: Window, limit: RateLimit, tokens: int) -> bool:
    if limit.calls is not None and window.calls >= limit.calls:
        return False
    if limit.tokens is None:
        return True
    return window.tokens < limit.tokens and window.tokens + tokens <= limit.tokens


def _exceeded(limit: RateLimit, wait_s: float) -> ApiError:
    whose = {
        "endpoint": "this endpoint",
        "user": "your user",
        "user_group": f"group {limit.principal}",
        "service_principal": "this service principal",
    }[limit.key]
    allowed = f"{limit.calls} calls" if limit.calls is not None else f"{limit.tokens} tokens"
    return ApiError(
        "REQUEST_LIMIT_EXCEEDED",
        f"The rate limit of {whose} is exceeded: {allowed} per {limit.renewal_period}",
        headers={"Retry-After": str(max(1, round(wait_s + 0.5)))},
    )
