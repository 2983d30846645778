"""Which engine a caller gets, and when one that was superseded ends."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from brickyard.workspace.spark import sail
from brickyard.workspace.spark.sail import Sail, Sails


class Engine:
    """As much of an engine as its keeper asks for."""

    name = "engine"

    def __init__(self) -> None:
        self.alive = True
        self.idle_s = 0.0
        self.stopped = threading.Event()

    def last_words(self) -> str:
        return "killed"

    def touch(self) -> None:
        pass

    def stop(self) -> None:
        self.alive = False
        self.stopped.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sail, "LINGER_POLL_S", 0.001)


def given(sails: Sails) -> Engine:
    return cast(Any, sails.use("key", lambda: cast(Sail, Engine()))[0])


def test_a_superseded_engine_ends_when_nobody_uses_it_any_more() -> None:
    sails = Sails()
    first = given(sails)
    sails.supersede("key")
    second = given(sails)
    assert second is not first
    assert sails.count() == 2
    assert not first.stopped.wait(0.05)
    first.idle_s = sail.LINGER_S
    assert first.stopped.wait(10)
    assert second.alive


def test_all_ends_with_the_workspace() -> None:
    sails = Sails()
    first = given(sails)
    sails.supersede("key")
    second = given(sails)
    sails.stop_all()
    assert (first.alive, second.alive) == (False, False)
    assert first.stopped.wait(10)


def test_a_dead_engine_is_replaced() -> None:
    sails = Sails()
    first = given(sails)
    assert given(sails) is first
    first.alive = False
    assert given(sails) is not first
    sails.supersede("never used")
    sails.stop_all()
