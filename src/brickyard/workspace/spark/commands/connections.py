"""CREATE, ALTER, DROP, SHOW and DESCRIBE of connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from brickyard.workspace.spark.answers import NOTHING, Answer
from brickyard.workspace.spark.commands.namespaces import quietly
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.refusals import unsupported
from brickyard.workspace.spark.turn import Turn


def create(turn: Turn, cursor: Cursor) -> Answer:
    quiet = cursor.take("IF", "NOT", "EXISTS")
    name = cursor.name()[-1]
    cursor.need("TYPE")
    kind = cursor.value()
    options: Mapping[str, str] = {}
    comment = None
    while not cursor.done:
        if cursor.take("OPTIONS"):
            options = _options(turn, cursor)
        elif cursor.take("COMMENT"):
            comment = cursor.string()
        else:
            raise cursor.fault("OPTIONS or COMMENT")
    with quietly(quiet, "CONNECTION_ALREADY_EXISTS"):
        turn.lake.catalog.connections.create(
            turn.principal, turn.workspace, name, kind, options, comment=comment
        )
    return NOTHING


def alter(turn: Turn, cursor: Cursor) -> Answer:
    name = cursor.name()[-1]
    connections = turn.lake.catalog.connections
    who = (turn.principal, turn.workspace, name)
    if cursor.take("SET", "OWNER", "TO") or cursor.take("OWNER", "TO"):
        connections.change(*who, owner=cursor.value())
    elif cursor.take("RENAME", "TO"):
        connections.change(*who, new_name=cursor.name()[-1])
    elif cursor.take("OPTIONS"):
        connections.change(*who, options=_options(turn, cursor))
    cursor.end()
    return NOTHING


def drop(turn: Turn, cursor: Cursor) -> Answer:
    quiet = cursor.take("IF", "EXISTS")
    name = cursor.name()[-1]
    cursor.end()
    with quietly(quiet, "CONNECTION_DOES_NOT_EXIST"):
        turn.lake.catalog.connections.drop(turn.principal, turn.workspace, name)
    return NOTHING


def show(turn: Turn, cursor: Cursor) -> Answer:
    cursor.end()
    found = turn.lake.catalog.connections.visible(turn.principal, turn.workspace)
    rows = [(one.name, one.details["connection_type"], one.comment) for one in found]
    return Answer(columns={"name": "string", "type": "string", "comment": "string"}, rows=rows)


def describe(turn: Turn, cursor: Cursor) -> Answer:
    cursor.take("EXTENDED")
    name = cursor.name()[-1]
    cursor.end()
    found = turn.lake.catalog.connections.get(turn.principal, turn.workspace, name)
    told = {
        "Connection Name": found.name,
        "Type": found.details["connection_type"],
        "Credential Type": found.details["credential_type"],
        "Owner": found.owner,
        "Comment": found.comment or "",
        "Options": ", ".join(f"{k}={v}" for k, v in sorted(found.details["options"].items())),
    }
    return Answer(columns={"info_name": "string", "info_value": "string"}, rows=list(told.items()))


def _options(turn: Turn, cursor: Cursor) -> Mapping[str, str]:
    """`(host 'https://…', bearer_token secret('scope', 'key'))`."""
    found: dict[str, str] = {}
    cursor.need("(")
    while not cursor.take(")"):
        key = cursor.maybe_string() or cursor.name()[-1]
        cursor.take("=")
        found[key] = _secret(turn, cursor) if cursor.take("SECRET", "(") else cursor.value()
        cursor.take(",")
        if cursor.done:
            raise cursor.fault("')'")
    return found


def _secret(turn: Turn, cursor: Cursor) -> str:
    scope = cursor.string()
    cursor.need(",")
    key = cursor.string()
    cursor.need(")")
    if turn.hosted is None:
        raise unsupported("secret() in a statement")
    return turn.hosted.secret(turn.caller, scope, key)


COMMANDS: Final[Mapping[str, Callable[[Turn, Cursor], Answer | None]]] = {
    "CREATE CONNECTION": create,
    "ALTER CONNECTION": alter,
    "DROP CONNECTION": drop,
    "SHOW CONNECTIONS": show,
    "DESCRIBE CONNECTION": describe,
    "DESC CONNECTION": describe,
}
