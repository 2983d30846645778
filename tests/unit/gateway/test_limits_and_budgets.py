"""Rate limits and budgets: which hold for whom, and that they hold exactly."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.gateway.budgets import Budgets, Reservation, totals
from brickyard.workspace.gateway.configuration import Budget, Configuration, Price
from brickyard.workspace.gateway.limits import Limits
from brickyard.workspace.kernel import ApiError, Principal
from brickyard.workspace.serving.ai_gateway import RateLimit

ADA = Principal(id=1, user_name="ada", display_name="", groups=frozenset({"red", "blue"}))
BOB = Principal(id=2, user_name="bob", display_name="")
ROBOT = Principal(id=3, user_name="app-1", display_name="", is_service_principal=True)


class Clock:
    def __init__(self) -> None:
        self.now = 600.0

    def __call__(self) -> float:
        return self.now


def limit(**given: Any) -> RateLimit:
    return RateLimit(renewal_period="minute", **given)


def admitted(limits: list[RateLimit], who: Principal, times: int, tokens: int = 0) -> int:
    gate = Limits(Clock())
    return sum(is_admitted(gate, limits, who, tokens) for _ in range(times))


def is_admitted(gate: Limits, limits: list[RateLimit], who: Principal, tokens: int) -> bool:
    try:
        gate.admit("e", limits, who, tokens)
    except ApiError:
        return False
    return True


@pytest.mark.parametrize(
    ("limits", "who", "calls"),
    [
        ([limit(calls=3)], ADA, 3),
        ([limit(calls=0)], ADA, 0),
        ([limit(calls=5), limit(key="user", calls=2)], ADA, 2),
        ([limit(calls=1), limit(key="user", calls=2)], ADA, 1),
        # by name before group before everybody
        ([limit(key="user", calls=1), limit(key="user", principal="ada", calls=4)], ADA, 4),
        ([limit(key="user", calls=1), limit(key="user", principal="ada", calls=4)], BOB, 1),
        ([limit(key="user", calls=9), limit(key="user_group", principal="red", calls=2)], ADA, 2),
        ([limit(key="user_group", principal="red", calls=2)], BOB, 10),
        (
            [
                limit(key="user_group", principal="red", calls=2),
                limit(key="user_group", principal="blue", calls=3),
            ],
            ADA,
            5,  # one with room is enough
        ),
        ([limit(key="service_principal", principal="app-1", calls=3)], ROBOT, 3),
        ([limit(key="service_principal", principal="app-1", calls=3)], ADA, 10),
    ],
)
def test_which_limit_holds(limits: list[RateLimit], who: Principal, calls: int) -> None:
    assert admitted(limits, who, 10) == calls


def test_each_user_has_their_own_and_a_group_shares() -> None:
    gate = Limits(Clock())
    own = [limit(key="user", calls=1)]
    gate.admit("e", own, ADA, 0)
    gate.admit("e", own, BOB, 0)
    with pytest.raises(ApiError, match="your user"):
        gate.admit("e", own, BOB, 0)
    gate.admit("other endpoint", own, BOB, 0)


def test_a_refused_request_counts_nowhere() -> None:
    gate = Limits(Clock())
    limits = [limit(calls=1), limit(key="user", calls=5)]
    gate.admit("e", limits, ADA, 0)
    for _ in range(8):
        with pytest.raises(ApiError):
            gate.admit("e", limits, BOB, 0)
    assert gate.admit("e", limits[1:], BOB, 0)


def test_the_next_minute_is_a_new_one() -> None:
    clock = Clock()
    gate = Limits(clock)
    limits = [limit(calls=1)]
    gate.admit("e", limits, ADA, 0)
    clock.now += 59
    with pytest.raises(ApiError) as refused:
        gate.admit("e", limits, ADA, 0)
    assert refused.value.headers["Retry-After"] == "2"
    clock.now += 1
    assert gate.admit("e", limits, ADA, 0)


def test_tokens_are_set_aside_and_put_right() -> None:
    clock = Clock()
    gate = Limits(clock)
    limits = [limit(tokens=100)]
    first = gate.admit("e", limits, ADA, 60)
    with pytest.raises(ApiError, match="100 tokens"):
        gate.admit("e", limits, ADA, 60)
    gate.settle(first, 30)
    second = gate.admit("e", limits, ADA, 60)
    clock.now += 60
    gate.settle(second, 1000)  # of a minute that is over
    third = gate.admit("e", limits, ADA, 100)
    gate.settle(third, None)  # nobody knows: what was set aside stays
    with pytest.raises(ApiError):
        gate.admit("e", limits, ADA, 0)


def reserve(
    budgets: Budgets, *given: Budget, who: Principal = ADA, **asked: Any
) -> Reservation | None:
    return budgets.reserve(
        Configuration(budgets=list(given), prices={"e*": Price(input=1_000_000, output=2_000_000)}),
        workspace="dev",
        endpoint="e1",
        principal=who,
        asked=asked,
        size=10,
        answers=True,
    )


def test_a_budget_never_spends_more_however_many_ask_at_once() -> None:
    budgets, budget = Budgets(Clock()), Budget(name="b", tokens=1000)
    held = as_many_as_fit(budgets, budget)
    assert len(held) == 10
    for one in held:
        assert budgets.settle(one, 50, 0.0) == {"b 1970-01-01": [50, 0.0]}
    assert len(as_many_as_fit(budgets, budget)) == 5


def as_many_as_fit(budgets: Budgets, budget: Budget) -> list[Reservation]:
    held: list[Reservation] = []
    while True:
        try:
            found = reserve(budgets, budget, max_tokens=90)
        except ApiError:
            return held
        assert found is not None
        held.append(found)


def test_cost_counts_the_price_of_words_in_and_out() -> None:
    budgets = Budgets(Clock())
    held = reserve(budgets, Budget(name="c", cost=50.0), max_tokens=15)
    assert held is not None
    assert held.cost == 10 * 1 + 15 * 2
    with pytest.raises(ApiError, match="a cost of 50") as refused:
        reserve(budgets, Budget(name="c", cost=50.0), max_tokens=15)
    assert (refused.value.code, refused.value.status) == ("RESOURCE_EXHAUSTED", 429)


@pytest.mark.parametrize(
    ("budget", "holds"),
    [
        (Budget(name="b", tokens=1), True),
        (Budget(name="b", tokens=1, workspace="prod"), False),
        (Budget(name="b", tokens=1, endpoint="e*"), True),
        (Budget(name="b", tokens=1, endpoint="f*"), False),
        (Budget(name="b", tokens=1, user="ada"), True),
        (Budget(name="b", tokens=1, user="bob"), False),
        (Budget(name="b", tokens=1, group="red"), True),
        (Budget(name="b", tokens=1, group="green"), False),
    ],
)
def test_a_budget_holds_for_what_it_names(budget: Budget, holds: bool) -> None:
    if holds:
        with pytest.raises(ApiError):
            reserve(Budgets(Clock()), budget)
    else:
        assert reserve(Budgets(Clock()), budget) is None


def test_a_request_without_max_tokens_gets_the_smallest_answer_of_its_budgets() -> None:
    given = (Budget(name="a", tokens=9999), Budget(name="b", tokens=9999, largest_answer=70))
    held = reserve(Budgets(Clock()), *given)
    assert held is not None
    assert (held.largest_answer, held.tokens) == (70, 80)


def test_what_was_spent_comes_back_from_the_journal() -> None:
    clock = Clock()
    budgets = Budgets(clock)
    budgets.restore(totals([{"b 1970-01-01": [400, 0.5]}, {"b 1970-01-01": [500, 0.5]}]))
    with pytest.raises(ApiError, match="900 are spent"):
        reserve(budgets, Budget(name="b", tokens=1000), max_tokens=100)
    clock.now += 86_400
    assert reserve(budgets, Budget(name="b", tokens=1000), max_tokens=100)
