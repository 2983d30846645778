"""A data directory of an older or a newer version."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Column, Index, Integer, MetaData, String, Table

from brickyard.workspace.kernel.columns import OtherVersion, bring_up_to_date
from brickyard.workspace.kernel.store import Store

NOW = MetaData()
Table(
    "jobs",
    NOW,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("note", String),
    Column("tries", Integer),
    Index("jobs_by_name", "name"),
)


def database(path: Path, text: str) -> Path:
    with sqlite3.connect(path) as connection:
        connection.executescript(text)
    return path


def columns(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(jobs)")]


def bring(path: Path) -> None:
    store = Store(path)
    try:
        with store.begin() as tx:
            bring_up_to_date(tx, NOW)
    finally:
        store.close()


def test_columns_that_may_be_empty_are_added_and_rows_stay(tmp_path: Path) -> None:
    old = "CREATE TABLE jobs (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL);"
    path = database(tmp_path / "a.db", old + "INSERT INTO jobs VALUES (1, 'one');")
    for _ in range(2):
        bring(path)
        assert columns(path) == ["id", "name", "note", "tries"]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT * FROM jobs").fetchall() == [(1, "one", None, None)]
        indexes = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
        assert indexes.fetchall() == [("jobs_by_name",)]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("id INTEGER PRIMARY KEY", "no column name"),
        (
            "id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, owner VARCHAR NOT NULL",
            "a column owner that is not known",
        ),
    ],
)
def test_what_cannot_be_guessed_is_refused_and_left_alone(
    tmp_path: Path, table: str, reason: str
) -> None:
    path = database(tmp_path / "a.db", f"CREATE TABLE jobs ({table});")
    had = columns(path)
    with pytest.raises(OtherVersion, match=reason):
        bring(path)
    assert columns(path) == had


def test_what_a_newer_version_may_leave_empty_is_no_hindrance(tmp_path: Path) -> None:
    table = (
        "id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, colour VARCHAR, n INT NOT NULL DEFAULT 0"
    )
    path = database(tmp_path / "a.db", f"CREATE TABLE jobs ({table});")
    bring(path)
    assert columns(path) == ["id", "name", "colour", "n", "note", "tries"]
