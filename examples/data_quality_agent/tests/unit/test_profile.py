"""Quantiles from values and their counts, against another implementation."""

from __future__ import annotations

import pandas as pd
import pytest
from sqlite_tables import SCHEMA, SqliteTables

from data_quality_agent import profile as profiling
from data_quality_agent.profile import QUANTILES, percentile, profile_table

VALUES = pd.DataFrame({"n": [5, 1, 1, 9, 2, 2, 2, None, 40, 7]}).astype("Int64")


@pytest.mark.parametrize("at", [0.0, 0.01, 0.25, 0.3, 0.5, 0.75, 0.99, 1.0])
def test_percentiles_are_those_of_all_values(at: float) -> None:
    counted = [(float(value), int(n)) for value, n in VALUES["n"].value_counts().items()]
    assert percentile(counted, at) == pytest.approx(float(VALUES["n"].dropna().quantile(at)))


def test_columns_with_many_values_are_left_to_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = SqliteTables({"values_": VALUES})
    counted = profile_table(tables, f"{SCHEMA}.values_").columns["n"].quantiles
    monkeypatch.setattr(profiling, "MOST_VALUES", 3)
    asked = profile_table(tables, f"{SCHEMA}.values_").columns["n"].quantiles
    assert list(counted) == list(QUANTILES)
    assert counted == pytest.approx(dict(asked))
