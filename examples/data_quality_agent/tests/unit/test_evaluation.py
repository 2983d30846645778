from __future__ import annotations

import math
from typing import Any

from data_quality_agent.evaluation import Label, examples, metrics, percentile, pooled, score


def label(name: str, kind: str, *columns: str, is_defect: bool = True) -> Label:
    return Label(
        id=name,
        table="t",
        what="",
        is_defect=is_defect,
        rows=int(is_defect),
        proof="",
        accepted=((kind, frozenset(columns)),),
    )


def rule(kind: str, *columns: str) -> dict[str, Any]:
    return {"kind": kind, "columns": list(columns)}


REPORT = {
    "proposals": 5,
    "rules": [rule("key", "b", "a"), rule("not_null", "c")],
    "findings": [rule("not_null", "a"), rule("range", "b")],
}


def test_a_defect_counts_as_found_only_as_a_finding() -> None:
    labels = [label("a", "not_null", "a"), label("c", "not_null", "c")]
    found = score(REPORT, labels)
    assert (found.recall, found.precision, found.missed) == (0.5, 0.5, ("c",))


def test_a_constraint_counts_as_found_only_as_a_rule_that_holds() -> None:
    labels = [
        label("key", "key", "a", "b", is_defect=False),
        label("range", "range", "b", is_defect=False),
    ]
    found = score(REPORT, labels)
    assert found.missed == ("range",)
    assert found.precision == 0.0  # a label that is no defect confirms no finding


def test_tables_are_pooled_by_count_not_by_rate() -> None:
    empty = score({"proposals": 0, "rules": [], "findings": []}, [label("x", "key", "x")])
    both = pooled([score(REPORT, [label("a", "not_null", "a")]), empty])
    assert (both.recall, both.precision, both.hold_rate) == (0.5, 0.5, 0.4)


def test_the_gate_gets_no_number_when_nothing_was_measured() -> None:
    assert math.isnan(metrics([], [])["latency_p95_s"])
    assert metrics([], [])["proposals_hold_rate"] == 0.0


def test_the_95th_percentile_of_a_few_values_is_the_slowest() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.95) == 3.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_each_label_is_an_example_that_releases_are_compared_by() -> None:
    labels = [label("a", "not_null", "a"), label("c", "not_null", "c")]
    assert examples([score(REPORT, labels)], labels) == {"a": {"found": 1}, "c": {"found": 0}}
