"""Budgets: tokens and cost in an hour, a day, a month or for good. They hold exactly.

Before a request is let in, the most that it can take is set aside: its own tokens, counted from
above, and the answer's `max_tokens`, which is put into the request when it names none. What it
really took replaces that when it is answered. So no number of requests at once spends more, as long
as the provider keeps to `max_tokens`. Tokens of a request are counted from above as its bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from brickyard.workspace.gateway.configuration import Budget, Configuration
from brickyard.workspace.kernel import ApiError, Principal

FORMATS: Final[Mapping[str, str]] = {
    "hour": "%Y-%m-%dT%H",
    "day": "%Y-%m-%d",
    "month": "%Y-%m",
    "total": "always",
}


@dataclass(slots=True)
class Spent:
    tokens: int = 0
    cost: float = 0.0


@dataclass(slots=True)
class Reservation:
    budgets: Sequence[tuple[str, Spent]]  # key and what is spent of each
    tokens: int
    cost: float
    largest_answer: int  # what the request must ask for at most


class Budgets:
    """Belongs to the event loop. What is spent is kept by the journal, and put back from it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._spent: dict[str, Spent] = {}

    def restore(self, spent: Mapping[str, Sequence[float]]) -> None:
        for key, (tokens, cost) in spent.items():
            one = self._spent.setdefault(key, Spent())
            one.tokens += int(tokens)
            one.cost += cost

    def reserve(
        self,
        configuration: Configuration,
        *,
        workspace: str,
        endpoint: str,
        principal: Principal,
        asked: Mapping[str, Any],
        size: int,
        answers: bool,
    ) -> Reservation | None:
        """Set aside, or raise RESOURCE_EXHAUSTED; None when no budget holds.

        `size` is the request's in bytes; `answers` whether it is answered in words.
        """
        held = [
            one
            for one in configuration.budgets
            if _holds(one, workspace=workspace, endpoint=endpoint, principal=principal)
        ]
        if not held:
            return None
        most = asked.get("max_completion_tokens") or asked.get("max_tokens")
        least = min(one.largest_answer for one in held)
        largest = (most if isinstance(most, int) else least) if answers else 0
        times = asked.get("n") if isinstance(asked.get("n"), int) else 1
        tokens = size + largest * max(1, int(times or 1))
        price = configuration.price(endpoint)
        cost = price.of(size, tokens - size) if price else 0.0
        now = datetime.fromtimestamp(self._clock(), UTC)
        found: list[tuple[str, Spent]] = []
        for one in held:
            key = f"{one.name} {now.strftime(FORMATS[one.period])}"
            spent = self._spent.setdefault(key, Spent())
            if one.tokens is not None and spent.tokens + tokens > one.tokens:
                raise _exhausted(one, f"{one.tokens} tokens", f"{spent.tokens} are spent or set")
            if one.cost is not None and spent.cost + cost > one.cost:
                raise _exhausted(
                    one, f"a cost of {one.cost:g}", f"{spent.cost:.4g} is spent or set"
                )
            found.append((key, spent))
        for _, spent in found:
            spent.tokens += tokens
            spent.cost += cost
        return Reservation(budgets=found, tokens=tokens, cost=cost, largest_answer=largest)

    @staticmethod
    def settle(held: Reservation | None, tokens: int, cost: float) -> dict[str, list[float]]:
        """Replace what was set aside by what was taken; the charges, by budget and period."""
        if held is None:
            return {}
        for _, spent in held.budgets:
            spent.tokens += tokens - held.tokens
            spent.cost += cost - held.cost
        return {key: [tokens, cost] for key, _ in held.budgets}


def totals(charges: Iterable[Mapping[str, Sequence[float]]]) -> dict[str, list[float]]:
    """The sum of charges, by budget and period."""
    summed: dict[str, list[float]] = {}
    for one in charges:
        for key, (tokens, cost) in one.items():
            before = summed.setdefault(key, [0, 0.0])
            before[0] += tokens
            before[1] += cost
    return summed


def _holds(budget: Budget, *, workspace: str, endpoint: str, principal: Principal) -> bool:
    return (
        budget.workspace in (None, workspace)
        and (budget.endpoint is None or fnmatchcase(endpoint, budget.endpoint))
        and budget.user in (None, principal.user_name)
        and (budget.group is None or budget.group in principal.groups)
    )


def _exhausted(budget: Budget, limit: str, used: str) -> ApiError:
    return ApiError(
        "RESOURCE_EXHAUSTED",
        f"The budget '{budget.name}' ({limit} per {budget.period}) does not suffice for this"
        f" request: {used} aside already. A smaller max_tokens may fit",
    )
