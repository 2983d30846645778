"""Steps that run something of the bundle to its end: jobs, evaluations, pipelines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.deploy import Step, await_others, run_job
from brickyard.deploy.pipeline_runs import Refresh, await_update, run_pipeline
from brickyard.deploy.run import find_runnable
from brickyard.release.actions.gates import hold
from brickyard.release.actions.versions import copy_model
from brickyard.release.faults import StepFailed

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep

RUN: Final = "/api/2.0/mlflow/runs/get"


def run_job_step(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Run a deployed job to its end; the JSON object its last task returned.

    A run that goes on already, left by a promotion that was killed, is waited for. Promoting by
    model, a step that names the model it makes copies a version instead.
    """
    model = step.options.get("by_model")
    if model and rollout.source is not None:
        return copy_model(rollout, step, str(model))
    given = step.options.get("parameters") or {}
    parameters = {str(key): str(value) for key, value in given.items()}

    def show(change: Step) -> None:
        where = f", task {change.task_key}" if change.task_key else ""
        state = change.state.life_cycle.lower()
        rollout.doing(step.name, f"job {step.subject}{where}: {state}")

    def wait(run_id: int) -> None:
        rollout.say(step.name, f"job {step.subject} is running already: waiting for run {run_id}")

    result = run_job(rollout.project, str(step.subject), parameters, progress=show)
    if result.state.life_cycle == "SKIPPED":
        await_others(rollout.project, str(step.subject), wait)
        result = run_job(rollout.project, str(step.subject), parameters, progress=show)
    if not result.succeeded or result.state.life_cycle == "SKIPPED":
        failed = next((task for task in result.tasks if not task.state.succeeded), None)
        why = (failed.error if failed is not None else "") or result.state.message
        raise StepFailed(f"job {step.subject} failed: {why or result.state.result} ({result.url})")
    last = result.tasks[-1].text if result.tasks else ""
    found = _json_object(last)
    rollout.say(step.name, f"job {step.subject} succeeded")
    return {**found, "run_id": result.run_id}


def evaluate(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Run an evaluation; its metrics and examples go on record, and may be a gate.

    The job returns `metrics`, or `mlflow_run_id` of the run that has them, and `examples`.
    """
    left = dict(run_job_step(rollout, step))
    if not isinstance(left.get("metrics"), Mapping):
        left["metrics"] = _logged_metrics(rollout, str(left.get("mlflow_run_id") or ""))
    examples = left.get("examples")
    rollout.note(evaluation=dict(left["metrics"]))
    if examples:
        rollout.note(examples={step.name: examples})
    hold(rollout, step, left["metrics"], examples)
    return left


def refresh_pipeline(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Update a pipeline to its end. An update that goes on already is waited for first."""
    project = rollout.project
    pipeline = find_runnable(project, str(step.subject), ("pipelines",))
    active = await_update(project.workspace, pipeline)
    if active:
        rollout.say(step.name, f"waited for update {active}, which went on already")
    wanted = Refresh(full_refresh_all=bool(step.options.get("full_refresh")))
    made = run_pipeline(
        project,
        pipeline,
        wanted,
        progress=lambda event: rollout.doing(step.name, str(event.get("message", ""))[:80]),
    )
    if made.state != "COMPLETED":
        raise StepFailed(f"pipeline {pipeline.name} {made.state.lower()}: {made.why}")
    rollout.say(step.name, f"pipeline {pipeline.name} is up to date")
    return {"pipeline_id": pipeline.id, "update_id": made.update_id}


def _logged_metrics(rollout: Rollout, run_id: str) -> dict[str, Any]:
    if not run_id:
        return {}
    run = rollout.project.workspace.get(RUN, {"run_id": run_id}).get("run") or {}
    logged = (run.get("data") or {}).get("metrics") or ()
    return {str(one["key"]): one.get("value") for one in logged}


def _json_object(text: str) -> dict[str, Any]:
    """The JSON object that a notebook exited with; a step may also leave nothing."""
    try:
        found = json.loads(text.strip().splitlines()[-1]) if text.strip() else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
