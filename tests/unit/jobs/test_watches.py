"""When a watching trigger starts its job."""

from __future__ import annotations

from brickyard.workspace.jobs.watches import Watch


def test_what_is_there_first_is_the_beginning() -> None:
    watch = Watch()
    assert not watch.is_due({"a": 0}, 1000)
    assert not watch.is_due({"a": 0}, 1001)
    assert watch.is_due({"a": 0, "b": 0}, 1002)
    assert not watch.is_due({"a": 0, "b": 0}, 1003)
    assert not watch.is_due({"b": 0}, 1004)


def test_it_waits_for_the_last_change_and_between_starts() -> None:
    watch = Watch(settle_s=60, apart_s=300)
    watch.is_due({}, 1000)
    assert not watch.is_due({"a": 0}, 1001)
    assert not watch.is_due({"a": 0, "b": 0}, 1050)
    assert not watch.is_due({"a": 0, "b": 0}, 1100)
    assert watch.is_due({"a": 0, "b": 0}, 1110)
    assert not watch.is_due({"a": 0, "b": 0, "c": 0}, 1200)
    assert not watch.is_due({"a": 0, "b": 0, "c": 0}, 1300)
    assert watch.is_due({"a": 0, "b": 0, "c": 0}, 1410)


def test_all_tables_may_have_to_change() -> None:
    watch = Watch(all_of_them=True)
    watch.is_due({"t": 1, "u": 1}, 1000)
    assert not watch.is_due({"t": 2, "u": 1}, 1001)
    assert watch.is_due({"t": 2, "u": 5}, 1002)
    assert not watch.is_due({"t": 3, "u": 5}, 1003)
