"""SET and RESET: the engine takes settings by another call, not as statements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from brickyard.workspace.spark.answers import Answer
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.refusals import unsupported
from brickyard.workspace.spark.turn import Turn

_COLUMNS: Final = {"key": "string", "value": "string"}


def set_(turn: Turn, cursor: Cursor) -> Answer:
    text = cursor.rest().strip()
    if text.upper().startswith("TIME ZONE"):
        zone = text[9:].strip().strip("'\"")
        return _set(turn, "spark.sql.session.timeZone", zone)
    key, equals, value = text.partition("=")
    if not equals:
        if not text or " " in text:
            raise unsupported(f"SET {text}".strip())
        return Answer(columns=_COLUMNS, rows=[(text, turn.configured(text) or "<undefined>")])
    return _set(turn, key.strip().strip("`"), value.strip().strip("'\""))


def _set(turn: Turn, key: str, value: str) -> Answer:
    turn.configure(key, value)
    return Answer(columns=_COLUMNS, rows=[(key, value)])


def reset(_turn: Turn, cursor: Cursor) -> Answer:
    raise unsupported(f"RESET {cursor.rest()}".strip(), "Use SET key = value.")


COMMANDS: Final[Mapping[str, Callable[[Turn, Cursor], Answer | None]]] = {
    "SET": set_,
    "RESET": reset,
}
