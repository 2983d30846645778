"""The index as the agent sees it: a question in, passages out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import mlflow
from mlflow.entities import SpanType

COLUMNS = ("id", "page", "title", "section", "text")
WANTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage and what it is worth for the question."""

    id: str
    page: str
    title: str
    section: str
    text: str
    score: float

    @property
    def body(self) -> str:
        """The text without the place that stands before it."""
        return self.text.partition("\n\n")[2] or self.text

    @property
    def place(self) -> str:
        return f"{self.title} > {self.section}" if self.section else self.title

    def source(self) -> dict[str, Any]:
        return {"id": self.id, "page": self.page, "section": self.place, "score": self.score}


class Library(Protocol):
    def search(self, question: str) -> Sequence[Found]:
        """The best passages for a question, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedLibrary:
    """A vector search index, asked for words and meaning together, its results reranked.

    When the best of them is worth less than `least`, nothing was found: the library does not speak
    of what was asked.
    """

    index: str
    client: Any  # a WorkspaceClient
    least: float = 0.0
    wanted: int = WANTED

    def search(self, question: str) -> Sequence[Found]:
        with mlflow.start_span("search_library", span_type=SpanType.RETRIEVER) as span:
            span.set_inputs({"query": question, "index": self.index})
            answer = self.client.vector_search_indexes.query_index(
                self.index,
                list(COLUMNS),
                query_text=question,
                query_type="HYBRID",
                columns_to_rerank=["text"],
                num_results=self.wanted,
            )
            rows = (answer.result and answer.result.data_array) or []
            found = [_found(row) for row in rows]
            if found and found[0].score < self.least:
                found = []
            span.set_outputs([_document(one) for one in found])
            return found


def _found(row: Sequence[Any]) -> Found:
    *texts, score = row
    named = dict(zip(COLUMNS, map(str, texts), strict=True))
    return Found(**named, score=round(float(score), 4))


def _document(one: Found) -> dict[str, Any]:
    """As MLflow's traces show documents, and its retrieval scorers read them."""
    return {"page_content": one.text, "id": one.id, "metadata": {"doc_uri": one.page}}
