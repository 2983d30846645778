"""The real tables in SQLite, so that the tests need neither Spark nor a workspace."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import pandas as pd

SCHEMA = "test.quality"
TYPES = {"Int32": "int", "Int64": "bigint", "float64": "double", "string": "string"}


class Percentile:
    def __init__(self) -> None:
        self.values: list[float] = []
        self.at = 0.5

    def step(self, value: float | None, at: float) -> None:
        self.at = at
        if value is not None:
            self.values.append(value)

    def finalize(self) -> float | None:
        return float(pd.Series(self.values).quantile(self.at)) if self.values else None


class SqliteTables:
    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._database = sqlite3.connect(":memory:")
        self._database.create_aggregate("percentile", 2, Percentile)
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
        cursor = self._database.execute(statement.replace("`test`.`quality`.", ""))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
