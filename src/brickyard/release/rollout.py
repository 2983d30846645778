"""The rollout: what time makes dependent, done step by step after a deployment.

Each step has an action of its own (`actions/`); what it leaves behind is a mapping that later steps
read as `${steps.<step>.<field>}`. Before a step moves what the environment serves it writes down
how it was, so that a release which fails later, or is given up after a kill, leaves the environment
serving what it served. A step that an earlier try finished with the same inputs is taken from the
journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from brickyard.deploy import ApiFailure, Project, Unreachable
from brickyard.deploy.run import RunRefused
from brickyard.release.actions import ACTIONS
from brickyard.release.faults import GateFailed, StepFailed
from brickyard.release.findings import Findings
from brickyard.release.journal import Journal, digest_of
from brickyard.release.records import ReleaseRecord
from brickyard.release.step_kinds import KINDS
from brickyard.release.step_settings import REFERENCE, RolloutStep
from brickyard.release.undo import put_back, title

__all__ = ["GateFailed", "Rollout", "StepFailed", "dig"]


@dataclass(slots=True, kw_only=True)
class Rollout:
    """One rollout under way: what it has found out and what it may have to put back."""

    project: Project
    read_file: Callable[[str], bytes | None]
    say: Callable[[str, str], None]  # (step, what it found or did)
    doing: Callable[[str, str], None] = lambda step, text: None  # (step, what it waits for)
    environment: str = ""
    commit: str = ""
    folder: Path | None = None  # of the bundle, as it is in the commit
    live: ReleaseRecord | None = None  # what the environment serves so far
    source: Project | None = None  # promoting by model: where versions are copied from
    source_models: Mapping[str, Any] = field(default_factory=dict)
    journal: Journal = field(default_factory=lambda: Journal(goal=""))
    found: Findings = field(default_factory=Findings)
    outputs: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    # Deploys what waited for a step's outcome; done when it is needed, at the latest at the end.
    complete: Callable[[], None] | None = None
    _facts: dict[str, Any] = field(default_factory=dict)

    def run(self, steps: tuple[RolloutStep, ...]) -> None:
        """Do the steps in order. Raises `StepFailed`; what was moved is not put back yet."""
        for step in steps:
            if step.is_for(self.environment):
                self._run(step)
        self.complete_deploy()

    def note(self, **facts: Any) -> None:
        """Put what a step found on record: see `Findings`."""
        kept = Findings()
        kept.add(self._facts)
        kept.add(facts)
        self._facts = {name: getattr(kept, name) for name in {*self._facts, *facts}}
        self.found.add(facts)

    def _run(self, step: RolloutStep) -> None:
        started = time.monotonic()
        entry: dict[str, Any] = {"step": step.name, "action": step.action, "result": "failed"}
        self.steps.append(entry)
        self._facts = {}
        self.doing(step.name, KINDS[step.action].waits)
        try:
            filled = self._filled(step)
            inputs = digest_of(filled.action, filled.subject, filled.options, step.requirements)
            kept = self.journal.finished(step.name, inputs)
            if kept is not None:
                self._take(step, entry, kept)
                return
            left = ACTIONS[step.action](self, filled)
        except (StepFailed, ApiFailure, RunRefused, ValueError) as fault:
            entry["reason"] = str(fault)
            entry["seconds"] = round(time.monotonic() - started, 2)
            if isinstance(fault, StepFailed):
                raise
            raise StepFailed(f"{step.name}: {fault}") from fault
        entry["result"] = "succeeded"
        entry["seconds"] = round(time.monotonic() - started, 2)
        self.outputs[step.name] = left
        self.journal.finish(step.name, inputs, entry, self._facts, left)

    def _take(self, step: RolloutStep, entry: dict[str, Any], kept: Mapping[str, Any]) -> None:
        entry |= dict(kept["entry"])
        self.found.add(kept["found"])
        self.outputs[step.name] = kept["left"]
        self.say(step.name, "done by the try before")

    def complete_deploy(self) -> None:
        """Deploy what had to wait, if anything had. Raises `StepFailed`."""
        work, self.complete = self.complete, None
        if work is not None:
            work()

    def put_back(self) -> None:
        """Return what was moved to what it was, last change first."""
        for entry in reversed(self.journal.undo):
            try:
                put_back(self.project, entry)
                self.say("", f"put back {title(entry)}")
            except (ApiFailure, Unreachable, StepFailed) as fault:
                self.say("", f"could not put back {title(entry)}: {fault}")

    def interrupted(self) -> None:
        """Let go for now: what was moved is put back, what took time is kept for the next try."""
        moved = [at for at, one in enumerate(self.steps) if KINDS[one["action"]].moves]
        for one in self.steps[moved[0] :] if moved else ():
            self.journal.steps.pop(one["step"], None)
        if self.journal.undo:
            self.journal.save()
            self.put_back()
            self.journal.undo.clear()
            self.journal.save()

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
        return replace(
            step,
            subject=self.fill(step.subject),
            options={key: self.fill(value) for key, value in step.options.items()},
        )

    def fill(self, value: Any) -> Any:
        """`value` with every `${steps.…}` in it replaced; a whole reference keeps its type."""
        if isinstance(value, Mapping):
            return {key: self.fill(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        if not isinstance(value, str):
            return value
        whole = REFERENCE.fullmatch(value)
        if whole:
            return self._output(whole[1], whole[2])
        return REFERENCE.sub(lambda found: str(self._output(found[1], found[2])), value)

    def _output(self, step: str, path: str) -> Any:
        if step not in self.outputs:
            raise StepFailed(
                f"${{steps.{step}.{path}}}: the step `{step}` has not run in {self.environment}"
            )
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
