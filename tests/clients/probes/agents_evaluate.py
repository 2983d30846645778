"""mlflow.genai.evaluate with code scorers, managed judges, labeling and scheduled scorers."""

from __future__ import annotations

import time
from typing import Any

import mlflow
from mlflow.genai import datasets, labeling
from mlflow.genai.label_schemas import InputCategorical, create_label_schema
from mlflow.genai.scorers import (
    Correctness,
    Guidelines,
    RelevanceToQuery,
    RetrievalGroundedness,
    Safety,
    ScorerSamplingConfig,
    delete_scorer,
    get_scorer,
    list_scorers,
    scorer,
)
from place import SCHEMA, unique

CLIENT = "databricks-agents"

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
EXPERIMENT = mlflow.set_experiment(f"/Shared/{unique()}").experiment_id

SCORED_WITHIN_S = 400  # the first time, an environment with the judges is built
PASSAGE = "Paris is the capital of France."
ROWS = [
    {
        "inputs": {"question": "What is the capital of France?"},
        "expectations": {"expected_facts": ["Paris is the capital of France"]},
    },
    {
        "inputs": {"question": "Which whale sings?"},
        "expectations": {"expected_facts": ["humpback whales sing long songs"]},
    },
]


@mlflow.trace(span_type="RETRIEVER")
def retrieve(question: str) -> list[dict[str, Any]]:
    return [{"page_content": PASSAGE, "metadata": {"doc_uri": "a.md"}}]


@mlflow.trace
def answer(question: str) -> str:
    return str(retrieve(question)[0]["page_content"])


@scorer
def short(outputs: Any) -> bool:
    return len(str(outputs)) < 100


def values(result: Any, name: str) -> list[Any]:
    """The scores of all rows, in the order of the questions."""
    frame = result.result_df
    return list(frame.sort_values("request", key=lambda c: c.astype(str))[f"{name}/value"])


def probe_code() -> None:
    """evaluate: code scorers over a function and over an evaluation dataset"""
    found = mlflow.genai.evaluate(data=ROWS, predict_fn=answer, scorers=[short])
    assert found.metrics["short/mean"] == 1.0
    name = f"{SCHEMA}.{unique('evals')}"
    made = datasets.create_dataset(name=name, experiment_id=EXPERIMENT)
    made.merge_records(ROWS)
    again = mlflow.genai.evaluate(data=made, predict_fn=answer, scorers=[short])
    assert again.metrics["short/mean"] == 1.0
    run = mlflow.get_run(again.run_id)
    assert run.data.metrics["short/mean"] == 1.0
    assert run.inputs.dataset_inputs[0].dataset.name == name
    traces = mlflow.search_traces(run_id=again.run_id, return_type="list")
    assert len(traces) == 2
    assert {one.name for trace in traces for one in trace.info.assessments} >= {"short"}


def probe_managed() -> None:
    """evaluate: Correctness, RelevanceToQuery, RetrievalGroundedness by the managed judge"""
    found = mlflow.genai.evaluate(
        data=ROWS,
        predict_fn=answer,
        scorers=[Correctness(), RelevanceToQuery(), RetrievalGroundedness()],
    )
    assert values(found, "correctness") == ["yes", "no"], found.result_df.to_dict("records")
    assert values(found, "relevance_to_query") == ["yes", "no"]
    assert values(found, "retrieval_groundedness") == ["yes", "yes"]


def probe_safety() -> None:
    """evaluate: Safety and Guidelines by the managed judge give a verdict"""
    found = mlflow.genai.evaluate(
        data=ROWS[:1],
        predict_fn=answer,
        scorers=[Safety(), Guidelines(name="named", guidelines=["Name the capital of France"])],
    )
    assert values(found, "safety")[0] in ("yes", "no"), found.result_df.to_dict("records")
    assert values(found, "named") == ["yes"]


def probe_endpoint_judges() -> None:
    """evaluate: Correctness with an endpoints:/ judge, make_judge with a databricks:/ one"""
    from typing import Literal

    from mlflow.deployments import set_deployments_target
    from mlflow.genai.judges import make_judge

    set_deployments_target("databricks")
    supported = make_judge(
        name="supported",
        instructions=(
            "Is the response supported?\n\nexpected_facts: {{ expectations }}\n\n"
            "response: {{ outputs }}"
        ),
        feedback_value_type=Literal["yes", "no"],
        model="databricks:/databricks-claude-sonnet-4",
    )
    found = mlflow.genai.evaluate(
        data=ROWS,
        predict_fn=answer,
        scorers=[Correctness(model="endpoints:/databricks-claude-sonnet-4"), supported],
    )
    assert values(found, "correctness") == ["yes", "no"], found.result_df.to_dict("records")
    assert values(found, "supported")[0] in ("yes", "no"), values(found, "supported")


def probe_make_judge() -> None:
    """make_judge with the managed judge"""
    from mlflow.genai.judges import make_judge

    judge = make_judge(
        name="supported",
        instructions="question: {{ inputs }}\n\nresponse: {{ outputs }}\n\nIs it an answer?",
        model="databricks",
    )
    feedback = judge(inputs={"question": ROWS[0]["inputs"]["question"]}, outputs=PASSAGE)
    assert feedback.error is None, feedback.error
    assert feedback.value is not None


def probe_direct_judges() -> None:
    """judges of databricks.agents.evals, called by themselves"""
    from databricks.agents.evals import judges

    good = judges.correctness(
        request="What is the capital of France?",
        response=PASSAGE,
        expected_facts=["Paris is the capital"],
    )
    assert str(good.value).lower().endswith("yes"), good
    grounded = judges.groundedness(
        request="?", response="Whales sing songs.", retrieved_context=[{"content": PASSAGE}]
    )
    assert str(grounded.value).lower().endswith("no"), grounded


def probe_labeling() -> None:
    """labeling: review app, label schema, session with traces and dataset records, users"""
    schema = create_label_schema(
        name=unique("good"),
        type="feedback",
        title="Is it good?",
        input=InputCategorical(options=["yes", "no"]),
    )
    session = labeling.create_labeling_session(
        name=unique("session"), label_schemas=[schema.name], assigned_users=[]
    )
    answer("What is the capital of France?")
    mlflow.flush_trace_async_logging()
    traces = mlflow.search_traces(locations=[EXPERIMENT], max_results=1, return_type="list")
    session.add_traces(traces)
    name = f"{SCHEMA}.{unique('evals')}"
    made = datasets.create_dataset(name=name, experiment_id=EXPERIMENT)
    frame = mlflow.search_traces(locations=[EXPERIMENT], max_results=1)
    made.merge_records(frame.to_dict("records"))
    session.add_dataset(name)
    found = labeling.get_labeling_sessions()
    assert session.labeling_session_id in [one.labeling_session_id for one in found]
    assert labeling.get_review_app().experiment_id == EXPERIMENT
    assert mlflow.get_run(session.mlflow_run_id).info.experiment_id == EXPERIMENT
    labeling.delete_labeling_session(session)
    left = [one.labeling_session_id for one in labeling.get_labeling_sessions()]
    assert session.labeling_session_id not in left


def probe_scheduled() -> None:
    """scheduled scorers: register, start, list, update, stop, delete"""
    name = unique("safe")
    registered = Safety().register(name=name)
    started = registered.start(sampling_config=ScorerSamplingConfig(sample_rate=0.5))
    assert started.sample_rate == 0.5
    assert name in [one.name for one in list_scorers()]
    stopped = get_scorer(name=name).stop()
    assert stopped.sample_rate == 0
    delete_scorer(name=name)
    assert name not in [one.name for one in list_scorers()]


def probe_monitoring() -> None:
    """scheduled scorers judge new traces by themselves: a managed judge and a custom scorer"""
    every = ScorerSamplingConfig(sample_rate=1.0)
    Safety().register(name="safe").start(sampling_config=every)
    short.register(name="short").start(sampling_config=every)
    answer("What is the capital of France?")
    trace_id = mlflow.get_last_active_trace_id()
    mlflow.flush_trace_async_logging()
    found: dict[str, Any] = {}
    tried = 0
    while set(found) != {"safe", "short"}:
        assert tried < SCORED_WITHIN_S, found
        if tried % 60 == 0:  # a change of the scorers makes them look at once
            get_scorer(name="short").update(
                sampling_config=ScorerSamplingConfig(sample_rate=1.0 - tried / 1e6)
            )
        time.sleep(1)
        tried += 1
        told = mlflow.get_trace(trace_id).info.assessments
        found = {one.name: one.error or one.value for one in told}
    assert (found["safe"], found["short"]) == ("yes", True), found
    for name in ("safe", "short"):
        delete_scorer(name=name)
