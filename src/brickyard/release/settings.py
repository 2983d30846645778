"""`brickyard.yml`: how a bundle travels from development to production, decoded with its places.

    environments:
      prod: {target: prod, catalog: prod, branches: [main]}
    policy: {mode: enforce}
    rollout:
      - step: evaluate
        run_job: evaluate
        parameters: {model_version: "${steps.register.model_version}"}
      - step: gate
        metrics: ${steps.evaluate.metrics}
        require: {recall: ">= 0.8"}

What a rollout's steps may say is in `step_settings.py`. Every fault is reported at once, with its
place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.policy.environment_keys import environment_faults
from brickyard.policy.policy_keys import policy_faults
from brickyard.release.drift_settings import DriftSettings, read_drift
from brickyard.release.step_settings import RolloutStep, read_rollout, unknown_keys
from brickyard.values import Diagnostic, Value, error, read_yaml

FILE: Final = "brickyard.yml"
ORDER: Final = ("dev", "staging", "prod")
TOP_KEYS: Final = frozenset({"environments", "policy", "rollout", "drift"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSettings:
    """One rung of the ladder. `after` names the environment that a commit must have passed."""

    name: str
    target: str
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings:
    environments: Mapping[str, EnvironmentSettings]
    rollout: tuple[RolloutStep, ...]
    drift: DriftSettings = field(default_factory=DriftSettings)
    plain: Mapping[str, Any]  # the whole file, for the policy room
    diagnostics: tuple[Diagnostic, ...] = ()


def read_settings(text: bytes | None) -> ReleaseSettings:
    """Decode the file; with none, the usual three environments and no rollout."""
    if text is None:
        return ReleaseSettings(environments=_ladder(Value({})), rollout=(), plain={})
    tree, found = read_yaml(text, FILE)
    diagnostics = list(found)
    diagnostics += _shape_faults(tree)
    diagnostics += unknown_keys(tree, TOP_KEYS, "")
    diagnostics += policy_faults(tree.get("policy"))
    known = _section(tree, "environments")
    for name, one in known.items():
        diagnostics += environment_faults(name, one)
        diagnostics += _order_faults(one, known)
    ladder = _ladder(tree)
    steps, faults = read_rollout(tree.get("rollout"), tuple(ladder))
    diagnostics += faults
    drift, faults = read_drift(tree.get("drift"), ladder)
    diagnostics += faults
    plain = tree.plain()
    return ReleaseSettings(
        environments=ladder,
        rollout=steps,
        drift=drift,
        plain=plain if isinstance(plain, dict) else {},
        diagnostics=tuple(diagnostics),
    )


def _ladder(tree: Value) -> dict[str, EnvironmentSettings]:
    declared = _section(tree, "environments")
    names = list(declared) or list(ORDER)
    found: dict[str, EnvironmentSettings] = {}
    for at, name in enumerate(names):
        one = declared.get(name, Value({}))
        target, after, branches = one.get("target"), one.get("after"), one.get("branches")
        tags = one.get("tags")
        before = names[at - 1] if at else None
        found[name] = EnvironmentSettings(
            name=name,
            target=target.text if target is not None and target.text else name,
            branches=tuple(b.text for b in branches.elements) if branches is not None else (),
            tags=tuple(tag.text for tag in tags.elements) if tags is not None else (),
            after=(after.text or None) if after is not None else before,
        )
    return found


def _order_faults(one: Value, known: Mapping[str, Value]) -> Iterator[Diagnostic]:
    after = one.get("after")
    if after is not None and after.text and after.text not in known:
        detail = f"It is one of {', '.join(known)}."
        yield _fault(after, "`after` names no environment", detail)


def _shape_faults(tree: Value) -> Iterator[Diagnostic]:
    """A file that is taken for an empty one would lose the policy without a word."""
    if tree.kind not in {"map", "nil"}:
        yield _fault(tree, f"{FILE} is not a mapping", "Write `environments: …`, `policy: …`.")
        return
    section = tree.get("environments")
    if section is not None and section.kind not in {"map", "nil"}:
        detail = "Write `environments: {dev: {target: dev, catalog: dev}}`."
        yield _fault(section, "environments is not a mapping", detail)


def _section(tree: Value, name: str) -> Mapping[str, Value]:
    found = tree.get(name)
    return found.items if found is not None else {}


def _fault(tree: Value, summary: str, detail: str) -> Diagnostic:
    return error("release/settings", summary, detail, at=tree.locations)
