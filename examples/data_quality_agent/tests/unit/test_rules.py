from __future__ import annotations

import pytest

from data_quality_agent.predicates import PredicateError, check_predicate
from data_quality_agent.rules import Rule, RuleError, broken_when, literal, read_rule

COLUMNS = {"speed": "double", "gust": "double", "code": "string", "seen": "timestamp"}


def read(kind: str, columns: list[str], **parameters: object) -> Rule:
    given = {"kind": kind, "columns": columns, "parameters": parameters}
    return read_rule(given, columns=COLUMNS, source="test")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("text", "a rule is an object"),
        ({"kind": "magic", "columns": ["code"]}, "unknown kind 'magic'"),
        ({"kind": "not_null", "columns": []}, "at least one column"),
        ({"kind": "not_null", "columns": ["height"]}, "no column height"),
        ({"kind": "key", "columns": ["code", "code"]}, "twice"),
        ({"kind": "range", "columns": ["speed"]}, "needs `low`"),
        ({"kind": "range", "columns": ["code"], "parameters": {"low": 1}}, "not a number"),
        ({"kind": "in_set", "columns": ["code"], "parameters": {"values": []}}, "needs `values`"),
        ({"kind": "null_together", "columns": ["code"]}, "2 to 2 columns"),
        ({"kind": "reference", "columns": ["code"]}, "needs `references`"),
        (
            {"kind": "expression", "columns": ["code"], "parameters": {"predicate": "speed > 0"}},
            "name these columns",
        ),
    ],
)
def test_what_is_wrong_with_a_proposal_is_said(given: object, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        read_rule(given, columns=COLUMNS, source="test")


@pytest.mark.parametrize(
    "predicate",
    [
        "speed > 0; DROP TABLE flights",
        "speed IN (SELECT speed FROM other)",
        "speed > 0 -- and more",
        "speed /* x */ > 0",
        "code = 'a\\'",
        "reflect('java.lang.System', 'exit') = speed",
        "(speed > 0",
        "speed > 0) OR (1 = 1",
        "1 = 1",
        "weight > 0",
        "`weight` > 0",
        "speed > 0 UNION ALL",
        "",
    ],
)
def test_a_predicate_that_is_more_than_a_condition_is_refused(predicate: str) -> None:
    with pytest.raises(PredicateError):
        check_predicate(predicate, COLUMNS)


def test_a_plain_predicate_tells_its_columns() -> None:
    text = "CASE WHEN code = 'it''s' THEN abs(`speed` - gust) <= 1.5 ELSE TRUE END"
    assert check_predicate(text, COLUMNS) == {"code", "speed", "gust"}


def test_rows_without_a_value_break_no_range() -> None:
    assert broken_when(read("range", ["speed"], low=0, high=9)) == "(`speed` < 0 OR `speed` > 9)"


def test_quotes_in_values_stay_inside_the_literal() -> None:
    assert literal("O'Hare") == "'O''Hare'"
    with pytest.raises(RuleError, match="backslash"):
        literal("\\'")


def test_the_order_of_columns_and_the_source_make_no_other_rule() -> None:
    one = Rule(kind="key", columns=("code", "seen"), source="profile")
    assert one.identity == Rule(kind="key", columns=("seen", "code"), source="model").identity
