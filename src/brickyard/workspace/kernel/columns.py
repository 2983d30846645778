"""A data directory of another version: what can be brought up to date is, the rest is refused.

Tables that are missing are made (`Store.create_tables`). A column that a later version declares and
that may be empty is added. Anything else cannot be guessed: a column that must be filled, or one of
a newer version that this one would leave empty. That is found before a request is answered, and
nothing is changed then.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Connection, MetaData
from sqlalchemy.schema import CreateColumn


class OtherVersion(Exception):
    """The database was written by a version of Brickyard that this one cannot go on from."""


def bring_up_to_date(tx: Connection, declared: MetaData) -> None:
    """Add the columns that are missing. Raises OtherVersion, with every reason."""
    added: list[tuple[str, Column[object]]] = []
    faults: list[str] = []
    for table in declared.sorted_tables:
        kept = dict(_columns(tx, table.name))
        if not kept:
            continue
        for column in table.columns:
            if column.name in kept:
                continue
            if column.nullable and not column.primary_key:
                added.append((table.name, column))
            else:
                faults.append(f"{table.name} has no column {column.name}")
        faults += [
            f"{table.name} has a column {name} that is not known here"
            for name, must_be_filled in kept.items()
            if name not in table.columns and must_be_filled
        ]
    if faults:
        raise OtherVersion("; ".join(faults))
    for name, column in added:
        definition = CreateColumn(column).compile(dialect=tx.dialect)
        tx.exec_driver_sql(f'ALTER TABLE "{name}" ADD COLUMN {definition}')
    for table in declared.sorted_tables:
        if dict(_columns(tx, table.name)):
            for index in table.indexes:
                index.create(tx, checkfirst=True)


def _columns(tx: Connection, table: str) -> Iterator[tuple[str, bool]]:
    """Those that a table of the database has, and whether each must be filled."""
    for row in tx.exec_driver_sql(f'PRAGMA table_info("{table}")'):
        yield row[1], bool(row[3]) and row[4] is None and not row[5]
