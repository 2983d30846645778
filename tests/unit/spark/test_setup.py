"""What a session has to set up again in its next engine."""

from __future__ import annotations

from brickyard.workspace.spark import setup
from brickyard.workspace.spark.setup import FUNCTION, VIEW, Setup, Step


def step(name: str, text: str = "", kind: str = VIEW) -> Step:
    return Step(
        kind=kind,
        name=name,
        plan=f"{name}: {text}".encode(),
        catalog="dev",
        schema="default",
        remotes={},
    )


def named(kept: Setup) -> list[str]:
    return [f"{one.kind} {one.name}" for one in kept.steps]


def test_a_replaced_definition_is_forgotten() -> None:
    kept = Setup()
    kept.note(step("sales", "select 1"))
    kept.note(step("costs", "select 2"))
    kept.note(step("sales", kind=FUNCTION))
    kept.note(step("sales", "select 3"))
    kept.note(step("costs", "select 4"))
    assert [one.plan for one in kept.steps if one.name == "costs"] == [b"costs: select 4"]


def test_what_something_stands_on_stays() -> None:
    kept = Setup()
    kept.note(step("raw", "select 1"))
    kept.note(step("raw", "select * from RAW where x"))
    assert named(kept) == ["view raw", "view raw"]
    kept.note(step("sales", "select * from raw"))
    kept.forget(VIEW, "Raw")
    assert named(kept) == ["view raw", "view raw", "view sales"]
    kept.forget(VIEW, "sales")
    kept.forget(VIEW, "raw")
    assert named(kept) == []


def test_the_oldest_go_when_they_are_too_many() -> None:
    kept = Setup()
    for number in range(setup.STEPS_KEPT + 5):
        kept.note(step(f"view_{number:06}"))
    assert len(kept.steps) == setup.STEPS_KEPT
    assert kept.steps[0].name == "view_000005"
    kept.note(step("big", "x" * setup.BYTES_KEPT))
    assert kept.steps == []


def test_a_clone_goes_its_own_way() -> None:
    kept = Setup(settings={"a": "1"})
    kept.note(step("a"))
    other = kept.copy()
    other.forget(VIEW, "a")
    other.settings["a"] = "2"
    assert (named(kept), kept.settings) == (["view a"], {"a": "1"})
