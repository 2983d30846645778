"""AI functions in SQL over serving endpoints, answered here by the workspace's offline models.

Follows "AI Functions on Databricks" and the pages of ai_query and its siblings.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.functions.conftest import Run, runner

pytestmark = pytest.mark.slow

CHAT = "databricks-meta-llama-3-3-70b-instruct"
TOPICS = "array('battery', 'delivery')"


@pytest.fixture(scope="module")
def reviews(run: Run, schema: str) -> str:
    table = f"{schema}.reviews"
    made = run(
        f"CREATE TABLE {table} AS SELECT * FROM VALUES "
        "(1, 'The battery of this phone lasts two days. It charges fast.'), "
        "(2, 'Delivery was late by a week and the package was damaged.'), "
        "(3, CAST(NULL AS STRING)) AS t(id, txt)"
    )
    assert made == [], made
    return table


@pytest.mark.documented
def test_each_row_is_asked_and_null_is_not(run: Run, reviews: str) -> None:
    asked = "concat('How long does the battery last?\\n\\n', txt)"
    rows = run(
        f"SELECT ai_query('{CHAT}', {asked}, "
        f"modelParameters => named_struct('max_tokens', 50)) FROM {reviews} ORDER BY id"
    )
    assert rows[0] == ["The battery of this phone lasts two days."]
    assert "offline model" in rows[1][0]
    assert rows[2] == [None]


@pytest.mark.documented
def test_embeddings_come_as_arrays_and_are_compared(run: Run, reviews: str) -> None:
    sized = run(f"SELECT size(ai_query('databricks-gte-large-en', txt)) FROM {reviews} ORDER BY id")
    assert sized == [["1024"], ["1024"], [None]]
    ((near, far, nothing),) = run(
        "SELECT ai_similarity('red wine', 'a red wine'), ai_similarity('red wine', 'steel bridge'),"
        " ai_similarity(NULL, 'x')"
    )
    assert float(near) > 0.9
    assert float(far) < 0.1
    assert nothing is None


@pytest.mark.documented
def test_tasks_are_done_by_what_the_text_says(run: Run, reviews: str) -> None:
    assert run(f"SELECT ai_classify(txt, {TOPICS}) c, count(*) FROM {reviews} GROUP BY c") != []
    rows = run(
        f"SELECT ai_classify(txt, {TOPICS}), ai_extract(txt, {TOPICS}), ai_summarize(txt, 20) "
        f"FROM {reviews} ORDER BY id"
    )
    assert [row[0] for row in rows] == ["battery", "delivery", None]
    assert json.loads(rows[0][1]) == {
        "battery": "The battery of this phone lasts two days.",
        "delivery": None,
    }
    assert rows[1][2] == "Delivery was late by a week and the package was damaged."
    assert run("SELECT ai_classify('about something else', array('a1', 'b2'))") == [[None]]


@pytest.mark.documented
def test_a_json_schema_gives_a_typed_answer(run: Run) -> None:
    form = {"name": "p", "schema": {"type": "object", "properties": {"price": {"type": "number"}}}}
    wanted = json.dumps({"type": "json_schema", "json_schema": form})
    asked = "The price is 12 dollars. What is the price?"
    rows = run(
        f"SELECT ai_query('{CHAT}', '{asked}', responseFormat => '{wanted}', "
        "returnType => 'STRUCT<price: DOUBLE>').price + 1"
    )
    assert rows == [["13.0"]]


@pytest.mark.belief
def test_a_sql_type_stands_for_a_schema(run: Run) -> None:
    asked = f"'{CHAT}', 'The price is 12 dollars. What is the price?'"
    form = "responseFormat => 'STRUCT<answer: STRUCT<price: DOUBLE>>'"
    ((text,),) = run(f"SELECT ai_query({asked}, {form})")
    assert json.loads(text) == {"price": 12}
    rows = run(f"SELECT from_json(ai_query({asked}, {form}), 'price DOUBLE').price + 1")
    assert rows == [["13.0"]]
    typed = "returnType => 'STRUCT<price: DOUBLE>', failOnError => false"
    ((kept,),) = run(f"SELECT ai_query({asked}, {form}, {typed})")
    assert json.loads(kept) == {"result": {"price": 12.0}, "errorMessage": None}
    refused = run(f"SELECT ai_query({asked}, responseFormat => 'STRUCT<a: INT, b: INT>')")
    assert "exactly one field" in refused


@pytest.mark.belief
def test_nothing_is_made_of_null_and_of_empty_lists(run: Run) -> None:
    calls = (
        "ai_gen(CAST(NULL AS STRING))",
        "ai_summarize(CAST(NULL AS STRING))",
        "ai_summarize(CAST(NULL AS STRING), 5)",
        f"ai_classify(CAST(NULL AS STRING), {TOPICS})",
        "ai_classify('battery', CAST(NULL AS ARRAY<STRING>))",
        "ai_extract(CAST(NULL AS STRING), array('city')).city",
        "ai_similarity('a', CAST(NULL AS STRING))",
        f"ai_query('{CHAT}', CAST(NULL AS STRING))",
        "ai_query('databricks-gte-large-en', CAST(NULL AS STRING))",
    )
    assert run(f"SELECT {', '.join(calls)}") == [[None] * len(calls)]
    rows = run("SELECT ai_classify('the battery died', array('battery', CAST(NULL AS STRING)))")
    assert rows == [["battery"]]


@pytest.mark.documented
def test_an_error_is_a_field_when_it_may_not_fail(run: Run) -> None:
    text = "'x', responseFormat => 'nonsense'"
    failed = run(f"SELECT ai_query('{CHAT}', {text})")
    assert "AI_FUNCTION_HTTP_REQUEST_ERROR" in failed
    ((kept,),) = run(f"SELECT ai_query('{CHAT}', {text}, failOnError => false)")
    assert json.loads(kept)["result"] is None
    assert "responseFormat" in json.loads(kept)["errorMessage"]
    ((kept,),) = run(f"SELECT ai_query('{CHAT}', 'x', failOnError => false)")
    assert json.loads(kept)["errorMessage"] is None


@pytest.mark.belief
def test_what_the_offline_model_cannot_do_is_refused(run: Run) -> None:
    for call in ("ai_translate('hello', 'de')", "ai_fix_grammar('he go')", "ai_mask('x', array())"):
        assert "needs a language model" in run(f"SELECT {call}"), call
    assert "ai_forecast is not supported" in run("SELECT * FROM ai_forecast(TABLE(x), 1)")


@pytest.mark.documented
def test_ai_functions_stand_in_functions_and_views(run: Run, reviews: str, schema: str) -> None:
    made = run(
        f"CREATE FUNCTION {schema}.topic(t STRING) RETURNS STRING RETURN ai_classify(t, {TOPICS})"
    )
    assert made == []
    run(f"CREATE VIEW {schema}.topics AS SELECT id, {schema}.topic(txt) AS topic FROM {reviews}")
    rows = run(f"SELECT topic FROM {schema}.topics ORDER BY id")
    assert rows == [["battery"], ["delivery"], [None]]


@pytest.mark.documented
def test_an_endpoint_must_be_there_and_may_be_asked(
    run: Run, workspace: Any, somebody: Callable[..., Any]
) -> None:
    assert "does not exist" in run("SELECT ai_query('no-such-endpoint', 'x')")
    assert "must be a literal" in run("SELECT ai_query(concat('a', 'b'), 'x')")
    assert "needs the parameter `prompt`" in run("SELECT ai_gen()")
    rows = runner(somebody())(f"SELECT ai_query('{CHAT}', 'Which pen?\\n\\nIt is a red pen.')")
    assert rows == [["It is a red pen."]]
