"""Every scorer that MLflow brings along, with the default judge of a Databricks workspace."""

from __future__ import annotations

from typing import Any

import mlflow
from mlflow.genai import scorers
from place import unique

CLIENT = "databricks-agents"

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(f"/Shared/{unique()}")

PASSAGE = "Paris is the capital of France. It lies on the river Seine."
ROWS = [
    {
        "inputs": {"question": "What is the capital of France?"},
        "expectations": {
            "expected_response": PASSAGE,
            "guidelines": ["The response names a city"],
            "expected_tool_calls": [{"name": "look_up", "arguments": {"place": "France"}}],
        },
    },
]


@mlflow.trace(span_type="RETRIEVER")
def retrieve(question: str) -> list[dict[str, Any]]:
    return [{"page_content": PASSAGE, "metadata": {"doc_uri": "a.md"}}]


@mlflow.trace(span_type="TOOL", name="look_up")
def look_up(place: str) -> str:
    return f"found {place}"


@mlflow.trace
def answer(question: str) -> str:
    look_up("France")
    return str(retrieve(question)[0]["page_content"])


def judged(*wanted: Any) -> dict[str, Any]:
    """Value by scorer; whatever could not be judged raises."""
    found = mlflow.genai.evaluate(data=ROWS, predict_fn=answer, scorers=list(wanted))
    (trace,) = mlflow.search_traces(run_id=found.run_id, return_type="list")
    values = {}
    for one in trace.info.assessments:
        feedback = getattr(one, "feedback", None)
        if feedback is not None:
            assert one.error is None, (one.name, one.error)
            assert feedback.value is not None, one.name
            values[one.name] = feedback.value
    return values


def probe_answers() -> None:
    """evaluate: Completeness, Equivalence, Fluency, Summarization, ExpectationsGuidelines"""
    found = judged(
        scorers.Completeness(),
        scorers.Equivalence(),
        scorers.Fluency(),
        scorers.Summarization(),
        scorers.ExpectationsGuidelines(),
    )
    assert len(found) == 5, found


def probe_retrieval() -> None:
    """evaluate: RetrievalRelevance, RetrievalSufficiency, RetrievalGroundedness"""
    found = judged(
        scorers.RetrievalRelevance(),
        scorers.RetrievalSufficiency(),
        scorers.RetrievalGroundedness(),
    )
    assert {"retrieval_sufficiency", "retrieval_groundedness"} <= set(found), found
    assert any(name.startswith("retrieval_relevance") for name in found), found


def probe_tools() -> None:
    """evaluate: ToolCallCorrectness, ToolCallEfficiency"""
    found = judged(scorers.ToolCallCorrectness(), scorers.ToolCallEfficiency())
    assert len(found) == 2, found


def probe_rules() -> None:
    """evaluate: scorers without a judge: PIIDetection, RegexMatch, ResponseLength"""
    found = judged(scorers.RegexMatch(pattern="Paris"), scorers.ResponseLength(max_length=200))
    assert len(found) == 2, found


def probe_conversations() -> None:
    """evaluate: scorers over a conversation, by its session"""
    session = unique()

    @mlflow.trace
    def turn(question: str) -> str:
        mlflow.update_current_trace(metadata={"mlflow.trace.session": session})
        return PASSAGE

    for question in ("What is the capital of France?", "Where does Paris lie?"):
        turn(question)
    mlflow.flush_trace_async_logging()
    traces = mlflow.search_traces(
        filter_string=f"metadata.`mlflow.trace.session` = '{session}'", return_type="list"
    )
    assert len(traces) == 2
    wanted = (
        scorers.ConversationCompleteness(),
        scorers.UserFrustration(),
        scorers.KnowledgeRetention(),
        scorers.ConversationalSafety(),
        scorers.ConversationalRoleAdherence(),
    )
    found = mlflow.genai.evaluate(data=traces, scorers=list(wanted))
    listed = mlflow.search_traces(run_id=found.run_id, return_type="list")
    told = {
        one.name: one.error
        for trace in listed
        for one in trace.info.assessments
        if getattr(one, "feedback", None) is not None
    }
    assert len(told) == len(wanted), told
    assert not any(told.values()), told
