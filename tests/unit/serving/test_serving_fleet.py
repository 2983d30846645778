"""Requests and the scorers they hold: nothing ends under a request."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.serving.config import read_config
from brickyard.workspace.serving.fleet import Fleet, Live
from brickyard.workspace.serving.scorer import Scorer


class Quiet(Scorer):
    """A scorer with no process behind it, which remembers that it was ended."""

    def __init__(self) -> None:
        nothing: Any = None
        super().__init__(
            folder=Path("/x"), log=Path("/x"), prepare=lambda _: nothing, launch=lambda _: nothing
        )
        self.ended = threading.Event()

    def stop(self) -> None:
        self.ended.set()


def live(**shares: int) -> Live:
    entities = [{"name": name, "entity_name": "a.b.c", "entity_version": "1"} for name in shares]
    routes = [{"served_entity_name": n, "traffic_percentage": p} for n, p in shares.items()]
    given: dict[str, Any] = {"served_entities": entities, "traffic_config": {"routes": routes}}
    config = read_config(given, creator="me", version=1, now_ms=1)
    return Live(config=config, scorers={name: Quiet() for name in shares})


def test_traffic_is_split_by_percentage() -> None:
    fleet = Fleet()
    fleet.swap("e", live(a=90, b=10, c=0))
    seen: Counter[str] = Counter()
    for _ in range(2000):
        taken = fleet.take("e")
        assert taken is not None
        seen[taken[0]] += 1
        fleet.let_go(taken[1])
    assert seen["c"] == 0
    assert 100 < seen["b"] < 320


def test_a_request_may_name_its_entity_even_without_traffic() -> None:
    fleet = Fleet()
    fleet.swap("e", live(a=100, b=0))
    taken = fleet.take("e", "b")
    assert taken is not None
    assert taken[0] == "b"
    with pytest.raises(KeyError):
        fleet.take("e", "zzz")


def test_a_replaced_scorer_ends_when_its_last_request_is_answered() -> None:
    fleet = Fleet()
    fleet.swap("e", live(a=100))
    taken = fleet.take("e")
    assert taken is not None
    scorer = taken[1]
    assert isinstance(scorer, Quiet)
    unused = fleet.swap("e", live(b=100))
    ending = threading.Thread(target=fleet.retire, args=(unused,))
    ending.start()
    assert not scorer.ended.wait(0.3)
    fleet.let_go(scorer)
    assert scorer.ended.wait(5)
    ending.join()


def test_an_unchanged_entity_keeps_its_process() -> None:
    before = live(a=100)
    entity = before.entity("a")
    assert before.reusable(entity) is before.scorers["a"]
    other = read_config(
        {"served_entities": [{"name": "a", "entity_name": "a.b.c", "entity_version": "2"}]},
        creator="me",
        version=2,
        now_ms=1,
    ).entities[0]
    assert before.reusable(other) is None


def test_only_what_is_idle_and_may_falls_asleep() -> None:
    fleet = Fleet()
    awake = live(a=100, b=0)
    soon = {"BRICKYARD_SERVING_IDLE_S": "30"}
    entities = tuple(
        replace(one, scale_to_zero_enabled=one.name == "a", environment_vars=soon)
        for one in awake.config.entities
    )
    fleet.swap("e", replace(awake, config=replace(awake.config, entities=entities)))
    for scorer in awake.scorers.values():
        scorer._ready.set()
    taken = fleet.take("e", "a")
    assert taken is not None
    taken[1].used_at -= 31
    assert fleet.drowse() == []
    fleet.let_go(taken[1])
    assert fleet.drowse() == []
    for scorer in awake.scorers.values():
        scorer.used_at -= 31
    assert fleet.drowse() == [awake.scorers["a"]]
    assert awake.scorers["a"].is_asleep
    assert fleet.drowse() == []


def test_one_that_is_asked_while_it_falls_asleep_stays_awake() -> None:
    scorer = Quiet()
    scorer._ready.set()
    scorer.is_asleep = True
    scorer.wake()
    scorer.sleep()
    assert scorer.is_ready
    assert not scorer.is_asleep
