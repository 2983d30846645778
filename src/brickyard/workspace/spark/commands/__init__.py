"""SQL statements that the gateway answers itself, because the engine lacks them or has no rights.

Each module is one noun with a table `COMMANDS`: leading words -> function. The longest match wins.
A function gets the turn and a cursor behind those words, asks the catalog (which authorizes), and
returns an `Answer`, or None to have the statement forwarded as written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from brickyard.workspace.spark.answers import Answer
from brickyard.workspace.spark.commands import (
    connections,
    describe,
    functions,
    grants,
    listings,
    maintenance,
    namespaces,
    settings,
)
from brickyard.workspace.spark.commands import tables as tables_
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.functions.definitions import creates
from brickyard.workspace.spark.refusals import unsupported
from brickyard.workspace.spark.turn import Turn

Run = Callable[[Turn, Cursor], Answer | None]

COMMANDS: Final[Mapping[str, Run]] = {
    **namespaces.COMMANDS,
    **listings.COMMANDS,
    **listings.COMMANDS,
    **describe.COMMANDS,
    **tables_.COMMANDS,
    **maintenance.COMMANDS,
    **grants.COMMANDS,
    **settings.COMMANDS,
    **functions.COMMANDS,
    **connections.COMMANDS,
}
_LONGEST_FIRST: Final = sorted(COMMANDS, key=lambda words: -len(words.split()))


def answer(turn: Turn, sql: str, arguments: Mapping[str, str]) -> Answer | None:
    """Run one of these statements. None: the engine is to run it as written."""
    if creates(sql):  # its body is not to be read as SQL
        return functions.create_function(turn, sql)
    cursor = Cursor(sql, arguments=arguments)
    for words in _LONGEST_FIRST:
        if cursor.take(*words.split()):
            return COMMANDS[words](turn, cursor)
    first = " ".join(str(token.text) for token in cursor.tokens[:2]).upper()
    raise unsupported(f"The statement {first}")
