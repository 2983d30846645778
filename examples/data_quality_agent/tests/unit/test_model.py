"""The agent packaged by MLflow: saved with its artifacts, loaded, and asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import databricks.sdk
import mlflow
import pandas as pd
import pytest
from sqlite_tables import SCHEMA, SqliteTables

import data_quality_agent
from data_quality_agent import tables as reading

PACKAGE = Path(data_quality_agent.__file__).parent
CODES = {"code": ["A1", "B2", "C3", None] * 10}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The model, reading SQLite in place of a warehouse."""
    patch = pytest.MonkeyPatch()
    codes = SqliteTables({"codes": pd.DataFrame(CODES).astype("string")})
    patch.setattr(reading, "WarehouseTables", lambda _client: codes)
    patch.setattr(databricks.sdk, "WorkspaceClient", lambda: None)
    folder = tmp_path_factory.mktemp("model") / "agent"
    mlflow.pyfunc.save_model(
        folder,
        python_model=str(PACKAGE / "model.py"),
        artifacts={"system_prompt": str(PACKAGE / "prompts" / "system_prompt.md")},
        model_config={"default_table": f"{SCHEMA}.codes"},
        input_example={"input": [{"role": "user", "content": "Which rules does it break?"}]},
        pip_requirements=["mlflow"],
    )
    yield mlflow.pyfunc.load_model(str(folder))
    patch.undo()


def ask(model: Any, text: str, **custom_inputs: str) -> dict[str, Any]:
    question = {"input": [{"role": "user", "content": text}], "custom_inputs": custom_inputs}
    return model.predict(question)


def test_the_model_has_the_signature_that_registration_in_unity_catalog_wants(saved: Any) -> None:
    assert saved.metadata.signature.inputs is not None
    assert saved.metadata.signature.outputs is not None


def test_an_answer_has_text_for_people_and_json_for_programs(saved: Any) -> None:
    answer = ask(saved, "Which rules does it break?")
    text = answer["output"][0]["content"][0]["text"]
    assert text.startswith(f"{SCHEMA}.codes has 40 rows and 1 columns.")
    assert "no language model is configured" in text
    report = answer["custom_outputs"]
    assert report["table"] == f"{SCHEMA}.codes"
    assert report["row_count"] == 40
    assert {rule["kind"] for rule in report["rules"]} >= {"length"}


def test_the_table_comes_from_the_question_or_from_the_custom_inputs(saved: Any) -> None:
    for answer in (
        ask(saved, f"What is wrong with {SCHEMA}.codes?"),
        ask(saved, f"What is wrong with `{SCHEMA.replace('.', '`.`')}`.`codes`?"),
        ask(saved, "What is wrong with other.schema.table?", table=f"{SCHEMA}.codes"),
    ):
        assert answer["custom_outputs"]["table"] == f"{SCHEMA}.codes"


def test_a_table_name_cannot_carry_sql(saved: Any) -> None:
    with pytest.raises(Exception, match=r"catalog\.schema\.table"):
        ask(saved, "Check it.", table="a.b.c; DROP TABLE a.b.c")


def test_a_streamed_answer_is_the_same_report(saved: Any) -> None:
    question = {"input": [{"role": "user", "content": "Which rules does it break?"}]}
    (event,) = saved.predict_stream(question)
    assert event["type"] == "response.output_item.done"
    assert event["custom_outputs"]["row_count"] == 40
