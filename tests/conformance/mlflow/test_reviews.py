"""Review apps, scheduled scorers and judges on the wire. The client is tried in tests/clients."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
)

EVALS = "/api/2.0/managed-evals"


@pytest.fixture(scope="module")
def experiment(workspace: Any) -> str:
    name = f"/Shared/reviews-{uuid.uuid4().hex[:8]}"
    made = workspace.client("dev").experiments.create_experiment(name)
    return str(made.experiment_id)


@pytest.mark.belief
@pytest.mark.slow
def test_reviews_and_scorers_are_the_experiments(
    workspace: Any, somebody: Any, experiment: str
) -> None:
    admin, private = workspace.client("dev"), f"/Users/{workspace.user('dev')}/r-{uuid.uuid4().hex}"
    own = admin.experiments.create_experiment(private).experiment_id
    do, other = admin.api_client.do, somebody("dev").api_client.do
    app = do("POST", f"{EVALS}/review-apps", body={"experiment_id": own})
    with pytest.raises(ResourceAlreadyExists):
        do("POST", f"{EVALS}/review-apps", body={"experiment_id": own})
    sessions = f"{EVALS}/review-apps/{app['review_app_id']}/labeling-sessions"
    unknown = {"name": "s", "labeling_schemas": [{"name": "nothing"}]}
    with pytest.raises(NotFound, match="label schema"):
        do("POST", sessions, body=unknown)
    with pytest.raises(NotFound, match="label schema"):
        do("POST", sessions, body={"name": "s", "labeling_schemas": [{}]})
    made = do("POST", sessions, body={"name": "s"})
    assert admin.experiments.get_run(run_id=made["mlflow_run_id"]).run.info.run_name == "s"
    scorers = f"{EVALS}/scheduled-scorers/{own}"
    for method, path in (("GET", sessions), ("GET", scorers), ("DELETE", scorers)):
        with pytest.raises(PermissionDenied):
            other(method, path)
    with pytest.raises(BadRequest, match="name of its own"):
        do("POST", scorers, body={"scheduled_scorers": {"scorers": [{"name": ""}]}})
    cadence = f"{EVALS}/experiments/{own}/monitoring-configuration"
    do("PATCH", cadence, body={"monitoring_configuration": {"frequency_minutes": 5}})
    assert do("GET", cadence) == {"frequency_minutes": 5}


@pytest.mark.belief
@pytest.mark.slow
def test_judges_say_what_they_need_and_what_they_cannot_read(
    workspace: Any, experiment: str
) -> None:
    do = workspace.client("dev").api_client.do
    names = {"assessment_names": ["correctness", "unknown"]}
    shown = do("POST", "/api/2.0/agents/chat-assessment-definitions", body=names)
    assert [one["assessment_name"] for one in shown["definitions"]] == ["correctness"]
    asked = {
        "assessment_input": {"chat_request": "?"},
        "requested_assessments": [{"assessment_name": "correctness"}],
    }
    rated = do("POST", "/api/2.0/agents/chat-assessments", body=asked)
    told = rated["result"]["response_assessment"]["ratings"]["correctness"]["error"]
    assert "CHAT_RESPONSE" in told["error_msg"]
    model = {"user_prompt": "hi", "model": "no-such-model"}
    with pytest.raises(NotFound, match="BRICKYARD_JUDGE_ENDPOINT"):
        do("POST", "/api/2.0/agents/chat-completions", body=model)


@pytest.mark.belief
@pytest.mark.parametrize(
    "path",
    [
        "/api/5.0/mlflow/tracing/locations",
        "/api/2.0/otel/v1/traces",
        "/api/2.0/managed-evals/experiments/1/trace-archival",
    ],
)
def test_traces_in_tables_are_refused_with_a_way_out(workspace: Any, path: str) -> None:
    with pytest.raises(DatabricksError, match="leave out the trace location") as refused:
        workspace.client("dev").api_client.do("POST", path, body={})
    assert refused.value.error_code == "FEATURE_DISABLED"


@pytest.mark.documented
def test_the_search_of_version_4_is_left_out_so_that_clients_fall_back(workspace: Any) -> None:
    path = "/api/4.0/mlflow/traces/search-long-running"
    with pytest.raises(NotFound) as missing:
        workspace.client("dev").api_client.do("POST", path, body={})
    assert missing.value.error_code == "ENDPOINT_NOT_FOUND"


@pytest.mark.documented
@pytest.mark.slow
def test_a_label_schema_has_a_name_of_its_own(workspace: Any) -> None:
    do = workspace.client("dev").api_client.do
    name = f"/Shared/labels-{uuid.uuid4().hex[:8]}"
    own = workspace.client("dev").experiments.create_experiment(name).experiment_id
    schema = {"name": "good", "type": "FEEDBACK", "title": "Good?", "text": {}}
    twice = {"experiment_id": own, "labeling_schemas": [schema, schema]}
    with pytest.raises(ResourceAlreadyExists, match="good"):
        do("POST", f"{EVALS}/review-apps", body=twice)
    made = do("POST", f"{EVALS}/review-apps", body={**twice, "labeling_schemas": [schema]})
    where = f"{EVALS}/review-apps/{made['review_app_id']}"
    mask = {"update_mask": "labeling_schemas"}
    with pytest.raises(ResourceAlreadyExists, match="good"):
        do("PATCH", where, query=mask, body=twice)
    other = {**schema, "name": "better"}
    told = do("PATCH", where, query=mask, body={"labeling_schemas": [schema, other]})
    assert [one["name"] for one in told["labeling_schemas"]] == ["good", "better"]
