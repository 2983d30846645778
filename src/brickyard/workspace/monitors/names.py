"""How names, texts and windows are written in the SQL of monitors."""

from __future__ import annotations

from typing import Final

WINDOW: Final = "STRUCT<start: TIMESTAMP, `end`: TIMESTAMP>"


def quoted(full_name: str) -> str:
    return ".".join(identifier(part) for part in full_name.split("."))


def identifier(plain: str) -> str:
    return "`" + plain.replace("`", "``") + "`"


def literal(plain: str) -> str:
    return "'" + plain.replace("\\", "\\\\").replace("'", "\\'") + "'"


def struct_of_window(start: str, end: str) -> str:
    return f"named_struct('start', CAST({start} AS TIMESTAMP), 'end', CAST({end} AS TIMESTAMP))"
