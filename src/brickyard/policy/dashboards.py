"""Dashboards and Genie spaces as documents: the queries and tables in their JSON, with their lines.

A dashboard's dataset has its SQL as `query`, or line by line as `queryLines`; a space lists tables
and functions by `identifier`, and has example SQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.sql import Session
from brickyard.policy.sql import accesses as sql_accesses
from brickyard.policy.sql_places import Origin

DOCUMENTS: Final = (".lvdash.json", ".geniespace.json", ".lvspace.json", ".genie.json")
SQL_KEYS: Final = frozenset({"query", "queryLines", "sql", "queryText", "query_text"})


def document_accesses(
    text: str, file: str, *, at: tuple[int, int] | None = None, catalog: str = "", schema: str = ""
) -> list[Access]:
    """Accesses of a document. `at` is the one place of a document that is written in YAML."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        origin = Origin(file)
        reason = "a document that can't be read"
        return [origin.access(Securable.PATH, file, Mode.READ, at or (1, 1), reason)]
    return list(_Document(text, file, at, catalog, schema).walk(document))


class _Document:
    """One document; `_position` is how far its text has been gone through."""

    def __init__(
        self, text: str, file: str, at: tuple[int, int] | None, catalog: str, schema: str
    ) -> None:
        self._text, self._file, self._at = text, file, at
        self._catalog, self._schema = catalog, schema
        self._position = 0

    def walk(self, value: Any) -> Iterator[Access]:
        if isinstance(value, list):
            for one in value:
                yield from self.walk(one)
        if not isinstance(value, dict):
            return
        for key, one in value.items():
            if key in SQL_KEYS and isinstance(one, str | list):
                lines = [one] if isinstance(one, str) else [str(line) for line in one]
                yield from self._sql(lines, value)
            elif key == "identifier" and isinstance(one, str) and one.count(".") == 2:
                line, column = self._place(one)
                securable = Securable.FUNCTION if "function" in str(value) else Securable.TABLE
                yield Origin(self._file).access(securable, one, Mode.READ, (line, column))
            elif key == "asset_name" and isinstance(one, str) and one.count(".") == 2:
                place = self._place(one)
                yield Origin(self._file).access(Securable.TABLE, one, Mode.READ, place)
            else:
                yield from self.walk(one)

    def _sql(self, lines: list[str], dataset: dict[str, Any]) -> Iterator[Access]:
        """SQL whose lines may stand in strings of their own."""
        places: list[tuple[int, int]] = []
        for one in lines:
            place = self._place(one)
            places.extend([place] * max(one.count("\n"), 1 if one else 0))
        session = Session(
            catalog=str(dataset.get("catalog") or self._catalog),
            schema=str(dataset.get("schema") or self._schema),
        )
        text = "".join(lines)
        for access in sql_accesses(text, file=self._file, session=session):
            number = min(access.line, len(places)) - 1
            line, column = places[number] if places else (1, 1)
            if not self._at and text.count("\n") and len(lines) > 1:
                column += access.column
            yield Access(
                securable=access.securable,
                full_name=access.full_name,
                mode=access.mode,
                file=access.file,
                line=line,
                column=column,
                reason=access.reason,
            )

    def _place(self, text: str) -> tuple[int, int]:
        if self._at is not None:
            return self._at
        for ascii_only in (False, True):
            written = json.dumps(text, ensure_ascii=ascii_only)
            at = self._text.find(written, self._position)
            if at >= 0:
                self._position = at + len(written)
                line = self._text.count("\n", 0, at) + 1
                return line, at - (self._text.rfind("\n", 0, at) + 1) + 1
        return self._text.count("\n", 0, self._position) + 1, 1
