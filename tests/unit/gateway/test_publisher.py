"""Publishing that fails: the records stay, the log says so once, and it goes on when it can."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from brickyard.workspace.gateway.journal import Journal, fields_of
from brickyard.workspace.gateway.publisher import Publisher


def publisher(folder: Path, journal: Journal, faults: list[str]) -> Publisher:
    def on_round() -> None:
        if faults:
            raise OSError(faults.pop(0))

    nobody: Any = None
    home: Any = SimpleNamespace(root=folder)
    return Publisher(home, journal, {}, identity=nobody, catalog=nobody, on_round=on_round)


def opened(folder: Path) -> Journal:
    journal = Journal(folder / "journal")
    journal.open()
    return journal


def test_a_fault_is_logged_once_for_each_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = publisher(tmp_path, opened(tmp_path), ["full", "full", "full", "gone"])
    with caplog.at_level(logging.INFO, "brickyard.gateway"):
        done = [made.publish() for _ in range(6)]
    assert done == [False] * 4 + [True] * 2
    assert [one.levelname for one in caplog.records] == ["ERROR", "ERROR", "INFO"]


def test_what_could_not_be_published_stays_in_the_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    made = publisher(tmp_path, journal, [])
    journal.append(fields_of({"tracked": True, "charges": {}}))  # there is no owner to write it as
    assert [made.publish(), made.publish()] == [False, False]
    assert len(journal.closed()) == 1
