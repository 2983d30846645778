"""The agent on the real tables: what it must find and must not, and that the labels are true."""

from __future__ import annotations

import pytest
from sqlite_tables import SCHEMA, SqliteTables

from data_quality_agent.evaluation import Label, metrics, pooled, score
from data_quality_agent.ingestion import FILES, read_frame


def test_every_label_is_proven_by_the_data(tables: SqliteTables, labels: tuple[Label, ...]) -> None:
    schema = ".".join(f"`{part}`" for part in SCHEMA.split("."))
    wrong = {}
    for label in labels:
        found = tables.query(label.proof.replace("{schema}", schema))[0]["n"]
        if found != label.rows:
            wrong[label.id] = found
    assert not wrong


def test_labels_have_different_ids_and_name_real_columns(
    tables: SqliteTables, labels: tuple[Label, ...]
) -> None:
    assert len({label.id for label in labels}) == len(labels)
    for label in labels:
        known = set(tables.columns(f"{SCHEMA}.{label.table}"))
        assert all(columns <= known for _, columns in label.accepted), label.id
        assert label.is_defect == (label.rows > 0), label.id


@pytest.mark.usefixtures("tables")  # skips without the package
def test_missing_whole_numbers_are_read_as_missing_not_as_fractions() -> None:
    frame = read_frame("planes")
    assert str(frame["year"].dtype) == "Int32"
    assert int(frame["year"].isna().sum()) == 70


def test_the_report_keeps_the_gate_of_the_release(reports: dict, labels: tuple[Label, ...]) -> None:
    scores = [score(reports[name], [one for one in labels if one.table == name]) for name in FILES]
    found = metrics(scores, [1.0])
    assert found["rule_recall"] >= 0.85
    assert found["rule_precision"] >= 0.9
    assert found["proposals_hold_rate"] >= 0.6
    # Known limits: statistics and examples of names cannot know these; a language model may.
    assert set(pooled(scores).missed) == {
        "flights-faster-than-an-airliner",
        "flights-goes-somewhere",
        "weather-hours-missing",
        "airports-wrong-side-of-the-world",
    }


def test_broken_references_are_counted_exactly(reports: dict) -> None:
    broken = {
        tuple(one["columns"]): one["broken"]
        for one in reports["flights"]["findings"]
        if one["kind"] == "reference"
    }
    assert broken[("tailnum",)] == 50094
    assert broken[("dest",)] == 7602
    assert sum(broken.values()) == 50094 + 7602 + 1556


def test_findings_show_examples_of_what_is_wrong(reports: dict) -> None:
    winds = [one for one in reports["weather"]["findings"] if one["columns"] == ["wind_speed"]]
    outlier = next(one for one in winds if one["kind"] == "range")
    assert outlier["examples"][0]["wind_speed"] == pytest.approx(1048.36058)


def test_a_clean_table_has_no_findings(reports: dict) -> None:
    assert reports["airlines"]["findings"] == []
    assert "no language model is configured" in reports["airlines"]["notes"][0]
    assert reports["airlines"]["language_model"] == ""
