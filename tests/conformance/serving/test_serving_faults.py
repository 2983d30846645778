"""Models that crash, hang, leak memory or flood their log, and builds that fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from serving_models import TOOL, Served

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow, pytest.mark.belief]


@pytest.fixture(scope="module")
def wild(served: Served, tool_model: str) -> str:
    """An endpoint with narrow bounds: two seconds a request, one GiB, two seconds until asleep."""
    variables = {
        "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "2",
        "BRICKYARD_SERVING_MEMORY_MB": "1024",
        "BRICKYARD_SERVING_IDLE_S": "2",
    }
    return served.create(
        {
            "name": "wild",
            "entity_name": tool_model,
            "entity_version": "1",
            "environment_vars": variables,
            "scale_to_zero_enabled": True,
        }
    )


def until(ask: Callable[[], Any], limit_s: float = 120) -> Any:
    give_up_at = time.monotonic() + limit_s
    while not (answer := ask()):
        assert time.monotonic() < give_up_at, "it did not come"
        time.sleep(0.1)
    return answer


def test_a_request_that_takes_too_long_ends_with_504(served: Served, wild: str) -> None:
    status, answer = served.tell(wild, "sleep:20")
    assert (status, answer["error_code"]) == (504, "DEADLINE_EXCEEDED")
    assert "2 s" in answer["message"]
    until(lambda: served.tell(wild, "env:HOME")[0] == 200)


def test_a_process_whose_workers_all_hang_is_replaced(served: Served, wild: str) -> None:
    before = served.tell(wild, "pid:")[1]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(served.tell, wild, "sleep:600") for _ in range(4)]
        statuses = {one.result()[0] for one in asked}
    assert statuses <= {500, 504}
    status, after = served.tell(wild, "pid:")
    assert status == 200, after
    assert after != before
    assert "every worker is stuck" in served.api.logs(wild, "wild").logs


def test_a_leak_ends_the_process_not_the_machine(served: Served, wild: str) -> None:
    # A machine that gives the memory slowly lets the request's time run out first; one that starts
    # processes slowly, after those that other tests ended, lets the wait for the next one run out:
    # then nothing has leaked yet.
    answers = {
        (500, "INTERNAL_ERROR"),
        (503, "TEMPORARILY_UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    }

    def ended() -> bool:
        status, answer = served.tell(wild, "leak:1500")
        assert (status, answer["error_code"]) in answers
        return "more than its 1024 MiB" in served.api.logs(wild, "wild").logs

    until(ended)
    until(lambda: served.tell(wild, "env:HOME")[0] == 200)


def test_more_memory_than_there_may_be_is_refused_to_the_model(served: Served, wild: str) -> None:
    before = served.tell(wild, "pid:")[1]
    status, answer = served.tell(wild, "take:50000")
    assert status == 400
    assert "MemoryError" in str(answer)
    assert served.tell(wild, "pid:") == (200, before)


def test_a_flooded_log_keeps_its_end(served: Served, wild: str) -> None:
    assert served.tell(wild, "flood:100")[0] == 200
    until(lambda: "after the flood" in served.api.logs(wild, "wild").logs[-200_000:])
    logs = served.workspace.home / "logs" / "serving"
    endpoint = served.api.get(wild).id
    sizes = [file.stat().st_size for file in logs.glob(f"{endpoint}-*.server.log*")]
    assert 0 < sum(sizes) <= 20 * 2**20


def test_an_idle_endpoint_scales_to_zero_and_wakes_up(served: Served, wild: str) -> None:
    before = served.tell(wild, "pid:")[1]

    def asleep() -> bool:
        shown = served.api.get(wild)
        assert shown.state.ready.value == "READY"
        return "Scaled to zero" in shown.config.served_entities[0].state.deployment_state_message

    until(asleep)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(served.tell, wild, "pid:") for _ in range(8)]
        answers = [one.result() for one in asked]
    assert {status for status, _ in answers} == {200}
    assert len({str(answer) for _, answer in answers}) == 1
    assert answers[0][1] != before


def test_a_model_with_requirements_that_do_not_exist_says_so(
    served: Served, tool_model: str
) -> None:
    from databricks.sdk.errors import OperationFailed
    from databricks.sdk.service.serving import ServedEntityInput

    broken = served.register(
        "unbuildable",
        TOOL,
        input_example=["env:HOME"],
        pip_requirements=["mlflow", "no-such-package-brickyard==9.9"],
    )
    name = served.create({"name": "good", "entity_name": tool_model, "entity_version": "1"})
    bad = ServedEntityInput(name="bad", entity_name=broken, entity_version="1")
    with pytest.raises(OperationFailed):
        served.api.update_config_and_wait(name, served_entities=[bad])
    shown = served.api.get(name)
    assert shown.state.config_update.value == "UPDATE_FAILED"
    assert shown.state.ready.value == "READY"
    assert "no-such-package-brickyard" in served.api.build_logs(name, "bad").logs
    assert served.tell(name, "env:HOME")[0] == 200
    served.api.delete(name)


def test_a_version_that_is_deleted_serves_on_but_does_not_come_back(served: Served) -> None:
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service.serving import ServedEntityInput

    model = served.register("passing", TOOL, input_example=["env:HOME"])
    variables = {"BRICKYARD_SERVING_IDLE_S": "1"}
    entity = {"name": "p", "entity_name": model, "entity_version": "1"}
    name = served.create({**entity, "environment_vars": variables, "scale_to_zero_enabled": True})
    served.workspace.client("dev").model_versions.delete(model, 1)
    with pytest.raises(NotFound):
        served.api.update_config(name, served_entities=[ServedEntityInput.from_dict(entity)])
    until(lambda: "Scaled to zero" in str(served.api.get(name).config.as_dict()))
    status, answer = served.tell(name, "env:HOME")
    assert (status, answer["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert "does not exist" in answer["message"]
    shown = served.api.get(name)
    assert shown.state.ready.value == "NOT_READY"
    assert "does not exist" in served.api.build_logs(name, "p").logs
    served.api.delete(name)
