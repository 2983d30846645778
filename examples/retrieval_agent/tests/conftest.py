from __future__ import annotations

from pathlib import Path

import pytest

from retrieval_agent.library import Found

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def _traces_nowhere() -> None:
    import mlflow

    mlflow.tracing.disable()


def found(number: int, text: str, page: str = "page.md") -> Found:
    return Found(id=f"id{number}", page=page, title="Page", section="", text=text, score=1.0)
