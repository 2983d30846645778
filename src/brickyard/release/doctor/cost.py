"""Cost and scalability: what it costs when nobody asks, and when everybody does."""

from __future__ import annotations

from collections.abc import Iterator

from brickyard.release.doctor.checks import (
    Check,
    Evidence,
    Health,
    Patient,
    absent,
    evidence,
    first,
)
from brickyard.values import Value

TITLE = "cost and scalability"
BUDGETS = ("latency", "cost", "seconds", "_s", "token")


def checks(patient: Patient) -> Iterator[Check]:
    yield _idle(patient)
    yield _budgets(patient)
    yield _limits(patient)
    yield _attribution(patient)


def _idle(patient: Patient) -> Check:
    question = "Does it cost nothing when nobody asks?"
    awake: list[Evidence] = []
    asleep: list[Evidence] = []
    for address, value in patient.resources("model_serving_endpoints"):
        for entity in _entities(value):
            flag = entity.get("scale_to_zero_enabled")
            is_asleep = flag is not None and flag.data is True
            place = evidence(flag if flag is not None else entity, f"{address} scale_to_zero")
            (asleep if is_asleep else awake).append(place)
    for address, value in patient.resources("sql_warehouses"):
        stop = value.get("auto_stop_mins")
        if stop is not None and stop.data == 0:
            awake.append(evidence(stop, f"{address} never stops"))
    for address, value in patient.resources("clusters"):
        stop = value.get("autotermination_minutes")
        if stop is None or stop.data == 0:
            awake.append(evidence(value, f"{address} never stops"))
    for step in patient.steps("serve", "shift_traffic"):
        if step.options.get("scale_to_zero") is False:
            awake += patient.step_places(step.action)
        else:
            asleep += patient.step_places(step.action)
    none = absent("the bundle", "nothing that runs without being asked")
    return Check(
        id="idle",
        question=question,
        health=Health.WEAK if awake else Health.GOOD,
        evidence=first(awake) or first(asleep) or none,
        next="Let endpoints scale to zero, warehouses and clusters stop." if awake else "",
        command="brickyard validate -t prod" if awake else "",
    )


def _entities(endpoint: Value) -> tuple[Value, ...]:
    found = endpoint.get("config.served_entities") or endpoint.get("config.served_models")
    return found.elements if found is not None else ()


def _budgets(patient: Patient) -> Check:
    question = "Does a gate hold latency and cost within a budget?"
    held = [
        f"{step.name}: {one}"
        for step in patient.steps()
        for one in step.requirements
        if any(word in one.metric for word in BUDGETS)
    ]
    if held:
        place = patient.step_places("measure", "metrics", "evaluate")
        found = (Evidence(file=place[0].file, line=place[0].line, text="; ".join(held[:3])),)
        return Check(id="budgets", question=question, health=Health.GOOD, evidence=found)
    return Check(
        id="budgets",
        question=question,
        health=Health.MISSING,
        evidence=absent("brickyard.yml", "no requirement on latency, tokens or cost"),
        next="Add a step `measure: <endpoint>` and require `latency_p95_s` and `cost_per_request`.",
        command="brickyard schema --of brickyard.yml",
    )


def _limits(patient: Patient) -> Check:
    question = "Is there a limit to what callers and runs can use up?"
    endpoints = list(patient.resources("model_serving_endpoints"))
    found = [
        evidence(place, f"{address}: {key}")
        for address, value in endpoints
        for key in ("ai_gateway.rate_limits", "rate_limits", "budget_policy_id")
        if (place := value.get(key)) is not None
    ]
    found += [
        evidence(place, f"{address}: {key}")
        for address, value in patient.resources("jobs")
        for key in ("max_concurrent_runs", "timeout_seconds", "budget_policy_id")
        if (place := value.get(key)) is not None
    ]
    health = Health.GOOD if found else Health.WEAK if not endpoints else Health.MISSING
    return Check(
        id="limits",
        question=question,
        health=health,
        evidence=first(found) or absent("databricks.yml", "no rate limits, timeouts or budgets"),
        next="" if found else "Give endpoints `ai_gateway.rate_limits` and jobs `timeout_seconds`.",
        command="" if found else "brickyard validate",
    )


def _attribution(patient: Patient) -> Check:
    question = "Can the bill be told apart by project?"
    found = [
        evidence(place, f"{address}: {key}")
        for address, value in patient.resources(
            "jobs", "pipelines", "model_serving_endpoints", "clusters", "sql_warehouses", "apps"
        )
        for key in ("tags", "custom_tags", "budget_policy_id")
        if (place := value.get(key)) is not None
    ]
    presets = patient.tree.get("presets.tags")
    if presets is not None:
        found.insert(0, evidence(presets, "tags of everything"))
    return Check(
        id="attribution",
        question=question,
        health=Health.GOOD if found else Health.MISSING,
        evidence=first(found) or absent("databricks.yml", "no tags"),
        next="" if found else "Write `presets.tags` in databricks.yml: team, project, environment.",
        command="" if found else "brickyard validate",
    )
