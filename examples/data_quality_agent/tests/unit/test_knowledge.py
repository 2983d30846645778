"""What is known, how it is searched, and how it is brought to a table."""

from __future__ import annotations

import json

from data_quality_agent.evaluation import retrieval
from data_quality_agent.ingestion import FILES, read_frame
from data_quality_agent.knowledge import (
    COLUMN,
    RULE,
    ShippedKnowledge,
    read_entries,
    rules_that_fit,
)


def test_the_dictionary_describes_exactly_the_columns_that_there_are(
    knowledge: ShippedKnowledge,
) -> None:
    described = {one.id for one in knowledge.entries if one.kind == COLUMN}
    assert described == {f"{table}.{name}" for table in FILES for name in read_frame(table)}


def test_what_is_searched_has_no_regular_expressions_in_it() -> None:
    (delay,) = [one for one in read_entries() if "A delay is" in one.text]
    assert delay.text.endswith("Columns: sched time, time, delay.")


def test_past_rules_are_given_the_columns_of_the_table(knowledge: ShippedKnowledge) -> None:
    columns = ["sched_dep_time", "dep_time", "dep_delay", "arr_delay", "note"]
    past = [json.loads(one.content) for one in knowledge.entries if one.kind == RULE]
    delays = [
        one["columns"] for one in rules_that_fit(past, columns) if one["reason"].startswith("A del")
    ]
    assert delays == [["sched_dep_time", "dep_time", "dep_delay"]]


def test_a_search_is_limited_to_a_table(knowledge: ShippedKnowledge) -> None:
    found = knowledge.search("speed of the wind", kind=COLUMN, subject="weather", count=2)
    assert found[0].id == "weather.wind_speed"
    assert {one.subject for one in found} == {"weather"}


def test_retrieval_is_measured_by_which_past_rules_suit_the_table() -> None:
    weather = list(read_frame("weather"))
    past = {one.id: json.loads(one.content) for one in read_entries() if one.kind == RULE}
    suiting = {name for name, rule in past.items() if rules_that_fit([rule], weather)}
    assert len(suiting) >= 3
    wrong = next(name for name in past if name not in suiting)
    perfect = retrieval(sorted(suiting), weather, past)
    assert (perfect.recall, perfect.precision) == (1.0, 1.0)
    half = retrieval([sorted(suiting)[0], wrong], weather, past)
    assert (half.recall, half.precision) == (1 / len(suiting), 0.5)
    assert retrieval([], ["x"], past).recall == 1.0
