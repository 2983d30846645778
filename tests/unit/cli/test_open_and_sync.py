"""What opens an address here, which resource a key names, how long an interval is."""

from __future__ import annotations

import shutil

import click
import pytest

from brickyard.cli.failures import Refused
from brickyard.cli.open_commands import found, opener
from brickyard.cli.sync_commands import Duration
from brickyard.deploy.summary import Item


def item(kind: str, key: str) -> Item:
    return Item(type=kind, key=key, name=key, id="1", url="u", status="")


ITEMS = (item("jobs", "a"), item("pipelines", "b"), item("apps", "b"))


def test_a_key_alone_must_be_of_one_resource() -> None:
    assert found(ITEMS, "a") is ITEMS[0]
    assert found(ITEMS, "apps.b") is ITEMS[2]
    with pytest.raises(Refused, match='multiple resources with key "b" found'):
        found(ITEMS, "b")
    with pytest.raises(Refused, match='resource with key "c" not found'):
        found(ITEMS, "c")


def test_browser_names_the_program_and_none_means_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        shutil, "which", lambda name: f"/bin/{name}" if name == "xdg-open" else None
    )
    assert opener({"BROWSER": "none", "DISPLAY": ":0"}, "linux") is None
    assert opener({"BROWSER": "firefox"}, "linux") == ["firefox"]
    assert opener({"DISPLAY": ":0"}, "linux") == ["xdg-open"]
    assert opener({}, "linux") is None
    assert opener({}, "darwin") == ["open"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1.0), ("500ms", 0.5), ("1m30s", 90.0), ("1.5h", 5400.0), ("-1s", -1.0)],
)
def test_intervals_are_written_as_in_go(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["1", "", "s", "1 s"])
def test_an_interval_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="time: "):
        Duration().convert(text, None, None)
