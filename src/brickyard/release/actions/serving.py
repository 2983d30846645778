"""Steps about serving endpoints: served, shared out, asked, measured."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from brickyard.deploy import ApiFailure
from brickyard.release.actions.gates import hold
from brickyard.release.endpoints import serve, served_config
from brickyard.release.faults import StepFailed

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep

QUERY_LIMIT_S: Final = 300.0
# Where answers say how many tokens they took: of chat completions, of responses.
TOKENS: Final[Mapping[str, Sequence[str]]] = {
    "input": ("prompt_tokens", "input_tokens"),
    "output": ("completion_tokens", "output_tokens"),
}


def serve_version(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Let an endpoint serve one model version with all its traffic, and wait until it does."""
    endpoint = rollout.id_of("model_serving_endpoints", step.subject)
    name, version, entity = _entity(rollout, step)
    _remembered(rollout, endpoint)
    config = {"served_entities": [entity]}
    serve(rollout.project, endpoint, config)
    rollout.note(
        endpoint=endpoint,
        served=config,
        endpoints={endpoint: config},
        model=name,
        model_version=version,
        models={name: {"version": version}},
    )
    rollout.say(step.name, f"{endpoint} serves {name} version {version}")
    return {"endpoint": endpoint, "model": name, "version": version}


def shift_traffic(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Send a share of an endpoint's traffic to a version; the rest stays with what it served."""
    endpoint = rollout.id_of("model_serving_endpoints", step.subject)
    name, version, entity = _entity(rollout, step)
    percent = _percent(step)
    before = _remembered(rollout, endpoint)
    config = shared(before, entity, percent)
    serve(rollout.project, endpoint, config)
    rollout.note(endpoint=endpoint, served=config, endpoints={endpoint: config})
    if percent == 100:
        rollout.note(model=name, model_version=version, models={name: {"version": version}})
    rollout.say(step.name, f"{percent} % of {endpoint} goes to {name} version {version}")
    return {"endpoint": endpoint, "model": name, "version": version, "percent": percent}


def shared(
    before: Mapping[str, Any] | None, entity: Mapping[str, Any], percent: int
) -> dict[str, Any]:
    """The config with this share for an entity; the main one of before keeps the rest.

    An endpoint that served nothing, or this version, gives it everything.
    """
    new = {"name": f"version-{entity['entity_version']}", **entity}
    main = _main(before, new)
    if main is None or percent >= 100:
        return {"served_entities": [new], "traffic_config": _routes({new["name"]: 100})}
    shares = {str(main["name"]): 100 - percent, str(new["name"]): percent}
    return {"served_entities": [main, new], "traffic_config": _routes(shares)}


def query(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Ask the endpoint once, as a client would, and compare the answer with what is expected."""
    endpoint = rollout.id_of("model_serving_endpoints", step.subject)
    request = _content(rollout, step.options.get("request"))
    started = time.monotonic()
    answer = _ask(rollout, endpoint, request)
    seconds = time.monotonic() - started
    expect(endpoint, answer, step.options.get("expect") or {})
    rollout.say(step.name, f"{endpoint} answered as expected")
    return {"seconds": round(seconds, 3), "answer": answer}


def measure(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Ask the endpoint again and again: seconds, errors, tokens and what they cost.

    `price` is by million tokens: `{input: 0.15, output: 0.6}`. Tokens are those that the answers
    say they took; where none says so, a budget for them can't be computed and is closed.
    """
    endpoint = rollout.id_of("model_serving_endpoints", step.subject)
    given = _content(rollout, step.options.get("requests"))
    requests = given if isinstance(given, list) else [given]
    count = int(step.options.get("count") or max(10, len(requests)))
    seconds: list[float] = []
    errors, told, tokens = 0, 0, dict.fromkeys(TOKENS, 0)
    for at in range(count):
        rollout.doing(step.name, f"asking {endpoint}: {at + 1} of {count}")
        started = time.monotonic()
        try:
            answer = _ask(rollout, endpoint, requests[at % len(requests)])
        except ApiFailure:
            errors += 1
            continue
        seconds.append(time.monotonic() - started)
        used = _tokens(answer)
        told += used is not None
        for kind, number in (used or {}).items():
            tokens[kind] += number
    metrics: dict[str, Any] = {"requests": count, "errors": errors, "error_rate": errors / count}
    if seconds:
        for share in (50, 95, 99):
            metrics[f"latency_p{share}_s"] = round(percentile(seconds, share), 4)
    if told and told == len(seconds):
        metrics |= {f"{kind}_tokens": number for kind, number in tokens.items()}
        metrics |= _cost(tokens, step.options.get("price"), len(seconds))
    shown = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
    rollout.say(step.name, f"{endpoint}: {shown}")
    rollout.note(evaluation=metrics)
    hold(rollout, step, metrics)
    return {"metrics": metrics}


def expect(where: str, answer: Any, wanted: Mapping[str, Any]) -> None:
    """Raise `StepFailed` unless the answer has these values at these paths."""
    from brickyard.release.rollout import dig

    for path, value in wanted.items():
        try:
            got = dig(answer, str(path))
        except KeyError:
            raise StepFailed(f"{where} answered without `{path}`: {short(answer)}") from None
        if got != value:
            raise StepFailed(f"{where} answered {path} = {short(got)}, expected {short(value)}")


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -(-len(ranked) * int(share) // 100) - 1))]


def short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 200 else text[:200] + "…"


def _remembered(rollout: Rollout, endpoint: str) -> Mapping[str, Any] | None:
    """How the endpoint was before this release, written down before it is moved."""
    for kept in rollout.journal.undo:
        if kept["what"] == "endpoint" and kept["name"] == endpoint:
            return dict(kept["config"])
    before = served_config(rollout.project, endpoint)
    if before is not None:
        rollout.journal.remember({"what": "endpoint", "name": endpoint, "config": before})
    return before


def _entity(rollout: Rollout, step: RolloutStep) -> tuple[str, str, dict[str, Any]]:
    name = rollout.id_of("registered_models", step.options.get("model"))
    version = str(step.options.get("version", ""))
    entity: dict[str, Any] = {
        "entity_name": name,
        "entity_version": version,
        "workload_size": step.options.get("workload_size", "Small"),
        "scale_to_zero_enabled": bool(step.options.get("scale_to_zero", True)),
    }
    if step.options.get("environment_vars"):
        entity["environment_vars"] = step.options["environment_vars"]
    return name, version, entity


def _percent(step: RolloutStep) -> int:
    given = str(step.options.get("percent", ""))
    if not given.isdigit() or not 1 <= int(given) <= 100:
        raise StepFailed(f"{step.name}: `percent` is a whole number from 1 to 100")
    return int(given)


def _main(before: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entity that had most of the traffic, unless it is the new one."""
    if before is None:
        return None
    entities = [dict(one) for one in before["served_entities"]]
    routes = (before.get("traffic_config") or {}).get("routes") or ()
    shares = {
        str(one.get("served_entity_name") or one.get("served_model_name")): int(
            one.get("traffic_percentage") or 0
        )
        for one in routes
    }
    main = max(entities, key=lambda one: shares.get(str(one.get("name")), 0))
    same = all(main.get(key) == new[key] for key in ("entity_name", "entity_version"))
    if same:
        return None
    return {"name": f"version-{main.get('entity_version')}", **main}


def _routes(shares: Mapping[str, int]) -> dict[str, Any]:
    return {
        "routes": [
            {"served_entity_name": name, "traffic_percentage": share}
            for name, share in shares.items()
        ]
    }


def _content(rollout: Rollout, request: Any) -> Any:
    """A request as it stands, or from a JSON or JSON lines file of the bundle."""
    if not isinstance(request, str):
        return request
    content = rollout.read_file(request)
    if content is None:
        raise StepFailed(f"the request file {request} is not in the bundle")
    if request.endswith(".jsonl"):
        return rollout.fill([json.loads(line) for line in content.splitlines() if line.strip()])
    return rollout.fill(json.loads(content))


def _ask(rollout: Rollout, endpoint: str, request: Any) -> Any:
    return rollout.project.workspace.call(
        "POST",
        f"/serving-endpoints/{quote(endpoint, safe='')}/invocations",
        body=request,
        timeout_s=QUERY_LIMIT_S,
    )


def _tokens(answer: Any) -> dict[str, int] | None:
    usage = answer.get("usage") if isinstance(answer, Mapping) else None
    if not isinstance(usage, Mapping):
        return None
    found = {
        kind: next((usage[name] for name in names if isinstance(usage.get(name), int)), 0)
        for kind, names in TOKENS.items()
    }
    return found if any(found.values()) else None


def _cost(tokens: Mapping[str, int], price: Any, answers: int) -> dict[str, float]:
    if not isinstance(price, Mapping) or not price:
        return {}
    total = sum(tokens[kind] * float(price.get(kind, 0)) for kind in tokens) / 1_000_000
    return {"cost": round(total, 8), "cost_per_request": round(total / answers, 8)}
