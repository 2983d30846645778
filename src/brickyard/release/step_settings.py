"""The rollout of `brickyard.yml`, decoded with its places and put in order.

    rollout:
      - step: evaluate
        evaluate: evaluation
        parameters: {model_version: "${steps.register.model_version}"}
        require: {recall: ">= 0.8"}
        no_worse: [correct]
      - step: alias
        set_alias: champion
        model: agent
        version: ${steps.register.model_version}

Every step has a name and exactly one action. A step waits for the one written before it, or for
those that `after` names, and always for those whose results it refers to. Every fault is reported
at once, with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.release.requirements import Requirement, RequirementFault, parse_requirement
from brickyard.release.step_kinds import COMMON, KINDS, NO_WORSE_KEYS, keys_of
from brickyard.values import Diagnostic, Value, did_you_mean, error, has_errors, warning

REFERENCE: Final = re.compile(r"\$\{steps\.([\w-]+)\.([\w.\-]+)\}")
# What the release itself leaves behind before the first step.
GIVEN: Final = ("policy", "release")
APART: Final = frozenset({"require", "no_worse"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorse:
    """Metrics of each example that may not be worse than what is live has them."""

    metrics: tuple[str, ...]
    lower_is_better: frozenset[str] = frozenset()
    alpha: float = 0.05
    margin: float | None = None  # the mean may not fall by more, significant or not
    needs_baseline: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStep:
    """One step: `action` is a key of `KINDS`, `subject` its value, `options` the other keys."""

    name: str
    action: str
    subject: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[Requirement, ...] = ()
    no_worse: NoWorse | None = None
    needs: frozenset[str] = frozenset()
    environments: tuple[str, ...] = ()

    def is_for(self, environment: str) -> bool:
        return not self.environments or environment in self.environments


def read_rollout(
    rollout: Value | None, environments: Sequence[str]
) -> tuple[tuple[RolloutStep, ...], list[Diagnostic]]:
    """The steps in the order they are done, and what is wrong with them."""
    faults: list[Diagnostic] = []
    if rollout is not None and rollout.kind not in {"sequence", "nil"}:
        faults.append(_fault(rollout, "rollout is not a list", "Write `- step: …` items."))
    found: dict[str, RolloutStep] = {}
    trees: dict[str, Value] = {}
    before = ""
    for at, tree in enumerate(rollout.elements if rollout is not None else ()):
        step, bad = _step(tree, f"rollout[{at}]", found, before)
        faults += bad
        name = tree.get("step")
        before = name.text if name is not None and name.text else before
        if step is not None:
            found[step.name], trees[step.name] = step, tree
    declared = {
        name.text
        for tree in (rollout.elements if rollout is not None else ())
        if (name := tree.get("step")) is not None
    }
    for key, step in found.items():
        faults += _needs_faults(step, trees[key], declared)
        faults += _environment_faults(step, trees[key], environments)
    ordered, ring = in_order(tuple(found.values()))
    if ring and not faults:
        way = " → ".join((*ring, ring[0]))
        detail = f"{way}: none of them can be first. Mend their `after`, or what they refer to."
        faults.append(_fault(trees[ring[0]], "rollout steps wait for each other", detail))
    return ordered, faults


def in_order(steps: tuple[RolloutStep, ...]) -> tuple[tuple[RolloutStep, ...], tuple[str, ...]]:
    """The steps so that each comes after what it needs, otherwise as written; or a ring."""
    names = {step.name for step in steps}
    left, done = list(steps), dict[str, RolloutStep]()
    while left:
        ready = next((one for one in left if not (one.needs & names) - done.keys()), None)
        if ready is None:
            return tuple(done.values()), _ring({one.name: one.needs for one in left})
        done[ready.name] = ready
        left.remove(ready)
    return tuple(done.values()), ()


def _ring(needs: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    way = [next(iter(needs))]
    while True:
        following = next(one for one in sorted(needs[way[-1]]) if one in needs)
        if following in way:
            return tuple(way[way.index(following) :])
        way.append(following)


def _step(
    tree: Value, path: str, taken: Mapping[str, RolloutStep], before: str
) -> tuple[RolloutStep | None, list[Diagnostic]]:
    faults: list[Diagnostic] = []
    name = tree.get("step")
    actions = [key for key in KINDS if tree.get(key) is not None]
    if name is None or not name.text:
        faults.append(_fault(tree, "a rollout step has no name", "Begin it with `step: <name>`."))
    elif name.text in taken:
        faults.append(_fault(name, "two rollout steps have one name", f"`{name.text}` is taken."))
    elif name.text in GIVEN:
        detail = f"`${{steps.{name.text}.…}}` is what the release itself found; name it otherwise."
        faults.append(_fault(name, "a rollout step has a name that is taken", detail))
    if len(actions) != 1:
        detail = f"A step has exactly one of {', '.join(KINDS)}; this one has {len(actions)}."
        faults.append(_fault(tree, "a rollout step has no single action", detail))
        return None, faults
    action = actions[0]
    known = keys_of(action)
    faults += unknown_keys(tree, frozenset({action, *COMMON, *known}), path)
    requirements, bad = read_requirements(tree.get("require"))
    no_worse, worse = _no_worse(tree.get("no_worse"), f"{path}.no_worse")
    faults += [*bad, *worse]
    if action == "metrics" and not (requirements or bad or no_worse or worse):
        faults.append(_fault(tree, "a gate requires nothing", "Add `require: {metric: '>= 0.8'}`."))
    if name is None or has_errors(faults):
        return None, faults
    after = tree.get("after")
    first = {before} if after is None and before else set(texts(after))
    step = RolloutStep(
        name=name.text,
        action=action,
        subject=tree.items[action].plain(),
        options={key: tree.items[key].plain() for key in tree.items if key in known.keys() - APART},
        requirements=requirements,
        no_worse=no_worse,
        needs=frozenset(first | set(_referred(tree.plain()))) - set(GIVEN),
        environments=texts(tree.get("in")),
    )
    return step, faults


def _referred(value: Any) -> Iterator[str]:
    """The steps that a value refers to."""
    if isinstance(value, str):
        yield from (found[1] for found in REFERENCE.finditer(value))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _referred(one)
    elif isinstance(value, list):
        for one in value:
            yield from _referred(one)


def _needs_faults(step: RolloutStep, tree: Value, declared: set[str]) -> Iterator[Diagnostic]:
    for name in sorted(step.needs - declared):
        place = tree.get("after") or tree
        hint = did_you_mean(name, declared)
        detail = f"`{step.name}` waits for `{name}`, which is no step. {hint}".strip()
        yield _fault(place, "a rollout step waits for one that is not there", detail)


def _environment_faults(
    step: RolloutStep, tree: Value, environments: Sequence[str]
) -> Iterator[Diagnostic]:
    for name in step.environments:
        if name not in environments:
            hint = did_you_mean(name, environments)
            detail = f"`{name}` is none. {hint}".strip()
            yield _fault(tree.get("in") or tree, "`in` names no environment", detail)


def _no_worse(tree: Value | None, path: str) -> tuple[NoWorse | None, list[Diagnostic]]:
    if tree is None:
        return None, []
    if tree.kind == "sequence":
        tree = Value({"metrics": tree}, tree.locations)
    faults = list(unknown_keys(tree, frozenset(NO_WORSE_KEYS), path))
    metrics = texts(tree.get("metrics"))
    numbers = {}
    for key, lowest, highest in (("alpha", 1e-9, 0.5), ("margin", 0.0, float("inf"))):
        value = tree.get(key)
        if value is None:
            continue
        if value.kind not in {"int", "float"} or not lowest <= float(str(value.data)) <= highest:
            detail = "alpha is above 0 and at most 0.5, margin is not negative."
            faults.append(_fault(value, f"`{key}` is not a number that it can be", detail))
        else:
            numbers[key] = float(str(value.data))
    if not metrics:
        detail = "Write `no_worse: [correct]`: metrics that every example has."
        faults.append(_fault(tree, "`no_worse` compares nothing", detail))
    if has_errors(faults):
        return None, faults
    baseline = tree.get("baseline")
    made = NoWorse(
        metrics=metrics,
        lower_is_better=frozenset(texts(tree.get("lower_is_better"))),
        alpha=numbers.get("alpha", 0.05),
        margin=numbers.get("margin"),
        needs_baseline=baseline is None or baseline.text != "optional",
    )
    return made, faults


def read_requirements(tree: Value | None) -> tuple[tuple[Requirement, ...], list[Diagnostic]]:
    """Metric to limit, as requirements."""
    found: list[Requirement] = []
    faults: list[Diagnostic] = []
    if tree is not None and tree.kind != "map":
        detail = "Write `require: {metric: '>= 0.8'}`."
        faults.append(_fault(tree, "`require` is not a mapping", detail))
    for metric, limit in (tree.items if tree is not None else {}).items():
        try:
            found.append(parse_requirement(metric, str(limit.data)))
        except RequirementFault as fault:
            faults.append(_fault(limit, "a gate's limit can't be read", str(fault)))
    return tuple(found), faults


def texts(tree: Value | None) -> tuple[str, ...]:
    """One text or a list of them."""
    if tree is None:
        return ()
    return (tree.text,) if tree.text else tuple(one.text for one in tree.elements if one.text)


def unknown_keys(tree: Value, known: frozenset[str], path: str) -> Iterator[Diagnostic]:
    """A warning for every key that is not read."""
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
