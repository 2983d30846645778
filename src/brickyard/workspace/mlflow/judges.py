"""The managed judges: what `databricks` as a judge's model means for `mlflow.genai.evaluate`.

`databricks-agents` sends the judges' work to routes of the workspace. A serving endpoint of this
workspace does it: the one that `BRICKYARD_JUDGE_ENDPOINT` names, else `databricks-<model>` for the
model that the client wishes. It is asked over HTTP with the caller's own credentials, so
permission, limits and usage are the caller's as in any other call.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.workspace.kernel import ApiError, Call, Fidelity, Json, Route, invalid
from brickyard.workspace.mlflow import judge_prompts as prompts

BASE: Final = "/api/2.0/agents"
USUAL: Final = "gpt-oss-120b"  # what MLflow's client names for its agentic judges
CHOSEN: Final = "BRICKYARD_JUDGE_ENDPOINT"
TIMEOUT_S: Final = 300
DROPPED: Final = "usage reports of the evaluation client are dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    user_prompt: str = ""
    system_prompt: str = ""
    model: str = ""
    temperature: float | None = None
    tools: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    assessment_name: str
    domain_instructions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assess:
    assessment_input: dict[str, Any]
    requested_assessments: list[Requested] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    assessment_names: list[str]


async def complete(call: Call) -> Json:
    """A chat completion; `output_json` is the whole answer in OpenAI's form."""
    want = call.read(Complete)
    messages = [
        {"role": role, "content": text}
        for role, text in (("system", want.system_prompt), ("user", want.user_prompt))
        if text
    ]
    body: dict[str, Any] = {"messages": messages}
    if (form := prompts.form(f"{want.system_prompt}\n{want.user_prompt}")) is not None:
        body["response_format"] = form
    if want.tools:
        body["tools"] = [_tool(one) for one in want.tools]
    if want.temperature is not None:
        body["temperature"] = want.temperature
    answer = await _ask(call, want.model, body)
    return {"output": _said(answer), "output_json": json.dumps(answer)}


async def assess(call: Call) -> Json:
    want = call.read(Assess)
    ratings: dict[str, Any] = {}
    positional: dict[str, Any] = {}
    for one in want.requested_assessments:
        name = one.assessment_name
        if name not in prompts.JUDGES:
            raise invalid(f"Assessment {name!r} is not one of {', '.join(prompts.JUDGES)}")
        rated = await _rated(call, name, want.assessment_input)
        if prompts.JUDGES[name].per_document:
            listed = [{"position": at, "rating": rating} for at, rating in enumerate(rated)]
            positional[name] = {"rating": listed}
        else:
            ratings[name] = rated[0]
    return {
        "result": {
            "response_assessment": {"ratings": ratings},
            "retrieval_assessment": {"positional_ratings": positional},
        }
    }


def define(call: Call) -> Json:
    """Which inputs each assessment needs."""
    return {
        "definitions": [
            {
                "assessment_name": name,
                "input_requirement_expression": {
                    "required": list(prompts.JUDGES[name].needs),
                    "at_least_one_of": list(prompts.JUDGES[name].one_of),
                    "at_most_one_of": [],
                },
            }
            for name in call.read(Names).assessment_names
            if name in prompts.JUDGES
        ]
    }


def usage(call: Call) -> Json:
    return {}


async def _rated(call: Call, name: str, given: Mapping[str, Any]) -> Sequence[Json]:
    """The ratings of an assessment: one, or one a document. What cannot be rated says why."""
    if lacking := prompts.lacking(name, given):
        return [_error("INPUT_REQUIREMENTS", f"{name} needs {lacking}")]
    rated: list[Json] = []
    for question in prompts.questions(name, given):
        body = {
            "messages": [{"role": "user", "content": question}],
            "response_format": prompts.FORM,
            "temperature": 0,
        }
        said = _said(await _ask(call, "", body))
        found = prompts.verdict(said)
        if found is None:
            rated.append(_error("1001", f"The judge's answer cannot be read: {said[:200]}"))
        else:
            rating = {"categorical_value": found.value, "justification": found.rationale}
            rated.append({"value": rating})
    return rated


def _error(code: str, message: str) -> Json:
    return {"error": {"error_code": code, "error_msg": message}}


def _tool(given: Mapping[str, Any]) -> dict[str, Any]:
    """A tool as OpenAI has it: the client sends its parameters as a text."""
    function = dict(given.get("function") or {})
    if isinstance(function.get("parameters"), str):
        function["parameters"] = json.loads(function["parameters"])
    return {"type": given.get("type") or "function", "function": function}


def _said(answer: Any) -> str:
    try:
        content = answer["choices"][0]["message"].get("content")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ApiError("INTERNAL_ERROR", "The judge's endpoint is none of chat") from None
    if isinstance(content, list):
        return "\n".join(str(one.get("text", "")) for one in content if isinstance(one, dict))
    return content or ""


async def _ask(call: Call, model: str, body: Mapping[str, Any]) -> Any:
    """The endpoint's answer. Its refusal is the caller's."""
    import aiohttp

    endpoint = os.environ.get(CHOSEN) or f"databricks-{model or USUAL}"
    address = f"{call.workspace.url}/serving-endpoints/{endpoint}/invocations"
    headers = {"Authorization": call.header("authorization")}
    limit = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(address, json=dict(body), headers=headers) as got,
        ):
            answer = await got.json(content_type=None)
            status = got.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as fault:
        message = f"The judge's endpoint {endpoint} did not answer: {fault}"
        raise ApiError("TEMPORARILY_UNAVAILABLE", message) from None
    if status >= 400:
        told = answer if isinstance(answer, Mapping) else {}
        raise ApiError(
            str(told.get("error_code") or "BAD_REQUEST"),
            f"The judge's endpoint {endpoint} refused: {told.get('message') or status}. "
            f"{CHOSEN} names another endpoint for judges.",
            status=status,
        )
    return answer


ROUTES: tuple[Route, ...] = (
    Route("POST", f"{BASE}/chat-completions", complete),
    Route("POST", f"{BASE}/chat-assessments", assess),
    Route("POST", f"{BASE}/chat-assessment-definitions", define),
    Route("POST", f"{BASE}/chat-assessment-usage-events", usage, Fidelity.ACCEPTED, note=DROPPED),
    Route("POST", f"{BASE}/evaluation-client-usage-events", usage, Fidelity.ACCEPTED, note=DROPPED),
    Route(
        "POST",
        "/api/2.0/managed-evals/custom-judge-model/record-event",
        usage,
        Fidelity.ACCEPTED,
        note=DROPPED,
    ),
)
