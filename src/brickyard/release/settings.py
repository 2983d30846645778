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

Every step has a name and exactly one action; later steps read what earlier ones left as
`${steps.<step>.<field>}`. Every fault is reported at once, with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.policy.environment_keys import environment_faults
from brickyard.policy.policy_keys import policy_faults
from brickyard.release.requirements import Requirement, RequirementFault, parse_requirement
from brickyard.values import Diagnostic, Value, did_you_mean, error, read_yaml, warning

FILE: Final = "brickyard.yml"
ORDER: Final = ("dev", "staging", "prod")
ACTIONS: Final[Mapping[str, frozenset[str]]] = {
    "run_job": frozenset({"parameters"}),
    "metrics": frozenset({"require"}),
    "set_alias": frozenset({"model", "version"}),
    "serve": frozenset({"model", "version", "workload_size", "scale_to_zero", "environment_vars"}),
    "query": frozenset({"request", "expect"}),
}
TOP_KEYS: Final = frozenset({"environments", "policy", "rollout"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSettings:
    """One rung of the ladder. `after` names the environment that a commit must have passed."""

    name: str
    target: str
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStep:
    """One step: `action` is a key of `ACTIONS`, `subject` its value, `options` the other keys."""

    name: str
    action: str
    subject: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings:
    environments: Mapping[str, EnvironmentSettings]
    rollout: tuple[RolloutStep, ...]
    plain: Mapping[str, Any]  # the whole file, for the policy room
    diagnostics: tuple[Diagnostic, ...] = ()


def read_settings(text: bytes | None) -> ReleaseSettings:
    """Decode the file; with none, the usual three environments and no rollout."""
    if text is None:
        return ReleaseSettings(environments=_ladder(Value({})), rollout=(), plain={})
    tree, found = read_yaml(text, FILE)
    diagnostics = list(found)
    diagnostics += _unknown_keys(tree, TOP_KEYS, "")
    diagnostics += policy_faults(tree.get("policy"))
    known = _section(tree, "environments")
    for name, one in known.items():
        diagnostics += environment_faults(name, one)
        diagnostics += _order_faults(one, known)
    steps: list[RolloutStep] = []
    rollout = tree.get("rollout")
    if rollout is not None and rollout.kind not in {"sequence", "nil"}:
        diagnostics.append(_fault(rollout, "rollout is not a list", "Write `- step: …` items."))
    for at, one in enumerate(rollout.elements if rollout is not None else ()):
        step, faults = _step(one, f"rollout[{at}]", {known.name for known in steps})
        diagnostics += faults
        if step is not None:
            steps.append(step)
    plain = tree.plain()
    return ReleaseSettings(
        environments=_ladder(tree),
        rollout=tuple(steps),
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


def _step(tree: Value, path: str, taken: set[str]) -> tuple[RolloutStep | None, list[Diagnostic]]:
    faults: list[Diagnostic] = []
    name = tree.get("step")
    actions = [key for key in ACTIONS if tree.get(key) is not None]
    if name is None or not name.text:
        faults.append(_fault(tree, "a rollout step has no name", "Begin it with `step: <name>`."))
    elif name.text in taken:
        faults.append(_fault(name, "two rollout steps have one name", f"`{name.text}` is taken."))
    if len(actions) != 1:
        detail = f"A step has exactly one of {', '.join(ACTIONS)}; this one has "
        faults.append(
            _fault(tree, "a rollout step has no single action", f"{detail}{len(actions)}.")
        )
        return None, faults
    action = actions[0]
    allowed = {"step", action, *ACTIONS[action]}
    faults += _unknown_keys(tree, frozenset(allowed), path)
    requirements, bad = _requirements(tree.get("require"))
    faults += bad
    if action == "metrics" and not requirements and not bad:
        faults.append(_fault(tree, "a gate requires nothing", "Add `require: {metric: '>= 0.8'}`."))
    if faults or name is None:
        return None, faults
    options = {
        key: value.plain()
        for key, value in tree.items.items()
        if key in ACTIONS[action] and key != "require"
    }
    subject = tree.items[action].plain()
    step = RolloutStep(
        name=name.text,
        action=action,
        subject=subject,
        options=options,
        requirements=requirements,
    )
    return step, faults


def _requirements(tree: Value | None) -> tuple[tuple[Requirement, ...], list[Diagnostic]]:
    found: list[Requirement] = []
    faults: list[Diagnostic] = []
    for metric, limit in (tree.items if tree is not None else {}).items():
        try:
            found.append(parse_requirement(metric, str(limit.data)))
        except RequirementFault as fault:
            faults.append(_fault(limit, "a gate's limit can't be read", str(fault)))
    return tuple(found), faults


def _order_faults(one: Value, known: Mapping[str, Value]) -> Iterator[Diagnostic]:
    after = one.get("after")
    if after is not None and after.text and after.text not in known:
        detail = f"It is one of {', '.join(known)}."
        yield _fault(after, "`after` names no environment", detail)


def _section(tree: Value, name: str) -> Mapping[str, Value]:
    found = tree.get(name)
    return found.items if found is not None else {}


def _unknown_keys(tree: Value, known: frozenset[str], path: str) -> Iterator[Diagnostic]:
    for key, value in tree.items.items():
        if key not in known:
            yield warning(
                "release/unknown-key",
                "unknown key in brickyard.yml",
                f"`{key}` is not known here and is ignored. {did_you_mean(key, known)}".strip(),
                path=f"{path}.{key}" if path else key,
                at=value.key_locations,
            )


def _fault(tree: Value, summary: str, detail: str) -> Diagnostic:
    return error("release/settings", summary, detail, at=tree.locations)
