"""The rollout: what time makes dependent, done step by step after a deployment.

Each step has an action of its own; what it leaves behind is a mapping that later steps read as
`${steps.<step>.<field>}`. Steps that change what the environment serves (alias, endpoint) say how
to put it back, so that a release which fails later leaves the environment serving what it served.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from brickyard.deploy import ApiFailure, Project, Step, Unreachable, await_others, run_job
from brickyard.release.requirements import Outcome, judge
from brickyard.release.settings import RolloutStep

REFERENCE: Final = re.compile(r"\$\{steps\.([\w-]+)\.([\w.\-]+)\}")
ENDPOINT_LIMIT_S: Final = 1800.0
QUERY_LIMIT_S: Final = 300.0
SLOWEST_POLL_S: Final = 2.0
WAITING: Final[Mapping[str, str]] = {
    "run_job": "starting the job",
    "metrics": "judging the metrics",
    "set_alias": "moving the alias",
    "serve": "waiting until the endpoint serves the version",
    "query": "waiting for the endpoint's answer",
}
SERVED_FIELDS: Final = (
    "name",
    "entity_name",
    "entity_version",
    "workload_size",
    "workload_type",
    "scale_to_zero_enabled",
    "environment_vars",
    "instance_profile_arn",
)


class StepFailed(Exception):
    """A step did not do its work; the release ends here."""


class GateFailed(StepFailed):
    """A gate's requirements don't hold, or can't be computed."""


@dataclass(slots=True, kw_only=True)
class Rollout:
    """One rollout under way: what it has found out and what it may have to put back."""

    project: Project
    read_file: Callable[[str], bytes | None]
    say: Callable[[str, str], None]  # (step, what it found or did)
    doing: Callable[[str, str], None] = lambda step, text: None  # (step, what it waits for)
    outputs: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    undo: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    gate: list[Outcome] = field(default_factory=list)
    evaluation: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    model_version: str = ""
    alias: str = ""
    endpoint: str = ""
    served: dict[str, Any] = field(default_factory=dict)
    # Deploys what waited for a step's outcome; done when it is needed, at the latest at the end.
    complete: Callable[[], None] | None = None

    def run(self, steps: tuple[RolloutStep, ...]) -> None:
        """Do the steps in order. Raises `StepFailed` after putting back what was moved."""
        for step in steps:
            started = time.monotonic()
            entry: dict[str, Any] = {"step": step.name, "action": step.action, "result": "failed"}
            self.steps.append(entry)
            self.doing(step.name, WAITING[step.action])
            try:
                found = ACTIONS[step.action](self, self._filled(step))
                entry["result"] = "succeeded"
            except (StepFailed, ApiFailure, ValueError) as fault:
                entry["reason"] = str(fault)
                self.put_back()
                if isinstance(fault, StepFailed):
                    raise
                raise StepFailed(f"{step.name}: {fault}") from fault
            except BaseException:
                self.put_back()
                raise
            finally:
                entry["seconds"] = round(time.monotonic() - started, 2)
            self.outputs[step.name] = found
        self.complete_deploy()

    def complete_deploy(self) -> None:
        """Deploy what had to wait, if anything had. Raises `StepFailed`."""
        work, self.complete = self.complete, None
        if work is None:
            return
        try:
            work()
        except StepFailed:
            self.put_back()
            raise

    def put_back(self) -> None:
        """Return alias and endpoint to what they were, last change first."""
        while self.undo:
            what, work = self.undo.pop()
            try:
                work()
                self.say("", f"put back {what}")
            except (ApiFailure, Unreachable) as fault:
                self.say("", f"could not put back {what}: {fault}")

    def id_of(self, kind: str, key: object) -> str:
        """The deployed id of a bundle resource, such as a model's full name."""
        address = f"resources.{kind}.{key}"
        entry = self.project.store.pull().state.entries.get(address)
        if entry is None and self.complete is not None:
            self.complete_deploy()
            entry = self.project.store.pull().state.entries.get(address)
        if entry is None:
            raise StepFailed(f"{address} is not deployed; is its key right?")
        return entry.id

    def _filled(self, step: RolloutStep) -> RolloutStep:
        return RolloutStep(
            name=step.name,
            action=step.action,
            subject=self._fill(step.subject),
            options={key: self._fill(value) for key, value in step.options.items()},
            requirements=step.requirements,
        )

    def _fill(self, value: Any) -> Any:
        """`value` with every `${steps.…}` in it replaced; a whole reference keeps its type."""
        if isinstance(value, Mapping):
            return {key: self._fill(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._fill(one) for one in value]
        if not isinstance(value, str):
            return value
        whole = REFERENCE.fullmatch(value)
        if whole:
            return self._output(whole[1], whole[2])
        return REFERENCE.sub(lambda found: str(self._output(found[1], found[2])), value)

    def _output(self, step: str, path: str) -> Any:
        if step not in self.outputs:
            raise StepFailed(f"${{steps.{step}.{path}}}: no step `{step}` has run before")
        try:
            return dig(self.outputs[step], path)
        except KeyError:
            left = self.outputs[step]
            has = ", ".join(left) if isinstance(left, Mapping) and left else "nothing"
            raise StepFailed(f"step `{step}` left no `{path}` behind; it left {has}") from None


def dig(value: Any, path: str) -> Any:
    """The field at a dotted path; raises `KeyError`. Numbers index lists."""
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise KeyError(path)
    return value


def run_job_step(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Run a deployed job to its end; the JSON object its last task returned.

    A run that goes on already, left by a promotion that was killed, is waited for.
    """
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


def gate_step(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Open when every requirement holds; a metric that isn't there closes it."""
    metrics = step.subject
    outcomes = judge(step.requirements, metrics)
    rollout.gate += outcomes
    if isinstance(metrics, Mapping):
        rollout.evaluation.update(metrics)
    for outcome in outcomes:
        rollout.say(step.name, f"{'holds' if outcome.holds else 'FAILS'}: {outcome}")
    failed = [str(outcome) for outcome in outcomes if not outcome.holds]
    if failed:
        raise GateFailed(f"the gate `{step.name}` is closed: {'; '.join(failed)}")
    return {"requirements": len(outcomes)}


def alias_step(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Point a model's alias at a version."""
    alias, version = str(step.subject), str(step.options.get("version", ""))
    name = rollout.id_of("registered_models", step.options.get("model"))
    before = set_alias(rollout.project, name, alias, version)
    put_back = partial(restore_alias, rollout.project, name, alias, before)
    rollout.undo.append((f"alias {alias}", put_back))
    rollout.model, rollout.model_version, rollout.alias = name, version, alias
    rollout.say(step.name, f"{name}@{alias} is version {version}")
    return {"model": name, "version": version, "previous": before}


def serve_step(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Let an endpoint serve one model version with all its traffic, and wait until it does."""
    endpoint = rollout.id_of("model_serving_endpoints", step.subject)
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
    move_endpoint(rollout, endpoint, {"served_entities": [entity]})
    rollout.model, rollout.model_version = name, version
    rollout.say(step.name, f"{endpoint} serves {name} version {version}")
    return {"endpoint": endpoint, "model": name, "version": version}


def move_endpoint(rollout: Rollout, endpoint: str, config: dict[str, Any]) -> None:
    """Let an endpoint serve `config`, and remember how to put back what it served."""
    before = serve(rollout.project, endpoint, config)
    if before is not None:
        put_back = partial(_serve_again, rollout.project, endpoint, before)
        rollout.undo.append((f"endpoint {endpoint}", put_back))
    rollout.endpoint, rollout.served = endpoint, config


def query_step(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Ask the endpoint once, as a client would, and compare the answer with what is expected."""
    endpoint = rollout.id_of("model_serving_endpoints", step.subject)
    request = step.options.get("request")
    if isinstance(request, str):
        content = rollout.read_file(request)
        if content is None:
            raise StepFailed(f"the request file {request} is not in the bundle")
        request = json.loads(content)
    started = time.monotonic()
    answer = rollout.project.workspace.call(
        "POST",
        f"/serving-endpoints/{quote(endpoint, safe='')}/invocations",
        body=rollout._fill(request),
        timeout_s=QUERY_LIMIT_S,
    )
    seconds = time.monotonic() - started
    for path, wanted in (step.options.get("expect") or {}).items():
        try:
            got = dig(answer, str(path))
        except KeyError:
            raise StepFailed(f"{endpoint} answered without `{path}`: {_short(answer)}") from None
        if got != wanted:
            raise StepFailed(
                f"{endpoint} answered {path} = {_short(got)}, expected {_short(wanted)}"
            )
    rollout.say(step.name, f"{endpoint} answered as expected")
    return {"seconds": round(seconds, 3), "answer": answer}


ACTIONS: Final[Mapping[str, Callable[[Rollout, RolloutStep], Mapping[str, Any]]]] = {
    "run_job": run_job_step,
    "metrics": gate_step,
    "set_alias": alias_step,
    "serve": serve_step,
    "query": query_step,
}


def set_alias(project: Project, model: str, alias: str, version: str) -> str:
    """Move an alias; the version it pointed to, or ''."""
    path = f"/api/2.1/unity-catalog/models/{quote(model)}/aliases/{quote(alias, safe='')}"
    try:
        before = str(project.workspace.get(path).get("version", ""))
    except ApiFailure as failure:
        if not failure.is_missing:
            raise
        before = ""
    if before != version:
        project.workspace.call("PUT", path, body={"version_num": int(version)})
    return before


def restore_alias(project: Project, model: str, alias: str, version: str) -> None:
    """Put an alias back; take it away when there was none."""
    if version:
        set_alias(project, model, alias, version)
        return
    path = f"/api/2.1/unity-catalog/models/{quote(model)}/aliases/{quote(alias, safe='')}"
    project.workspace.call("DELETE", path)


def serve(project: Project, endpoint: str, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give an endpoint its config and wait until it is live; the config it had, if any."""
    path = f"/api/2.0/serving-endpoints/{quote(endpoint, safe='')}"
    before = wait_for_endpoint(project, endpoint)
    project.workspace.call("PUT", f"{path}/config", body=config)
    after = wait_for_endpoint(project, endpoint)
    state = after.get("state") or {}
    if state.get("config_update") in {"UPDATE_FAILED", "UPDATE_CANCELED"}:
        raise StepFailed(
            f"{endpoint} could not serve the new version and goes on with what it served: "
            f"{_update_message(after)}"
        )
    return _servable(before.get("config"))


def wait_for_endpoint(project: Project, endpoint: str) -> dict[str, Any]:
    """The endpoint once no update of it is under way. Raises `StepFailed` after a long time."""
    path = f"/api/2.0/serving-endpoints/{quote(endpoint, safe='')}"
    give_up_at = time.monotonic() + ENDPOINT_LIMIT_S
    pause = 0.1
    while True:
        found = project.workspace.get(path)
        if (found.get("state") or {}).get("config_update") != "IN_PROGRESS":
            return found
        if time.monotonic() > give_up_at:
            raise StepFailed(f"{endpoint} is still updating after {ENDPOINT_LIMIT_S / 60:.0f} min")
        time.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_S)


def _serve_again(project: Project, endpoint: str, config: Mapping[str, Any]) -> None:
    serve(project, endpoint, config)


def _servable(config: Any) -> dict[str, Any] | None:
    """A config as read, cut to what a PUT takes."""
    entities = (config or {}).get("served_entities")
    if not entities:
        return None
    cut = [{key: one[key] for key in SERVED_FIELDS if key in one} for one in entities]
    found: dict[str, Any] = {"served_entities": cut}
    if (config or {}).get("traffic_config"):
        found["traffic_config"] = config["traffic_config"]
    return found


def _update_message(endpoint: Mapping[str, Any]) -> str:
    pending = endpoint.get("pending_config") or endpoint.get("config") or {}
    messages = [
        str((one.get("state") or {}).get("deployment_state_message") or "")
        for one in pending.get("served_entities") or ()
    ]
    return next((message for message in messages if message), "see its build and server logs")


def _json_object(text: str) -> dict[str, Any]:
    """The JSON object that a notebook exited with; a step may also leave nothing."""
    try:
        found = json.loads(text.strip().splitlines()[-1]) if text.strip() else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 200 else text[:200] + "…"
