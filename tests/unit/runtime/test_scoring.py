"""Which traces scheduled scorers judge, and from when they look the next time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from brickyard.runtime import scoring
from brickyard.runtime.conversations import MOST_SESSIONS, SESSION, Ended, ended_sessions
from brickyard.runtime.scorers import MARK, MOST, Scheduled


def trace(
    number: int, *, at: int = 0, state: str = "OK", done: tuple[str, ...] = (), session: str = ""
) -> Any:
    told = [SimpleNamespace(metadata={MARK: name}) for name in done]
    told.append(SimpleNamespace(metadata=None))
    info = SimpleNamespace(
        trace_id=f"tr-{number}", timestamp_ms=at, state=f"TraceState.{state}", assessments=told
    )
    info.trace_metadata = {SESSION: session}
    return SimpleNamespace(info=info)


def scorer(name: str, rate: float) -> Scheduled:
    return Scheduled(name, rate, "", object())


def names(of: Any, *group: Scheduled) -> list[str]:
    return [one.name for one in scoring._chosen(of, group)]


def test_a_rate_is_a_share_and_lower_ones_choose_among_the_same() -> None:
    often, seldom = scorer("often", 0.5), scorer("seldom", 0.1)
    chosen = [names(trace(at), seldom, often) for at in range(2_000)]
    assert 900 < sum("often" in one for one in chosen) < 1_100
    assert 150 < sum("seldom" in one for one in chosen) < 250
    assert all(one[:1] == ["often"] for one in chosen if one)
    assert chosen == [names(trace(at), seldom, often) for at in range(2_000)]


def test_all_of_them_and_each_once() -> None:
    group = scorer("a", 1.0), scorer("b", 1.0)
    assert names(trace(1), *group) == ["a", "b"]
    assert names(trace(1, done=("a",)), *group) == ["b"]
    assert names(trace(1, state="IN_PROGRESS"), *group) == []


@pytest.mark.parametrize(
    ("traces", "expected"),
    [
        ([], 10_000_001),
        ([trace(1, at=9_000_000)], 10_000_001),
        ([trace(1, at=9_000_000, state="IN_PROGRESS"), trace(2, at=9_500_000)], 9_000_000),
        ([trace(1, at=5_000_000, state="IN_PROGRESS")], 10_000_001),  # given up
        ([trace(at, at=at) for at in range(MOST)], MOST - 1),  # there may be more
    ],
)
def test_the_next_run_looks_from_what_is_not_judged(traces: Any, expected: int) -> None:
    assert scoring._looked_at(traces, 10_000_000) == expected


def test_a_session_is_over_when_nothing_was_added_for_a_while() -> None:
    now, settled = 10_000_000, 9_700_000
    traces = [
        trace(1, at=9_000_000, session="over"),
        trace(2, at=9_650_000, session="over"),
        trace(3, at=9_000_000, session="talking"),
        trace(4, at=9_900_000, session="talking"),
        trace(5, at=9_600_000, session="unfinished"),
        trace(6, at=9_500_000, session="unfinished", state="IN_PROGRESS"),
        trace(7, at=5_000_000, session="given up", state="IN_PROGRESS"),
    ]
    ended, watermark = ended_sessions(traces, settled, now)
    assert ended == [Ended("given up", 5_000_000), Ended("over", 9_650_000)]
    assert watermark == 9_600_000  # the unfinished one is seen again by its last trace
    assert ended_sessions([], settled, now) == ([], settled + 1)
    many = [trace(at, at=at, session=f"s{at}") for at in range(MOST_SESSIONS + 5)]
    ended, watermark = ended_sessions(many, settled, now)
    assert (len(ended), watermark) == (MOST_SESSIONS, MOST_SESSIONS)
