"""Evaluation and monitoring: whether it is any good, before and after it goes live."""

from __future__ import annotations

from collections.abc import Iterator

from brickyard.release.doctor.checks import (
    Check,
    Evidence,
    Health,
    Patient,
    absent,
    elements,
    evidence,
    first,
)

TITLE = "evaluation and monitoring"
GATES = ("metrics", "evaluate", "measure", "monitor", "sql")


def checks(patient: Patient) -> Iterator[Check]:
    yield _gates(patient)
    yield _comparison(patient)
    yield _tables(patient)
    yield _notifications(patient)


def _gates(patient: Patient) -> Check:
    question = "Does an evaluation decide whether a release goes live?"
    gates = [step for step in patient.steps(*GATES) if step.requirements or step.no_worse]
    tree = {one.text.partition(": ")[0]: one for one in patient.step_places(*GATES)}
    if gates:
        found = [
            Evidence(
                file=tree[step.action].file,
                line=tree[step.action].line,
                text=f"{step.name}: {', '.join(str(one) for one in step.requirements)}",
            )
            for step in gates
            if step.action in tree
        ]
        return Check(id="gates", question=question, health=Health.GOOD, evidence=first(found))
    return Check(
        id="gates",
        question=question,
        health=Health.MISSING,
        evidence=absent("brickyard.yml", "no step of the rollout requires anything"),
        next="Evaluate on labelled examples in the rollout and require a score.",
        command="brickyard schema --of brickyard.yml",
    )


def _comparison(patient: Patient) -> Check:
    question = "Is a release compared with what is live?"
    compared = [step for step in patient.steps() if step.no_worse is not None]
    rollout = elements(patient.declared.get("rollout"))
    places = [evidence(one, "no_worse") for tree in rollout if (one := tree.get("no_worse"))]
    if compared:
        return Check(id="comparison", question=question, health=Health.GOOD, evidence=first(places))
    return Check(
        id="comparison",
        question=question,
        health=Health.MISSING,
        evidence=absent("brickyard.yml", "no step has `no_worse`"),
        next="Let the evaluation return `examples`, and add `no_worse: [<score>]` to its step.",
        command="brickyard schema --of brickyard.yml",
    )


def _tables(patient: Patient) -> Check:
    question = "Is kept what people ask and what is answered?"
    endpoints = list(patient.resources("model_serving_endpoints"))
    kept = [
        evidence(place, f"{address}: {key}")
        for address, value in endpoints
        for key in (
            "ai_gateway.inference_table_config",
            "config.auto_capture_config",
            "telemetry_config",
        )
        if (place := value.get(key)) is not None
    ]
    kept += [evidence(value, address) for address, value in patient.resources("experiments")]
    tracing = [
        Evidence(file=name, line=number, text="traces with MLflow")
        for name in patient.matching("*.py", "*.ipynb")
        for number, line in enumerate(patient.files[name].splitlines(), start=1)
        if b"mlflow.trace" in line or b".autolog(" in line or b"start_span" in line
    ]
    if kept or tracing:
        found = first([*kept, *tracing], 4)
        health = Health.GOOD if kept else Health.WEAK
        return Check(id="answers", question=question, health=health, evidence=found)
    if not endpoints:
        none = absent("databricks.yml", "no serving endpoint")
        return Check(id="answers", question=question, health=Health.GOOD, evidence=none)
    return Check(
        id="answers",
        question=question,
        health=Health.MISSING,
        evidence=first(evidence(value, f"{address} keeps nothing") for address, value in endpoints),
        next="Give the endpoint `ai_gateway.inference_table_config`, and trace with MLflow.",
        command="brickyard validate",
    )


def _notifications(patient: Patient) -> Check:
    question = "Does somebody hear of a failure?"
    keys = ("email_notifications", "webhook_notifications", "notifications")
    found = [
        evidence(place, f"{address} tells somebody")
        for address, value in patient.resources("jobs", "pipelines", "quality_monitors")
        for key in keys
        if (place := value.get(key)) is not None
    ]
    found += [evidence(value, address) for address, value in patient.resources("alerts")]
    if found:
        return Check(id="notice", question=question, health=Health.GOOD, evidence=first(found))
    return Check(
        id="notice",
        question=question,
        health=Health.MISSING,
        evidence=absent("databricks.yml", "no notifications and no alerts"),
        next="Add `email_notifications.on_failure` to the jobs of production, or an alert.",
        command="brickyard validate -t prod",
    )
