"""Take any row out of the policy's tables and some breach is no longer found where it is.

For each row the cases in which it has a say are judged without it; one of them has to fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from breach_cases import Case, cases, judged

from brickyard.policy import configuration, effects, sinks, sql
from brickyard.policy.configuration import NAMED
from brickyard.policy.sinks import COMPOSED, HANDLE_WRITES, OPTION_PATHS, SINKS
from brickyard.policy.sql_heads import HEADS, SPELLINGS

CASES = tuple(cases())
LIKELY_FIRST = sorted(CASES, key=lambda one: not one.name.startswith(("spark:", "models:")))
MOST_CASES = 60  # that are judged again for one row


def is_clean(one: Case) -> bool:
    verdict = judged(one)
    unknown = [breach for breach in verdict.unknown if not breach.may_be_unknown]
    return not (verdict.missed or verdict.false_alarms or unknown)


@contextmanager
def setting(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def idle(
    rows: Iterable[Any],
    touched: Callable[[Any], Iterable[Case]],
    without: Callable[[Any], Any],
) -> list[str]:
    """Rows that nothing notices to be missing."""
    found = []
    for row in rows:
        with without(row):
            if all(is_clean(one) for one in list(touched(row))[:MOST_CASES]):
                found.append(str(row))
    return found


@pytest.fixture(scope="module")
def fired() -> dict[Any, list[Case]]:
    """The cases in which each row of `sinks` has a say."""
    found: dict[Any, list[Case]] = {}
    here: list[Case] = []

    def note(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        for row in rows:
            if here[0] not in found.setdefault(row, []):
                found[row].append(here[0])
        return rows

    with (
        setting(effects, "matching", lambda chain: note(sinks.matching(chain))),
        setting(effects, "composed", lambda chain: note(sinks.composed(chain))),
    ):
        for one in CASES:
            here[:] = [one]
            judged(one)
    return found


def test_every_call(fired: dict[Any, list[Case]]) -> None:
    def without(row: Any) -> Any:
        rows = tuple(one for one in sinks.BY_NAME[row.ends] if one is not row)
        return setting(sinks, "BY_NAME", {**sinks.BY_NAME, row.ends: rows})

    assert not idle(SINKS, lambda row: fired.get(row, []), without)


def test_every_name_that_is_put_together(fired: dict[Any, list[Case]]) -> None:
    def without(row: Any) -> Any:
        return setting(sinks, "COMPOSED", tuple(one for one in COMPOSED if one is not row))

    assert not idle(COMPOSED, lambda row: fired.get(row, []), without)


def test_every_option_and_handle() -> None:
    def without_option(name: str) -> Any:
        left = {key: value for key, value in OPTION_PATHS.items() if key != name}
        return setting(effects, "OPTION_PATHS", left)

    def without_handle(row: tuple[str, str]) -> Any:
        reached, method = row
        left = {**HANDLE_WRITES, reached: HANDLE_WRITES[reached] - {method}}
        return setting(effects, "HANDLE_WRITES", left)

    def mentioning(row: Any) -> Iterator[Case]:
        word = row if isinstance(row, str) else row[1]
        named = word.lower()
        return (one for one in LIKELY_FIRST if named in " ".join(one.files.values()).lower())

    handles = [(reached, one) for reached, methods in HANDLE_WRITES.items() for one in methods]
    assert not idle(OPTION_PATHS, mentioning, without_option)
    assert not idle(handles, mentioning, without_handle)


def test_every_statement_that_is_read_by_its_first_words() -> None:
    def without(row: Any) -> Any:
        return setting(sql, "HEADS", tuple(one for one in HEADS if one is not row))

    def statements(row: Any) -> Iterator[Case]:
        return (
            one
            for one in CASES
            if any(row.pattern.search(re.sub("--[^\n]*", "", t)) for t in one.files.values())
        )

    assert not idle(HEADS, statements, without)


def test_every_spelling() -> None:
    def without(row: Any) -> Any:
        return setting(sql, "SPELLINGS", tuple(one for one in SPELLINGS if one is not row))

    def spelt(row: Any) -> Iterator[Case]:
        return (one for one in CASES if any(row[0].search(text) for text in one.files.values()))

    assert not idle(SPELLINGS, spelt, without)


def test_every_field_of_the_configuration() -> None:
    rows = [(kind, rule) for kind, rules in NAMED.items() for rule in rules]

    def without(row: Any) -> Any:
        kind, rule = row
        left = {**NAMED, kind: tuple(one for one in NAMED[kind] if one is not rule)}
        return setting(configuration, "NAMED", left)

    def of_type(row: Any) -> list[Case]:
        of_it = [one for one in CASES if f"{row[0]}:" in one.files["databricks.yml"]]
        return sorted(of_it, key=lambda one: not one.name.startswith("configuration"))

    assert not idle(rows, of_type, without)
