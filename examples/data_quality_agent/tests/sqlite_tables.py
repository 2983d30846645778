"""The real tables in SQLite, so that the tests need neither Spark nor a workspace."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

import pandas as pd

SCHEMA = "test.quality"
PERCENTILE = re.compile(r"percentile\(`(\w+)`, ([\d.]+)\)")  # which SQLite does not have
TYPES = {"Int32": "int", "Int64": "bigint", "float64": "double", "string": "string"}


class SqliteTables:
    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._frames = frames
        self._types: dict[str, dict[str, str]] = {}
        for name, frame in frames.items():
            kinds = {column: str(kind) for column, kind in frame.dtypes.items()}
            types = {column: TYPES.get(kind, "timestamp") for column, kind in kinds.items()}
            times = [column for column, kind in types.items() if kind == "timestamp"]
            stored = frame.assign(**{column: frame[column].astype("string") for column in times})
            names = ", ".join(f'"{column}"' for column in frame)
            marks = ", ".join("?" * len(frame.columns))
            rows = stored.astype(object).where(stored.notna(), None)
            self._database.execute(f"CREATE TABLE {name} ({names})")
            self._database.executemany(
                f"INSERT INTO {name} VALUES ({marks})", rows.itertuples(index=False, name=None)
            )
            self._types[f"{SCHEMA}.{name}"] = types

    def columns(self, table: str) -> Mapping[str, str]:
        return self._types[table]

    def siblings(self, table: str) -> tuple[str, ...]:
        return tuple(name for name in self._types if name != table)

    def query(self, statement: str) -> list[dict[str, Any]]:
        statement = PERCENTILE.sub(
            lambda found: self._percentile(statement, found[1], float(found[2])), statement
        )
        cursor = self._database.execute(statement.replace("`test`.`quality`.", ""))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def _percentile(self, statement: str, column: str, at: float) -> str:
        table = re.findall(r"FROM `test`\.`quality`\.`(\w+)`", statement)[-1]
        value = self._frames[table][column].quantile(at)
        return "NULL" if pd.isna(value) else repr(float(value))
