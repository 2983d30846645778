"""Traces, assessments and feedback with MLflow's own client."""

from __future__ import annotations

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, AssessmentSourceType, SpanType
from place import SCHEMA, refusal, unique

CLIENT = "mlflow"

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
EXPERIMENT = mlflow.set_experiment(f"/Shared/{unique()}").experiment_id


@mlflow.trace(span_type=SpanType.CHAIN)
def answer(question: str) -> str:
    with mlflow.start_span("retrieve", span_type=SpanType.RETRIEVER) as span:
        span.set_inputs({"question": question})
        span.set_outputs([{"page_content": "Paris is the capital.", "metadata": {"doc_uri": "a"}}])
    return f"answer to {question}"


def traced(question: str = "capital?") -> str:
    answer(question)
    mlflow.flush_trace_async_logging()
    found = mlflow.get_last_active_trace_id()
    assert found is not None
    return found


def probe_search() -> None:
    """traces: log, get with spans, search by tag and status; order and pages"""
    ids = [traced(f"question {n}") for n in range(3)]
    trace = mlflow.get_trace(ids[0])
    assert [one.name for one in trace.data.spans] == ["answer", "retrieve"]
    assert trace.data.spans[0].outputs == "answer to question 0"
    mlflow.set_trace_tag(ids[0], "color", "blue")
    found = mlflow.search_traces(
        locations=[EXPERIMENT], filter_string="tags.color = 'blue'", return_type="list"
    )
    assert [one.info.trace_id for one in found] == [ids[0]]
    every = mlflow.search_traces(
        locations=[EXPERIMENT],
        filter_string="trace.status = 'OK'",
        order_by=["timestamp_ms ASC"],
        return_type="list",
    )
    assert [one.info.trace_id for one in every] == ids
    client = MlflowClient()
    page = client.search_traces(locations=[EXPERIMENT], max_results=2)
    rest = client.search_traces(locations=[EXPERIMENT], max_results=2, page_token=page.token)
    assert {one.info.trace_id for one in [*page, *rest]} == set(ids)
    frame = mlflow.search_traces(locations=[EXPERIMENT])
    assert len(frame) == 3


def probe_tags() -> None:
    """traces: tags set, changed, deleted; delete of traces"""
    trace = traced()
    mlflow.set_trace_tag(trace, "a", "1")
    mlflow.set_trace_tag(trace, "a", "2")
    assert mlflow.get_trace(trace).info.tags["a"] == "2"
    mlflow.delete_trace_tag(trace, "a")
    assert "a" not in mlflow.get_trace(trace).info.tags
    assert MlflowClient().delete_traces(EXPERIMENT, trace_ids=[trace]) == 1
    assert mlflow.get_trace(trace, silent=True) is None


def probe_assessments() -> None:
    """assessments: feedback and expectation logged, got, updated, overridden, deleted"""
    trace = traced()
    source = AssessmentSource(source_type=AssessmentSourceType.HUMAN, source_id="me@example.com")
    good = mlflow.log_feedback(
        trace_id=trace, name="good", value=True, rationale="because", source=source
    )
    wanted = mlflow.log_expectation(trace_id=trace, name="expected", value={"answer": "Paris"})
    got = mlflow.get_assessment(trace, good.assessment_id)
    assert (got.name, got.value, got.rationale) == ("good", True, "because")
    assert mlflow.get_assessment(trace, wanted.assessment_id).value == {"answer": "Paris"}
    changed = mlflow.entities.Feedback(name="good", value=False)
    mlflow.update_assessment(trace, good.assessment_id, changed)
    assert mlflow.get_assessment(trace, good.assessment_id).value is False
    mlflow.override_feedback(
        trace_id=trace, assessment_id=good.assessment_id, value=True, rationale="looked again"
    )
    shown = mlflow.get_trace(trace).info.assessments
    assert sorted(one.name for one in shown if one.valid is not False) == ["expected", "good"]
    mlflow.delete_assessment(trace, wanted.assessment_id)
    assert refusal(lambda: mlflow.get_assessment(trace, wanted.assessment_id))
    found = mlflow.search_traces(
        locations=[EXPERIMENT], filter_string="feedback.good = 'true'", return_type="list"
    )
    assert trace in [one.info.trace_id for one in found]


def probe_runs() -> None:
    """traces: linked to a run, found by it"""
    trace = traced()
    with mlflow.start_run() as run:
        inside = traced("inside")
    assert mlflow.get_trace(inside).info.request_metadata["mlflow.sourceRun"] == run.info.run_id
    MlflowClient().link_traces_to_run([trace], run.info.run_id)
    found = mlflow.search_traces(locations=[EXPERIMENT], run_id=run.info.run_id, return_type="list")
    assert {one.info.trace_id for one in found} == {trace, inside}


def probe_sessions() -> None:
    """traces: user and session, previews, in progress and failed"""
    with mlflow.start_span("chat") as span:
        mlflow.update_current_trace(
            metadata={"mlflow.trace.session": "s1", "mlflow.trace.user": "u1"},
            request_preview="asked",
        )
        span.set_outputs("said")
    mlflow.flush_trace_async_logging()
    found = mlflow.search_traces(
        locations=[EXPERIMENT],
        filter_string="metadata.`mlflow.trace.session` = 's1'",
        return_type="list",
    )
    assert [one.info.request_preview for one in found] == ["asked"]

    @mlflow.trace
    def failing() -> None:
        raise ValueError("wrong")

    assert "wrong" in refusal(failing)
    mlflow.flush_trace_async_logging()
    bad = mlflow.search_traces(
        locations=[EXPERIMENT], filter_string="trace.status = 'ERROR'", return_type="list"
    )
    assert bad[0].data.spans[0].events[0].name == "exception"


def probe_attachments() -> None:
    """traces: a large one, whose data takes an artifact"""
    with mlflow.start_span("large") as span:
        span.set_outputs({"text": "x" * 3_000_000})
    mlflow.flush_trace_async_logging()
    trace = mlflow.get_trace(mlflow.get_last_active_trace_id())
    assert len(trace.data.spans[0].outputs["text"]) == 3_000_000


def probe_archival() -> None:
    """traces into Unity Catalog tables: refused, with the reason"""
    from mlflow.entities.trace_location import UnityCatalog

    catalog, schema = SCHEMA.split(".")
    told = refusal(
        lambda: mlflow.set_experiment(
            f"/Shared/{unique()}",
            trace_location=UnityCatalog(catalog, schema, table_prefix="t"),
        )
    )
    assert "Unity Catalog" in told, told
