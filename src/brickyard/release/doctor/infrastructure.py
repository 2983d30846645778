"""MLOps infrastructure: environments, identities, models and compute, declared in one place."""

from __future__ import annotations

from collections.abc import Iterator

from brickyard.release.doctor.checks import (
    Check,
    Health,
    Patient,
    absent,
    at,
    evidence,
    first,
)

TITLE = "MLOps infrastructure"


def checks(patient: Patient) -> Iterator[Check]:
    yield _environments(patient)
    yield _identity(patient)
    yield _models(patient)
    yield _repeatable(patient)


def _environments(patient: Patient) -> Check:
    question = "Is there an environment before production, made from the same bundle?"
    targets = patient.targets
    found = first((evidence(value, f"target {name}") for name, value in targets.items()), 4) + at(
        patient, "environments", "the ladder"
    )
    health = Health.GOOD if len(targets) > 2 else Health.WEAK if len(targets) == 2 else None
    return Check(
        id="environments",
        question=question,
        health=health or Health.MISSING,
        evidence=found or absent("databricks.yml", "no targets"),
        next=""
        if health is Health.GOOD
        else "Add targets for dev, staging and prod, with a catalog variable each.",
        command="" if health is Health.GOOD else "brickyard validate -t staging",
    )


def _identity(patient: Patient) -> Check:
    question = "Does production run as a service principal, not as a person?"
    production = {
        name: value
        for name, value in patient.targets.items()
        if (mode := value.get("mode")) is not None and mode.text == "production"
    }
    without = []
    run_as = patient.tree.get("run_as.service_principal_name")
    for name, value in production.items():
        own = value.get("run_as.service_principal_name") or value.get("run_as")
        if own is None and (run_as is None or not run_as.text):
            without.append(evidence(value, f"target {name} has no run_as"))
    if production and not without:
        found = first(evidence(value, f"target {name}") for name, value in production.items())
        return Check(id="run_as", question=question, health=Health.GOOD, evidence=found)
    return Check(
        id="run_as",
        question=question,
        health=Health.WEAK if production else Health.MISSING,
        evidence=first(without) or absent("databricks.yml", "no target with mode: production"),
        next="Set `mode: production` and `run_as.service_principal_name` in the target.",
        command="brickyard validate -t prod",
    )


def _models(patient: Patient) -> Check:
    question = "Are models and prompts versions in Unity Catalog, pointed at by aliases?"
    declared = [evidence(v, a) for a, v in patient.resources("registered_models")]
    old = [
        evidence(value, f"{address}: the workspace's own registry")
        for address, value in patient.resources("models")
    ]
    steps = patient.step_places("set_alias", "register_prompt", "register_model")
    if not declared and not old:
        none = absent("databricks.yml", "no registered model")
        return Check(id="models", question=question, health=Health.GOOD, evidence=none)
    good = bool(declared) and bool(steps) and not old
    return Check(
        id="models",
        question=question,
        health=Health.GOOD if good else Health.WEAK,
        evidence=first([*old, *declared, *steps], 4),
        next="" if good else "Register models in Unity Catalog and move an alias in the rollout.",
        command="" if good else "brickyard schema --of brickyard.yml",
    )


def _repeatable(patient: Patient) -> Check:
    question = "Is compute declared, or serverless, and not borrowed from somebody?"
    borrowed = [
        evidence(task.items["existing_cluster_id"], f"{address} runs on a cluster by its id")
        for address, task in patient.tasks()
        if task.get("existing_cluster_id") is not None
        and "${" not in task.items["existing_cluster_id"].text
    ]
    if not borrowed:
        none = absent("the bundle", "no task runs on a cluster that the bundle does not make")
        return Check(id="compute", question=question, health=Health.GOOD, evidence=none)
    return Check(
        id="compute",
        question=question,
        health=Health.WEAK,
        evidence=first(borrowed),
        next="Use serverless or a job cluster, or declare the cluster in the bundle.",
        command="brickyard validate",
    )
