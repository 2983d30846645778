"""GRANT, REVOKE, SHOW GRANTS on the catalog's securables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from brickyard.workspace.catalog.permissions import Change
from brickyard.workspace.spark.answers import NOTHING, Answer
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.turn import Turn

KINDS: Final = (
    "CATALOG",
    "SCHEMA",
    "DATABASE",
    "TABLE",
    "VIEW",
    "VOLUME",
    "FUNCTION",
    "MODEL",
    "CONNECTION",
    "METASTORE",
)


def grant(turn: Turn, cursor: Cursor) -> Answer:
    privileges = _privileges(cursor)
    kind, name = _securable(turn, cursor)
    cursor.need("TO")
    _change(turn, kind, name, Change(principal=_principal(cursor), add=privileges))
    return NOTHING


def revoke(turn: Turn, cursor: Cursor) -> Answer:
    privileges = _privileges(cursor)
    kind, name = _securable(turn, cursor)
    cursor.need("FROM")
    _change(turn, kind, name, Change(principal=_principal(cursor), remove=privileges))
    return NOTHING


def show_grants(turn: Turn, cursor: Cursor) -> Answer:
    only = ""
    if cursor.peek() not in ("ON", "") or (cursor.peek() == "" and not cursor.done):
        only = _principal(cursor)
    kind, name = _securable(turn, cursor)
    cursor.end()
    found = turn.lake.catalog.permissions.effective(
        turn.principal, turn.workspace, kind, name, only=only
    )
    rows = [
        (
            one.principal,
            one.privilege.replace("_", " "),
            (one.inherited_from.kind if one.inherited_from else kind).upper(),
            one.inherited_from.full_name if one.inherited_from else name,
        )
        for one in found
    ]
    columns = {
        "Principal": "string",
        "ActionType": "string",
        "ObjectType": "string",
        "ObjectKey": "string",
    }
    return Answer(columns=columns, rows=rows)


def _change(turn: Turn, kind: str, name: str, change: Change) -> None:
    turn.lake.catalog.permissions.change(turn.principal, turn.workspace, kind, name, [change])


def _privileges(cursor: Cursor) -> tuple[str, ...]:
    found: list[str] = []
    while True:
        words = []
        while cursor.peek() not in ("ON", ",", ""):
            words.append(cursor.value().upper())
        if not words:
            raise cursor.fault("a privilege")
        found.append("_".join(words))
        if not cursor.take(","):
            return tuple(found)


def _securable(turn: Turn, cursor: Cursor) -> tuple[str, str]:
    cursor.need("ON")
    kind = cursor.take_any(*KINDS) or "TABLE"
    if kind == "METASTORE":
        return "metastore", ""
    parts = cursor.name()
    if kind == "CATALOG":
        return "catalog", parts[0].lower()
    if kind == "CONNECTION":
        return "connection", parts[0].lower()
    if kind in ("SCHEMA", "DATABASE"):
        return "schema", turn.session.qualified_schema(parts)
    return {"VIEW": "table"}.get(kind, kind.lower()), turn.session.qualified(parts)


def _principal(cursor: Cursor) -> str:
    """A name in backticks, or bare words joined as written (an e-mail address, a UUID)."""
    start = cursor.at
    if cursor.done:
        raise cursor.fault("a principal")
    if cursor.tokens[start].token_type.name in ("IDENTIFIER", "STRING"):
        return cursor.value()
    while not cursor.done and cursor.peek() != "ON":
        cursor.at += 1
    return cursor.sql[cursor.tokens[start].start : cursor.tokens[cursor.at - 1].end + 1]


COMMANDS: Final[Mapping[str, Callable[[Turn, Cursor], Answer | None]]] = {
    "GRANT": grant,
    "REVOKE": revoke,
    "SHOW GRANTS": show_grants,
    "SHOW GRANT": show_grants,
}
