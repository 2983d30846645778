"""Gates: limits, and comparisons with what is live. One that can't be computed is closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.release.faults import GateFailed
from brickyard.release.paired_test import NotComparable, compare
from brickyard.release.requirements import judge
from brickyard.release.step_settings import NoWorse

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep


def hold_metrics(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """A gate over metrics, and examples, that an earlier step left."""
    metrics = step.subject if isinstance(step.subject, Mapping) else {}
    rollout.note(evaluation=dict(metrics))
    hold(rollout, step, metrics, step.options.get("examples"))
    count = len(step.no_worse.metrics) if step.no_worse is not None else 0
    return {"requirements": len(step.requirements) + count}


def hold(
    rollout: Rollout, step: RolloutStep, metrics: Mapping[str, Any], examples: object = None
) -> None:
    """Judge what the step requires; all of it is on record. Raises `GateFailed`."""
    outcomes = judge(step.requirements, metrics)
    rollout.note(
        evaluation={one.requirement.metric: one.value for one in outcomes if one.value is not None}
    )
    said = [(one.holds, str(one)) for one in outcomes]
    if step.no_worse is not None:
        rollout.note(examples={step.name: examples})
        said += [
            _no_worse(rollout, step, metric, step.no_worse, examples)
            for metric in step.no_worse.metrics
        ]
    rollout.note(gate=[f"{'holds' if holds else 'fails'}: {text}" for holds, text in said])
    for holds, text in said:
        rollout.say(step.name, f"{'holds' if holds else 'FAILS'}: {text}")
    failed = [text for holds, text in said if not holds]
    if failed:
        raise GateFailed(f"the gate `{step.name}` is closed: {'; '.join(failed)}")


def _no_worse(
    rollout: Rollout, step: RolloutStep, metric: str, wanted: NoWorse, examples: object
) -> tuple[bool, str]:
    """Whether a metric is no worse than what is live, and the sentence about it."""
    live = rollout.live
    if live is None:
        return True, f"{metric}: nothing is live yet that it could be worse than"
    measured = live.examples.get(step.name)
    if not measured:
        why = f"{metric}: release {live.sequence}, which is live, has no examples of `{step.name}`"
        if not wanted.needs_baseline:
            return True, f"{why}; its baseline is optional"
        return False, f"{why}; for the first time, write `baseline: optional`"
    try:
        found = compare(
            metric,
            examples,
            measured,
            lower_is_better=metric in wanted.lower_is_better,
            alpha=wanted.alpha,
            margin=wanted.margin,
        )
    except NotComparable as fault:
        return False, f"{fault} (not computed)"
    return not found.is_worse, str(found)
