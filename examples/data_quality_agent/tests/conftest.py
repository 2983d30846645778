from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlite_tables import SCHEMA, SqliteTables

from data_quality_agent.agent import examine
from data_quality_agent.evaluation import Label, read_labels
from data_quality_agent.ingestion import FILES, read_frame
from data_quality_agent.language_model import OfflineHeuristic

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def _traces_nowhere() -> None:
    import mlflow

    mlflow.tracing.disable()


@pytest.fixture(scope="session")
def tables() -> SqliteTables:
    try:
        return SqliteTables({name: read_frame(name) for name in FILES})
    except ModuleNotFoundError as fault:
        pytest.skip(str(fault))


@pytest.fixture(scope="session")
def examples() -> list[dict[str, Any]]:
    prompts = ROOT / "src" / "data_quality_agent" / "prompts"
    return json.loads((prompts / "example_rules.json").read_text())


@pytest.fixture(scope="session")
def labels() -> tuple[Label, ...]:
    return read_labels(ROOT / "evaluation" / "labels.json")


@pytest.fixture(scope="session")
def reports(tables: SqliteTables, examples: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    model = OfflineHeuristic(examples=examples)
    return {name: examine(tables, f"{SCHEMA}.{name}", model).to_json() for name in FILES}
