"""Serving endpoints of Unity Catalog models, through the Python SDK and plain HTTP."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from serving_models import Served, configuration

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]

MODEL = """
import mlflow
from mlflow.pyfunc import PythonModel

class Double(PythonModel):
    def load_context(self, context):
        if SENTINEL == "broken":
            raise ValueError("this model cannot be loaded")

    def predict(self, context, model_input, params=None):
        return (model_input["x"] * 2).tolist()

mlflow.models.set_model(Double())
"""


@pytest.fixture(scope="module")
def model(served: Served) -> str:
    """Version 1 works, version 2 does not load."""
    import pandas as pd
    from mlflow.models import infer_signature

    signature = infer_signature(pd.DataFrame({"x": [1.5]}), [3.0])
    for sentinel in ("fine", "broken"):
        code = MODEL.replace("SENTINEL", repr(sentinel))
        name = served.register("double", code, signature=signature)
    return name


@pytest.fixture(scope="module")
def endpoint(served: Served, model: str) -> str:
    return served.create({"name": "one", "entity_name": model, "entity_version": "1"})


@pytest.mark.documented
@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["x"], "data": [[1.5], [2.0]]}},
        {"dataframe_records": [{"x": 1.5}, {"x": 2.0}]},
        {"inputs": {"x": [1.5, 2.0]}},
        {"instances": [{"x": 1.5}, {"x": 2.0}]},
    ],
    ids=lambda body: next(iter(body)),
)
def test_every_request_form_is_answered(served: Served, endpoint: str, body: Any) -> None:
    status, answer, headers = served.ask(endpoint, body)
    assert (status, answer) == (200, {"predictions": [3.0, 4.0]})
    assert headers["served-model-name"] == "one"


@pytest.mark.documented
def test_a_trailing_slash_is_the_same(served: Served, endpoint: str) -> None:
    path = f"/serving-endpoints/{endpoint}/invocations/"
    assert served.ask(endpoint, {"inputs": {"x": [1.0]}}, path)[0] == 200


@pytest.mark.belief
def test_bad_input_is_the_callers_fault_and_says_why(served: Served, endpoint: str) -> None:
    status, answer, _ = served.ask(endpoint, {"nonsense": 1})
    assert status == 400
    assert answer["error_code"] in ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")
    assert "inputs" in answer["message"]


@pytest.mark.documented
def test_an_unknown_endpoint_does_not_exist(served: Served) -> None:
    from databricks.sdk.errors import ResourceDoesNotExist

    with pytest.raises(ResourceDoesNotExist):
        served.api.get("nobody")
    assert served.ask("nobody", {"inputs": [1]})[0] == 404


@pytest.mark.documented
def test_a_ready_endpoint_shows_its_configuration(
    served: Served, endpoint: str, model: str
) -> None:
    shown = served.api.get(endpoint)
    assert shown.state.ready.value == "READY"
    assert shown.pending_config is None
    entity = shown.config.served_entities[0]
    assert (entity.name, entity.entity_name, entity.entity_version) == ("one", model, "1")
    assert entity.state.deployment.value == "DEPLOYMENT_READY"
    assert shown.permission_level.value == "CAN_MANAGE"
    assert endpoint in [one.name for one in served.api.list()]


@pytest.mark.belief
def test_requests_survive_an_update_and_the_traffic_moves(served: Served, model: str) -> None:
    from databricks.sdk.errors import ResourceConflict
    from databricks.sdk.service.serving import EndpointCoreConfigInput

    name = served.create({"name": "old", "entity_name": model, "entity_version": "1"})
    statuses: list[int] = []
    seen: set[str] = set()
    over = threading.Event()

    def keep_asking() -> None:
        while not over.is_set():
            status, _, headers = served.ask(name, {"inputs": {"x": [1.0]}})
            statuses.append(status)
            seen.add(headers["served-model-name"])

    callers = [threading.Thread(target=keep_asking) for _ in range(2)]
    for caller in callers:
        caller.start()
    new = configuration(
        {"name": "new", "entity_name": model, "entity_version": "1"},
        {"name": "more", "entity_name": model, "entity_version": "1"},
        new=50,
        more=50,
    )
    wanted = EndpointCoreConfigInput.from_dict(new)
    update = {"served_entities": wanted.served_entities, "traffic_config": wanted.traffic_config}
    waiting = served.api.update_config(name, **update)
    with pytest.raises(ResourceConflict):
        served.api.update_config(name, **update)
    waiting.result()
    for _ in range(20):
        seen.add(served.ask(name, {"inputs": {"x": [1.0]}})[2]["served-model-name"])
    over.set()
    for caller in callers:
        caller.join()
    assert set(statuses) == {200}
    assert seen == {"old", "new", "more"}


@pytest.mark.belief
def test_a_version_that_does_not_load_leaves_the_old_one_serving(
    served: Served, model: str
) -> None:
    from databricks.sdk.errors import OperationFailed
    from databricks.sdk.service.serving import ServedEntityInput

    name = served.create({"name": "good", "entity_name": model, "entity_version": "1"})
    bad = ServedEntityInput(name="bad", entity_name=model, entity_version="2")
    with pytest.raises(OperationFailed):
        served.api.update_config_and_wait(name, served_entities=[bad])
    shown = served.api.get(name)
    assert shown.state.config_update.value == "UPDATE_FAILED"
    assert shown.state.ready.value == "READY"
    why = shown.pending_config.served_entities[0].state.deployment_state_message
    assert "this model cannot be loaded" in why
    status, _, headers = served.ask(name, {"inputs": {"x": [1.0]}})
    assert (status, headers["served-model-name"]) == (200, "good")


@pytest.mark.belief
def test_a_model_that_does_not_exist_is_refused_at_once(served: Served, model: str) -> None:
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput

    for full_name, version in ((model, "99"), (f"dev.{served.schema}.nobody", "1")):
        entity = ServedEntityInput(entity_name=full_name, entity_version=version)
        config = EndpointCoreConfigInput(name="e", served_entities=[entity])
        with pytest.raises(NotFound):
            served.api.create(name=f"e-{uuid.uuid4().hex[:8]}", config=config)


@pytest.mark.documented
def test_an_endpoint_without_a_config_serves_nothing_until_it_is_given_one(
    served: Served, model: str
) -> None:
    from databricks.sdk.service.serving import EndpointStateConfigUpdate, ServedEntityInput

    name = f"e-{uuid.uuid4().hex[:8]}"
    made = served.api.create(name=name).result()
    assert made.config is None
    assert made.state.config_update is EndpointStateConfigUpdate.NOT_UPDATING
    status, told = served.ask(name, {"inputs": {"x": [1.0]}})[:2]
    assert status == 400
    assert "no config yet" in str(told)
    entity = ServedEntityInput(entity_name=model, entity_version="1", scale_to_zero_enabled=True)
    served.api.update_config_and_wait(name, served_entities=[entity])
    assert served.ask(name, {"inputs": {"x": [1.0]}})[0] == 200


@pytest.mark.belief
def test_an_endpoint_is_deleted_with_its_name(served: Served, model: str) -> None:
    from databricks.sdk.errors import ResourceDoesNotExist

    name = served.create({"entity_name": model, "entity_version": "1"})
    served.api.delete(name)
    with pytest.raises(ResourceDoesNotExist):
        served.api.get(name)
    assert served.ask(name, {"inputs": {"x": [1.0]}})[0] == 404


@pytest.mark.documented
def test_tags_are_added_and_taken_away(served: Served, endpoint: str) -> None:
    from databricks.sdk.service.serving import EndpointTag

    served.api.patch(endpoint, add_tags=[EndpointTag(key="a", value="1"), EndpointTag(key="b")])
    left = served.api.patch(endpoint, delete_tags=["a"]).tags
    assert [one.key for one in left] == ["b"]
    assert [one.key for one in served.api.get(endpoint).tags] == ["b"]


@pytest.fixture(scope="module")
def tool(served: Served, tool_model: str) -> str:
    """An endpoint whose model does as it is told."""
    client = served.workspace.client("dev")
    client.secrets.create_scope(served.schema)
    client.secrets.put_secret(served.schema, "key", string_value="s3cret")
    variables = {"PLAIN": "value", "SECRET": f"{{{{secrets/{served.schema}/key}}}}"}
    entity = {"entity_name": tool_model, "entity_version": "1", "environment_vars": variables}
    return served.create(entity)


@pytest.mark.documented
def test_environment_variables_reach_the_model_and_secrets_stay_references(
    served: Served, tool: str
) -> None:
    assert served.tell(tool, "env:PLAIN", "env:SECRET") == (200, ["value", "s3cret"])
    shown = served.api.get(tool).config.served_entities[0].environment_vars
    assert shown["SECRET"] == f"{{{{secrets/{served.schema}/key}}}}"


@pytest.mark.belief
def test_a_model_acts_as_the_creator_of_its_endpoint(served: Served, tool: str) -> None:
    assert served.tell(tool, "me:") == (200, [served.workspace.user("dev")])


@pytest.mark.belief
def test_many_models_calling_back_at_once_do_not_block_each_other(
    served: Served, tool: str
) -> None:
    with ThreadPoolExecutor(80) as pool:
        asked = [pool.submit(served.tell, tool, "me:") for _ in range(80)]
        answers = [one.result() for one in asked]
    assert {status for status, _ in answers} == {200}


@pytest.mark.belief
def test_a_model_cannot_write_what_it_was_not_given(served: Served, tool: str) -> None:
    from brickyard.workspace.processes import enforcement

    if enforcement().kind != "namespace":
        pytest.skip("this platform has no mount namespaces")
    home = served.workspace.home
    paths = (home / "brickyard.db", home / "mlflow" / "mlflow.db", home / "catalogs/prod/x")
    status, answers = served.tell(tool, *(f"write:{path}" for path in paths))
    assert status == 200
    assert "written" not in answers


@pytest.mark.belief
def test_a_process_that_dies_is_started_again(served: Served, tool: str) -> None:
    status, answer = served.tell(tool, "die:")
    assert (status, answer["error_code"]) == (500, "INTERNAL_ERROR")
    assert served.tell(tool, "env:PLAIN") == (200, ["value"])


@pytest.mark.belief
def test_a_killed_process_fails_none_of_the_requests_it_was_answering(
    served: Served, tool: str
) -> None:
    before = served.tell(tool, "pid:")
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(served.tell, tool, "sleep:2") for _ in range(3)]
        assert served.tell(tool, "killed:0.5") == (200, ["soon"])
        assert [one.result() for one in asked] == [(200, ["awake"])] * 3
    assert served.tell(tool, "pid:") != before


@pytest.mark.documented
def test_only_those_with_a_permission_ask_an_endpoint(served: Served, endpoint: str) -> None:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import PermissionDenied
    from databricks.sdk.service.serving import (
        ServingEndpointAccessControlRequest,
        ServingEndpointPermissionLevel,
    )

    admin = served.workspace.client("dev")
    made = admin.service_principals.create(display_name=f"asker-{uuid.uuid4().hex[:6]}")
    secret = admin.service_principal_secrets_proxy.create(made.id).secret
    stranger = WorkspaceClient(
        host=served.workspace.host("dev"),
        client_id=made.application_id,
        client_secret=secret,
        auth_type="oauth-m2m",
    ).serving_endpoints
    with pytest.raises(PermissionDenied):
        stranger.get(endpoint)
    with pytest.raises(PermissionDenied):
        stranger.query(endpoint, inputs={"x": [1.0]})
    assert endpoint not in [one.name for one in stranger.list()]
    entry = ServingEndpointAccessControlRequest(
        service_principal_name=made.application_id,
        permission_level=ServingEndpointPermissionLevel.CAN_QUERY,
    )
    served.api.update_permissions(served.api.get(endpoint).id, access_control_list=[entry])
    assert stranger.query(endpoint, inputs={"x": [1.0]}).predictions == [2.0]
    with pytest.raises(PermissionDenied):
        stranger.delete(endpoint)


@pytest.mark.documented
def test_an_agent_answers_at_once_and_as_a_stream(served: Served, agent_model: str) -> None:
    from openai import OpenAI

    name = served.create({"entity_name": agent_model, "entity_version": "1"})
    asked = {"input": [{"role": "user", "content": "one two"}]}
    status, answer, _ = served.ask(name, asked)
    assert status == 200
    assert answer["output"][0]["content"][0]["text"] == "one two"
    client = OpenAI(
        base_url=served.workspace.host("dev") + "/serving-endpoints",
        api_key=served.workspace.token("dev"),
    )
    with client:
        events = list(client.responses.create(model=name, input=asked["input"], stream=True))
    assert [event.type for event in events] == [
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_item.done",
    ]


@pytest.mark.documented
def test_metrics_and_the_shape_of_requests_are_exported(served: Served, endpoint: str) -> None:
    assert served.ask(endpoint, {"inputs": {"x": [1.0]}})[0] == 200
    text = served.api.export_metrics(endpoint).contents.read().decode()
    counted = [one for one in text.splitlines() if one.startswith("request_count_total{")]
    assert counted
    assert int(counted[0].rsplit(" ", 1)[1]) > 0
    assert 'provisioned_concurrent_requests_total{served_entity_name="one"} 4' in text
    for name in ("cpu_usage_percentage", "mem_usage_percentage", "request_latency_ms_bucket"):
        assert f'{name}{{served_entity_name="one"' in text
    described = served.api.get_open_api(endpoint).contents.read().decode()
    assert "dataframe_split" in described
    assert "/invocations" in described


@pytest.mark.documented
def test_provisioned_concurrency_stands_for_a_size(served: Served, model: str) -> None:
    from databricks.sdk.errors import InvalidParameterValue
    from databricks.sdk.service.serving import EndpointCoreConfigInput

    entity = {"name": "p", "entity_name": model, "entity_version": "1"}
    wrong = {**entity, "min_provisioned_concurrency": 3, "max_provisioned_concurrency": 10}
    config = EndpointCoreConfigInput.from_dict(configuration(wrong))
    with pytest.raises(InvalidParameterValue):
        served.api.create(name=f"e-{uuid.uuid4().hex[:8]}", config=config)
    name = served.create(
        {**entity, "min_provisioned_concurrency": 4, "max_provisioned_concurrency": 8}
    )
    shown = served.api.get(name).config.served_entities[0]
    assert (shown.min_provisioned_concurrency, shown.max_provisioned_concurrency) == (4, 8)
    assert shown.workload_size is None
    served.api.delete(name)
