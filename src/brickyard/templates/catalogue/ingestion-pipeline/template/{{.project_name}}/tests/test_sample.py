import sqlite3

from sample import ORDERS, USABLE


def test_orders_that_cannot_be_right_are_dropped() -> None:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE orders (id INT, day TEXT, amount REAL)")
        rows = [(order["id"], order["day"], order["amount"]) for order in ORDERS]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
        kept = database.execute(f"SELECT id FROM orders WHERE {USABLE}").fetchall()
    assert kept == [(1,), (2,), (3,)]
