"""Breaches of the data policy, seeded: none is missed, few are unknown, and nothing else is named.

`breaches/*.txt` are written by hand; `generated_breaches.py` makes as many again from a fixed seed.
"""

from __future__ import annotations

import pytest
from breach_cases import Case, cases, judged, report_of
from generated_breaches import generated

from brickyard.policy import PolicyReport

WRITTEN = tuple(cases())
ALL = (*WRITTEN, *generated(seed=20261128, count=150))
MOST_UNKNOWN = 0.1
REPORTS: dict[str, PolicyReport] = {}


def checked(one: Case) -> PolicyReport:
    """Each case once for all the questions about it."""
    if one.name not in REPORTS:
        REPORTS[one.name] = report_of(one)
    return REPORTS[one.name]


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_a_breach_is_found_where_it_is(one: Case) -> None:
    verdict = judged(one, checked(one))
    assert not verdict.missed
    assert not verdict.false_alarms
    assert not [breach for breach in verdict.unknown if not breach.may_be_unknown]


def test_there_are_enough_of_them_and_few_are_unknown() -> None:
    verdicts = [judged(one, checked(one)) for one in ALL]
    count = sum(len(one.breaches) for one in ALL)
    unknown = sum(len(one.unknown) for one in verdicts)
    assert sum(len(one.breaches) for one in WRITTEN) >= 1000
    assert count >= 1200
    assert unknown <= count * MOST_UNKNOWN


def test_the_column_is_that_of_the_name() -> None:
    """Where a name is written out, it is pointed at exactly."""
    wrong = []
    for one in WRITTEN:
        at = {(a.file, a.line, a.full_name.lower()): a.column for a in checked(one).accesses}
        for breach in one.breaches:
            found = at.get((breach.file, breach.line, breach.full_name))
            line = one.files[breach.file].splitlines()[breach.line - 1].lower()
            is_written = breach.column > 0 and breach.securable != "volume"
            if found and is_written and not line[found - 1 :].startswith(breach.full_name):
                wrong.append(f"{one.name}: {breach.full_name} {found} {breach.column}")
    assert not wrong
