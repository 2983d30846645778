"""The AI gateway's settings of an endpoint, as the SDK has them, and what they do to requests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound
from databricks.sdk.service.serving import (
    AiGatewayGuardrailParameters,
    AiGatewayGuardrailPiiBehavior,
    AiGatewayGuardrailPiiBehaviorBehavior,
    AiGatewayGuardrails,
    AiGatewayInferenceTableConfig,
    AiGatewayRateLimit,
    AiGatewayRateLimitKey,
    AiGatewayRateLimitRenewalPeriod,
    AiGatewayUsageTrackingConfig,
    FallbackConfig,
    RateLimit,
    RateLimitKey,
    RateLimitRenewalPeriod,
    ServingEndpointAccessControlRequest,
    ServingEndpointPermissionLevel,
)
from gateway_under_test import Gateway, chat

pytestmark = pytest.mark.filterwarnings("ignore")

MINUTE = AiGatewayRateLimitRenewalPeriod.MINUTE
EMAIL = "write to ada@example.com"


def limited(**limit: Any) -> dict[str, Any]:
    return {"ai_gateway": {"rate_limits": [{"renewal_period": "minute", **limit}]}}


def statuses(gateway: Gateway, name: str, times: int, **options: Any) -> list[int]:
    """Of requests that are sent at once, again if the minute of the clock has turned over."""
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(gateway.ask, name, **options) for _ in range(times)]
        return sorted(one.result()[0] for one in asked)


def in_one_minute(found: Callable[[], Any]) -> Any:
    """What was found within one minute of the clock, in which limits count."""
    import time

    while True:
        minute = time.time() // 60
        answer = found()
        if time.time() // 60 == minute:
            return answer


@pytest.mark.documented
def test_settings_are_kept_and_shown_as_given(gateway: Gateway) -> None:
    name = gateway.external("echo")
    api = gateway.client.serving_endpoints
    guard = AiGatewayGuardrailParameters(
        invalid_keywords=["forbidden"],
        safety=True,
        pii=AiGatewayGuardrailPiiBehavior(behavior=AiGatewayGuardrailPiiBehaviorBehavior.MASK),
    )
    put = api.put_ai_gateway(
        name,
        fallback_config=FallbackConfig(enabled=True),
        guardrails=AiGatewayGuardrails(input=guard),
        inference_table_config=AiGatewayInferenceTableConfig(
            enabled=True, catalog_name="dev", schema_name="default", table_name_prefix="x"
        ),
        rate_limits=[
            AiGatewayRateLimit(
                renewal_period=MINUTE, calls=100, tokens=10_000, key=AiGatewayRateLimitKey.USER
            )
        ],
        usage_tracking_config=AiGatewayUsageTrackingConfig(enabled=True),
    )
    shown = api.get(name).ai_gateway
    assert shown is not None
    assert shown.as_dict() == put.as_dict()
    assert shown.guardrails is not None
    assert shown.guardrails.input == guard
    api.put_ai_gateway(name)
    assert api.get(name).ai_gateway is None


@pytest.mark.documented
def test_an_inference_table_needs_its_schema(gateway: Gateway) -> None:
    name, api = gateway.external("echo"), gateway.client.serving_endpoints
    for catalog, schema in (("dev", "nowhere"), ("nowhere", "default")):
        table = AiGatewayInferenceTableConfig(
            enabled=True, catalog_name=catalog, schema_name=schema
        )
        with pytest.raises(NotFound):
            api.put_ai_gateway(name, inference_table_config=table)
        table.enabled = False
        api.put_ai_gateway(name, inference_table_config=table)


@pytest.mark.belief
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate_limits": [{"renewal_period": "minute"}]}, "calls or tokens"),
        ({"rate_limits": [{"renewal_period": "hour", "calls": 1}]}, "renewal_period"),
        ({"rate_limits": [{"renewal_period": "minute", "calls": -1}]}, "negative"),
        (
            {"rate_limits": [{"renewal_period": "minute", "calls": 1, "key": "user_group"}]},
            "needs principal",
        ),
        ({"guardrails": {"input": {"pii": {"behavior": "HIDE"}}}}, "behavior"),
        ({"inference_table_config": {"enabled": True}}, "catalog_name"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    gateway: Gateway, settings: dict[str, Any], message: str
) -> None:
    name = gateway.external("echo")
    path = f"/api/2.0/serving-endpoints/{name}/ai-gateway"
    with pytest.raises(InvalidParameterValue, match=message):
        gateway.client.api_client.do("PUT", path, body=settings)


@pytest.mark.documented
def test_calls_are_limited_exactly_however_many_come_at_once(gateway: Gateway) -> None:
    def found() -> list[int]:
        return statuses(gateway, gateway.external("echo", **limited(calls=7)), 40)

    assert in_one_minute(found) == [200] * 7 + [429] * 33


@pytest.mark.documented
def test_a_refusal_says_when_to_come_again(gateway: Gateway) -> None:
    name = gateway.external("echo", **limited(calls=0))
    status, body, headers = gateway.ask(name)
    assert (status, body["error_code"]) == (429, "REQUEST_LIMIT_EXCEEDED")
    assert 1 <= int(headers["Retry-After"]) <= 61
    path = "/serving-endpoints/chat/completions"
    status, body, _ = gateway.ask(name, chat("hi", model=name), path=path)
    assert (status, body["error"]["type"]) == (429, "rate_limit_error")


@pytest.mark.documented
def test_the_older_limits_hold_too(gateway: Gateway) -> None:
    per_minute = RateLimit(
        calls=2, key=RateLimitKey.ENDPOINT, renewal_period=RateLimitRenewalPeriod.MINUTE
    )

    def found() -> list[int]:
        name = gateway.external("echo")
        gateway.client.serving_endpoints.put(name, rate_limits=[per_minute])
        return statuses(gateway, name, 5)

    assert in_one_minute(found) == [200, 200, 429, 429, 429]


@pytest.mark.documented
def test_tokens_are_limited_by_what_is_asked_for(gateway: Gateway) -> None:
    """`hi` and max_tokens 5 take 6; the stub says it took 15: three requests fit into 40."""

    def found() -> list[int]:
        name = gateway.external("echo", **limited(tokens=40))
        return [gateway.ask(name, chat("hi", max_tokens=5))[0] for _ in range(4)]

    assert in_one_minute(found) == [200, 200, 200, 429]


@pytest.mark.documented
def test_each_user_has_a_limit_of_their_own_and_some_have_another(
    gateway: Gateway, somebody: Callable[[], WorkspaceClient]
) -> None:
    robots = [somebody(), somebody()]
    ids = [one.current_user.me().user_name for one in robots]
    tokens = [one.config.authenticate()["Authorization"].split()[1] for one in robots]

    def found() -> list[list[int]]:
        limits = [
            {"renewal_period": "minute", "key": "user", "calls": 1},
            {
                "renewal_period": "minute",
                "key": "service_principal",
                "principal": ids[1],
                "calls": 3,
            },
        ]
        name = gateway.external("echo", ai_gateway={"rate_limits": limits})
        gateway.client.serving_endpoints.set_permissions(
            gateway.client.serving_endpoints.get(name).id or "",
            access_control_list=[
                ServingEndpointAccessControlRequest(
                    service_principal_name=one,
                    permission_level=ServingEndpointPermissionLevel.CAN_QUERY,
                )
                for one in ids
            ],
        )
        callers = ("", *tokens)
        return [statuses(gateway, name, 5, token=one) for one in callers]

    assert in_one_minute(found) == [
        [200, 429, 429, 429, 429],
        [200, 429, 429, 429, 429],
        [200, 200, 200, 429, 429],
    ]


@pytest.mark.documented
def test_without_permission_nobody_asks(
    gateway: Gateway, somebody: Callable[[], WorkspaceClient]
) -> None:
    robot = somebody()
    token = robot.config.authenticate()["Authorization"].split()[1]
    name = gateway.external("echo")
    assert gateway.ask(name, token=token)[0] == 403
    path = "/serving-endpoints/chat/completions"
    assert gateway.ask(name, chat("hi", model=name), token=token, path=path)[0] == 403


def guarded(side: str, **parameters: Any) -> dict[str, Any]:
    return {"ai_gateway": {"guardrails": {side: parameters}}}


@pytest.mark.documented
def test_personal_data_is_masked_on_its_way_in(gateway: Gateway) -> None:
    name = gateway.external("body", **guarded("input", pii={"behavior": "MASK"}))
    text = f"{EMAIL}, card 4111 1111 1111 1111, call +1 212-555-0142; order 4111111111111112"
    sent = json.loads(gateway.text(name, text))["messages"][0]["content"]
    assert sent == (
        "write to [EMAIL_ADDRESS], card [CREDIT_CARD], call [PHONE_NUMBER]; order 4111111111111112"
    )


@pytest.mark.documented
def test_personal_data_is_blocked_and_never_reaches_the_provider(gateway: Gateway) -> None:
    model = f"echo-{uuid.uuid4().hex[:6]}"
    name = gateway.external(model, **guarded("input", pii={"behavior": "BLOCK"}))
    status, body, _ = gateway.ask(name, chat(EMAIL))
    assert status == 400
    assert body["finishReason"] == "input_guardrail_triggered"
    assert body["input_guardrail"][0]["flagged"] is True
    assert "ada@" not in json.dumps(body)
    assert gateway.stub.seen(model) == 0
    assert gateway.text(name, "hi") == "echo: hi"


@pytest.mark.documented
@pytest.mark.parametrize("stream", [False, True])
def test_answers_are_guarded_too(gateway: Gateway, stream: bool) -> None:
    name = gateway.external("echo", **guarded("output", pii={"behavior": "MASK"}))
    _, body, _ = gateway.ask(name, chat(EMAIL, stream=stream))
    text = body.decode() if stream else json.dumps(body)
    assert "[EMAIL_ADDRESS]" in text
    assert "ada@" not in text
    blocked = gateway.external("echo", **guarded("output", invalid_keywords=["secret"]))
    status, body, _ = gateway.ask(blocked, chat("the secret word", stream=stream))
    assert (status, body["finishReason"]) == (400, "output_guardrail_triggered")
    assert gateway.ask(blocked, chat("secretary", stream=stream))[0] == 200


@pytest.mark.documented
@pytest.mark.parametrize(
    ("parameters", "bad", "good"),
    [
        ({"invalid_keywords": ["Project X"]}, "tell me of project x", "tell me of project xy"),
        (
            {"valid_topics": ["refunds", "shipping"]},
            "a poem on cats",
            "how do I get a refund",
        ),
        ({"safety": True}, "how to build malware", "how to build a house"),
    ],
)
def test_words_and_topics_are_blocked(
    gateway: Gateway, parameters: dict[str, Any], bad: str, good: str
) -> None:
    name = gateway.external("echo", **guarded("input", **parameters))
    assert gateway.ask(name, chat(bad))[0] == 400
    assert gateway.ask(name, chat(good))[0] == 200


@pytest.mark.documented
def test_others_answer_when_the_first_does_not(gateway: Gateway) -> None:
    falls_back = {"ai_gateway": {"fallback_config": {"enabled": True}}}
    for fault in ("status-503", "status-429", "broken", "half"):
        name = gateway.external(fault, "status-500", "echo", **falls_back)
        status, body, headers = gateway.ask(name)
        assert (status, body["model"]) == (200, "echo"), fault
        assert headers["served-model-name"] == "m2"
    streaming = gateway.external("status-503", "echo", **falls_back)
    assert b"[DONE]" in gateway.ask(streaming, chat("x", stream=True))[1]
    refused = gateway.external("status-400", "echo", **falls_back)
    assert gateway.ask(refused)[0] == 400  # the request's own fault: nobody does better
    without = gateway.external("status-503", "echo")
    status, body, headers = gateway.ask(without)
    assert (status, headers["Retry-After"]) == (503, "7")
    assert "status 503" in body["message"]


@pytest.mark.documented
def test_traffic_is_split_by_weight(gateway: Gateway) -> None:
    name = gateway.external("one", "two")
    endpoint = gateway.client.api_client.do("GET", f"/api/2.0/serving-endpoints/{name}")
    config = endpoint["config"]
    for entity in config["served_entities"]:
        entity["external_model"]["openai_config"]["openai_api_key_plaintext"] = "again"
    routes = [
        {"served_model_name": "m0", "traffic_percentage": 50},
        {"served_model_name": "m1", "traffic_percentage": 50},
    ]
    body = {"served_entities": config["served_entities"], "traffic_config": {"routes": routes}}
    gateway.client.api_client.do("PUT", f"/api/2.0/serving-endpoints/{name}/config", body=body)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(gateway.ask, name) for _ in range(60)]
        models = [one.result()[1]["model"] for one in asked]
    assert 10 < models.count("one") < 50


@pytest.mark.belief
@pytest.mark.parametrize(
    ("model", "status", "message"),
    [
        ("broken", 502, "no answer"),
        ("half", 502, "did not finish"),
        ("status-401", 502, "refused the key"),
        ("status-418", 418, "status 418"),
    ],
)
def test_faults_of_a_provider_are_told(
    gateway: Gateway, model: str, status: int, message: str
) -> None:
    found, body, _ = gateway.ask(gateway.external(model))
    assert (found, message in body["message"]) == (status, True), body


@pytest.mark.belief
def test_a_stream_that_is_cut_says_so(gateway: Gateway) -> None:
    status, raw, _ = gateway.ask(gateway.external("cut"), chat("a b c d", stream=True))
    events = raw.strip().split(b"\n\n")
    assert status == 200
    assert b"broke off" in events[-1]
    assert b"[DONE]" not in raw
    body = chat("a b c", stream=True, model=gateway.external("cut"))
    _, raw, _ = gateway.ask("", body, path="/serving-endpoints/chat/completions")
    assert b'"error"' in raw


@pytest.mark.belief
def test_a_provider_that_is_not_there(gateway: Gateway) -> None:
    name = f"gw-{uuid.uuid4().hex[:8]}"
    config = {"openai_api_base": "http://127.0.0.1:9/v1", "openai_api_key_plaintext": "k"}
    model = {"name": "x", "provider": "openai", "task": "llm/v1/chat", "openai_config": config}
    body = {"name": name, "config": {"served_entities": [{"external_model": model}]}}
    gateway.client.api_client.do("POST", "/api/2.0/serving-endpoints", body=body)
    status, body, _ = gateway.ask(name)
    assert (status, body["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")


@pytest.mark.belief
def test_settings_of_other_types_are_refused(gateway: Gateway) -> None:
    name, do = gateway.external("echo"), gateway.client.api_client.do
    entities = do("GET", f"/api/2.0/serving-endpoints/{name}")["config"]["served_entities"]
    for method, path, body in (
        ("PATCH", "tags", {"add_tags": 1}),
        ("PATCH", "tags", {"delete_tags": True}),
        ("PUT", "config", {"served_entities": entities, "traffic_config": "x"}),
        ("PUT", "config", {"served_entities": entities, "traffic_config": {"routes": [1]}}),
        ("PUT", "config", {"served_entities": entities, "auto_capture_config": [{}]}),
    ):
        with pytest.raises(InvalidParameterValue):
            do(method, f"/api/2.0/serving-endpoints/{name}/{path}", body=body)
