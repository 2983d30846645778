"""The SQL that profiles a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.monitors.profile import COLUMNS_AT_ONCE, Source, clear, profile

AT = "TIMESTAMP'2026-01-01 00:00:00'"


def statements(monitor: Mapping[str, Any], *columns: tuple[str, str]) -> list[str]:
    told = [{"name": name, "type_text": kind.lower(), "type_name": kind} for name, kind in columns]
    source = Source(table="dev.s.t", columns=told, log_type="INPUT", moment=AT)
    return list(profile("dev.s.p", monitor, source, 3))


def test_wide_tables_are_profiled_some_columns_at_a_time() -> None:
    made = statements({"snapshot": {}}, *((f"c{at}", "LONG") for at in range(COLUMNS_AT_ONCE)))
    assert len(made) == 2
    assert "':table'" in made[0]
    assert f"'c{COLUMNS_AT_ONCE - 1}'" in made[1]


def test_a_column_is_measured_by_its_type() -> None:
    (made,) = statements({"snapshot": {}}, ("m", "MAP"))
    assert "DISTINCT" not in made
    assert "isnan" not in made
    (made,) = statements({"snapshot": {}}, ("n", "DOUBLE"), ("s", "STRING"))
    assert "median(CASE WHEN isnan(CAST(`n` AS DOUBLE))" in made
    assert "max(length(`s`))" in made
    assert "isnan(CAST(`s`" not in made


def test_names_and_expressions_stay_inside_their_quotes() -> None:
    (made,) = statements({"snapshot": {}, "slicing_exprs": ["a = 'x'"]}, ("we`ird'", "STRING"))
    assert "count(`we``ird'`)" in made
    assert r"'we`ird\''" in made
    assert r"'a = \'x\''" in made


def test_only_snapshots_keep_what_was_before() -> None:
    assert clear("dev.s.p", {"snapshot": {}}).endswith("WHERE log_type = 'BASELINE'")
    assert clear("dev.s.p", {"time_series": {}}).endswith("WHERE true")
