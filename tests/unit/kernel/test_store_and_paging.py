"""Transactions that hold, and pages that follow each other."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from brickyard.workspace.kernel.errors import ApiError
from brickyard.workspace.kernel.paging import take_page
from brickyard.workspace.kernel.store import Store

LOCAL = MetaData()
COUNTS = Table("counts", LOCAL, Column("id", Integer, primary_key=True), Column("n", Integer))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "a.db")
    with made.begin() as tx:
        LOCAL.create_all(tx)
        tx.execute(insert(COUNTS).values(id=1, n=0))
    return made


def count(store: Store) -> int:
    with store.read() as tx:
        return int(tx.execute(select(COUNTS.c.n)).scalar_one())


def test_a_raised_transaction_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.begin() as tx:
            tx.execute(COUNTS.update().values(n=5))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert count(store) == 0


def test_read_and_write_in_one_transaction_lose_no_update(store: Store) -> None:
    def add() -> None:
        for _ in range(25):
            with store.begin() as tx:
                seen = tx.execute(select(COUNTS.c.n)).scalar_one()
                tx.execute(COUNTS.update().values(n=seen + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(store) == 100


def test_a_committed_write_is_seen_by_another_process_of_the_file(store: Store) -> None:
    with store.begin() as tx:
        tx.execute(COUNTS.update().values(n=3))
    other = Store(Path(str(store._engine.url.database)))
    assert count(other) == 3
    other.close()
    store.close()


def test_pages_follow_each_other_to_the_end() -> None:
    items, token, found = range(5), "", []
    while True:
        chunk, token = take_page(items, token, 2)
        found.append(chunk)
        if not token:
            break
    assert found == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("token", ["x", "bzotMQ==", "****"])
def test_a_token_of_somebody_else_is_refused(token: str) -> None:
    with pytest.raises(ApiError, match="Invalid page token"):
        take_page(range(5), token, 2)
