from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlite_tables import SCHEMA, SqliteTables

from data_quality_agent.agent import examine
from data_quality_agent.evaluation import Label, read_labels
from data_quality_agent.ingestion import FILES, read_frame
from data_quality_agent.knowledge import ShippedKnowledge, read_entries

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
def knowledge() -> ShippedKnowledge:
    return ShippedKnowledge(read_entries())


@pytest.fixture(scope="session")
def labels() -> tuple[Label, ...]:
    return read_labels(ROOT / "evaluation" / "labels.json")


@pytest.fixture(scope="session")
def reports(tables: SqliteTables, knowledge: ShippedKnowledge) -> dict[str, dict[str, Any]]:
    return {
        name: examine(tables, f"{SCHEMA}.{name}", knowledge=knowledge).to_json() for name in FILES
    }
