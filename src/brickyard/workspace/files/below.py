"""Rows of a table for a path and everything below it, found by the table's index.

A prefix is a range of texts: `/a/b` and what lies in `/a/b/` up to, without it, `/a/b0`, as `0`
comes after `/`. LIKE would read every row. The condition is built once, as that takes longer than
to ask it.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, bindparam, or_


def at_or_below(table: Table) -> ColumnElement[bool]:
    """For columns `workspace` and `path`; `bound` gives its parameters.

    SQLite takes the index twice only where each side of OR names all of it.
    """
    is_of, path = table.c.workspace == bindparam("of"), table.c.path
    within = and_(is_of, path >= bindparam("first"), path < bindparam("beyond"))
    return or_(and_(is_of, path == bindparam("at")), within)


def bound(workspace: str, path: str) -> dict[str, str]:
    stem = path.rstrip("/")
    return {"of": workspace, "at": path, "first": f"{stem}/", "beyond": f"{stem}0"}
